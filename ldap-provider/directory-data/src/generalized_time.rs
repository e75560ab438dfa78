//! Times as LDAP writes them.

use std::time::{Duration, SystemTime};

use time::{Date, Month};

use crate::Malformed;

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
const JULIAN_DAY_OF_1970: i64 = 2_440_588;

/// Reads a `GeneralizedTime` (RFC 4517 section 3.3.13): `20240229235959.5Z`, `202402292359+0100`, `2024022923,25Z`.
///
/// Years from 0 to 9999 of the Gregorian calendar, also before there was one; the time zone must be there. Minutes and
/// seconds need not be, and a fraction is one of the last unit that is there; what it says beyond nanoseconds is cut
/// off. The leap second `60` is the second after `59`, which is what the clock of POSIX makes of it.
pub fn parse(value: &[u8]) -> Result<SystemTime, Malformed> {
    let mut rest = value;
    let text = &mut rest;
    let day = day(text).ok_or_else(|| malformed("it does not begin with a day of the calendar"))?;
    let hour = pair(text, 23).ok_or_else(|| malformed("it has no hour from 00 to 23"))?;
    let (minute, second, unit) = match text.first() {
        Some(b'0'..=b'9') => {
            let minute = pair(text, 59).ok_or_else(|| malformed("its minute is not from 00 to 59"))?;
            match text.first() {
                Some(b'0'..=b'9') => {
                    let second = pair(text, 60).ok_or_else(|| malformed("its second is not from 00 to 60"))?;
                    (minute, second, 1)
                }
                _ => (minute, 0, 60),
            }
        }
        _ => (0, 0, 3600),
    };
    let fraction = fraction(text, unit).ok_or_else(|| malformed("its fraction has no digits"))?;
    let offset = offset(text).ok_or_else(|| malformed("it has no time zone, such as Z or +0100"))?;
    if !text.is_empty() {
        return Err(malformed("something follows its time zone"));
    }
    let seconds = day * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - offset;
    let since_1970 = Duration::from_secs(seconds.unsigned_abs());
    let whole = match seconds {
        0.. => SystemTime::UNIX_EPOCH.checked_add(since_1970),
        _ => SystemTime::UNIX_EPOCH.checked_sub(since_1970),
    };
    whole.and_then(|whole| whole.checked_add(fraction)).ok_or_else(|| malformed("it is beyond all times"))
}

fn malformed(why: &'static str) -> Malformed {
    Malformed::new("a generalized time", why)
}

