//! Times as LDAP writes them.

use std::time::{Duration, SystemTime};

use time::{Date, Month};

use crate::Malformed;

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
const JULIAN_DAY_OF_1970: i64 = 2_440_588;

/// The most digits of a fraction that count: a billionth of a billionth of an hour.
const MOST_DIGITS: usize = 18;

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
    let add = |(sum, parts): (u128, u128), digit: &u8| (sum * 10 + u128::from(digit - b'0'), parts * 10);
    let (sum, parts) = digits.iter().take(MOST_DIGITS).fold((0, 1), add);
    let nanoseconds = sum * u128::from(unit * NANOSECONDS_PER_SECOND) / parts;
    u64::try_from(nanoseconds).ok().map(Duration::from_nanos)
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