/// Year, month and day, as days since 1970-01-01.
fn day(text: &mut &[u8]) -> Option<i64> {
    let (century, year, month, day) = (pair(text, 99)?, pair(text, 99)?, pair(text, 12)?, pair(text, 31)?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let year = i32::try_from(century * 100 + year).ok()?;
    let date = Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
    Some(i64::from(date.to_julian_day()) - JULIAN_DAY_OF_1970)
}

/// Two digits that make a number up to `most`.
fn pair(text: &mut &[u8], most: i64) -> Option<i64> {
    let (&[tens @ b'0'..=b'9', ones @ b'0'..=b'9'], rest) = text.split_first_chunk()? else { return None };
    let number = i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
    *text = rest;
    (number <= most).then_some(number)
}

/// The fraction of a unit of so many seconds, if there is one.
fn fraction(text: &mut &[u8], unit: u64) -> Option<Duration> {
    let Some((b'.' | b',', rest)) = text.split_first() else { return Some(Duration::ZERO) };
    let digits = rest.iter().take_while(|octet| octet.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at_checked(digits).filter(|(digits, _)| !digits.is_empty())?;
    *text = rest;
    // From the last digit on, each step a tenth of what it has: the remainders that this drops never come to a nanosecond.
    let of_digit = |digit: &u8| u64::from(digit - b'0') * unit * NANOSECONDS_PER_SECOND;
    Some(Duration::from_nanos(digits.iter().rev().fold(0, |rest, digit| (of_digit(digit) + rest) / 10)))
}

/// How many seconds the time zone is before UTC.
fn offset(text: &mut &[u8]) -> Option<i64> {
    let (&zone, rest) = text.split_first()?;
    *text = rest;
    let sign = match zone {
        b'Z' => return Some(0),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = pair(text, 23)?;
    let minutes = if text.is_empty() { 0 } else { pair(text, 59)? };
    Some(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::parse;

    fn nanoseconds(text: &str) -> i128 {
        let time = parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text} {error}"));
        let signed = |duration: Duration| i128::try_from(duration.as_nanos()).unwrap();
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => signed(after),
            Err(before) => -signed(before.duration()),
        }
    }

    const SECOND: i128 = 1_000_000_000;

    #[test]
    fn a_time_is_a_moment_in_utc() {
        for (text, seconds) in [
            ("19700101000000Z", 0),
            ("19700101000001Z", 1),
            ("19691231235959Z", -1),
            ("20240101000000Z", 1_704_067_200),
            ("20000229120000Z", 951_825_600),
            ("16010101000000Z", -11_644_473_600),
            ("20380119031408Z", 2_147_483_648),
            ("99991231235959Z", 253_402_300_799),
            ("00000101000000Z", -62_167_219_200),
            ("000001010000Z", -62_167_219_200),
            ("00000229000000Z", -62_167_219_200 + 59 * 86_400),
        ] {
            assert_eq!(nanoseconds(text), seconds * SECOND, "{text}");
        }
    }

    #[test]
    fn minutes_seconds_and_zones_may_be_written_in_each_way() {
        let noon = nanoseconds("20240601120000Z");
        for text in [
            "2024060112Z",
            "202406011200Z",
            "202406011400+0200",
            "2024060114+02",
            "20240601063000-0530",
            "202406020001+1201",
            "20240601120000+00",
            "20240601120000-0000",
            "20240601115960Z",
        ] {
            assert_eq!(nanoseconds(text), noon, "{text}");
        }
    }

    #[test]
    fn a_fraction_is_one_of_the_last_unit() {
        for (text, whole, fraction) in [
            ("20240601120000.5Z", "20240601120000Z", SECOND / 2),
            ("20240601120000,5Z", "20240601120000Z", SECOND / 2),
            ("202406011200.5Z", "202406011200Z", 30 * SECOND),
            ("2024060112.25Z", "2024060112Z", 900 * SECOND),
            ("2024060112,25+0100", "2024060111Z", 900 * SECOND),
            ("20240601120000.000000001Z", "20240601120000Z", 1),
            ("20240601120000.0000000009Z", "20240601120000Z", 0),
            ("20240601120000.99999999999999999999999999999999999999999Z", "20240601120000Z", SECOND - 1),
            ("2024060112.000000000000277777777777777777Z", "2024060112Z", 0),
            ("2024060112.000000000000277777777777777778Z", "2024060112Z", 1),
            ("19691231235959.75Z", "19691231235959Z", 3 * SECOND / 4),
            ("20240601115960.5Z", "20240601120000Z", SECOND / 2),
        ] {
            assert_eq!(nanoseconds(text), nanoseconds(whole) + fraction, "{text}");
        }
    }

    #[test]
    fn the_days_are_those_of_the_calendar() {
        for day in ["20240229", "20000229", "00000229", "04000229", "20240430", "20241231"] {
            assert!(parse(format!("{day}000000Z").as_bytes()).is_ok(), "{day}");
        }
        for day in
            ["20230229", "19000229", "21000229", "20240230", "20240431", "20241232", "20240100", "20240001", "20241301"]
        {
            assert!(parse(format!("{day}000000Z").as_bytes()).is_err(), "{day}");
        }
    }

    #[test]
    fn what_is_not_of_the_form_is_no_time() {
        for text in [
            "",
            "Z",
            "20240601",
            "20240601Z",
            "202406011Z",
            "2024060124Z",
            "202406011260Z",
            "20240601120061Z",
            "20240601120",
            "20240601120000",
            "20240601120000.5",
            "20240601120000.Z",
            "20240601120000,Z",
            "20240601120000.5.5Z",
            "20240601120000z",
            "20240601120000ZZ",
            "20240601120000Z ",
            "20240601120000Z\0",
            " 20240601120000Z",
            "20240601120000+",
            "20240601120000+1",
            "20240601120000+24",
            "20240601120000+010",
            "20240601120000+0160",
            "20240601120000+01:00",
            "20240601120000+0100Z",
            "20240601 120000Z",
            "2024-06-01T12:00:00Z",
            "-0240601120000Z",
            "241231120000Z",
            "2024060112000000Z",
            "20240601120000+1\u{661}",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(parse(b"2024060112000\xb2Z").is_err());
    }

    #[test]
    fn a_part_of_a_time_is_none() {
        for text in ["20240601120000Z", "20240601120000.5Z", "202406011200Z"] {
            for length in 0..text.len() {
                assert!(parse(&text.as_bytes()[..length]).is_err(), "{}", &text[..length]);
            }
        }
    }

    #[test]
    fn with_one_bit_changed_a_time_is_another_or_none() {
        let text = b"20240601115959Z";
        let time = parse(text);
        for bit in 0..text.len() * 8 {
            let mut changed = *text;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(parse(&changed).ok(), time.clone().ok(), "{}", String::from_utf8_lossy(&changed));
        }
    }
}
