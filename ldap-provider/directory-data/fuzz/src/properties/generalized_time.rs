use std::time::{Duration, SystemTime};

use directory_data::generalized_time::parse;
use directory_data::ppolicy::{AccountLock, is_outside};

/// A time is read, and what the times of an account mean is decided.
///
/// The input is the value. It is a time exactly where a second opinion sees one, which counts days on its own, and it
/// is the same moment. Written anew in UTC, it is read again as the same. A lock of that time is in force until its
/// policy's duration is over, and an account that begins or ends then is valid from it on or until it.
pub fn generalized_time(input: &[u8]) {
    let read = parse(input);
    let second = second_opinion(input);
    assert_eq!(read.is_ok(), second.is_some(), "{}", String::from_utf8_lossy(input));
    assert_eq!(AccountLock::parse(input).is_ok(), read.is_ok());
    let (Ok(time), Some(second)) = (read, second) else { return };
    let moment = nanoseconds(time);
    let inexact = i128::from(second.is_cut_off);
    assert!((second.moment..=second.moment + inexact).contains(&moment), "{}", String::from_utf8_lossy(input));

    let written = written(moment);
    // A leap second, or a zone, may lead out of the years that can be written.
    if written.len() == "YYYYMMDDHHMMSS.nnnnnnnnnZ".len() {
        assert_eq!(parse(written.as_bytes()), Ok(time), "{written}");
    }

    let lock = AccountLock::parse(input).expect("a time");
    assert_eq!(lock == AccountLock::Permanent, moment == PERMANENT, "{}", String::from_utf8_lossy(input));
    check_lock(lock, time);
    check_bounds(time);
}

const SECOND: i128 = 1_000_000_000;

/// The first moment of the year 0.
const PERMANENT: i128 = -62_167_219_200 * SECOND;

fn check_lock(lock: AccountLock, time: SystemTime) {
    let moment = Duration::from_nanos(1);
    let is_permanent = lock == AccountLock::Permanent;
    for duration in [moment, Duration::from_mins(15), Duration::from_hours(24 * 365)] {
        let end = time + duration;
        assert!(lock.is_in_force(Some(duration), time - moment));
        assert!(lock.is_in_force(Some(duration), end - moment));
        assert_eq!(lock.is_in_force(Some(duration), end), is_permanent);
        for without_end in [None, Some(Duration::ZERO), Some(Duration::MAX)] {
            assert!(lock.is_in_force(without_end, end));
        }
    }
}

fn check_bounds(time: SystemTime) {
    let before = time - Duration::from_nanos(1);
    assert!(is_outside(Some(time), None, before) && !is_outside(Some(time), None, time));
    assert!(is_outside(None, Some(time), time) && !is_outside(None, Some(time), before));
    assert!(is_outside(Some(time), Some(time), time) && is_outside(Some(time), Some(time), before));
    assert!(!is_outside(None, None, time));
}

fn nanoseconds(time: SystemTime) -> i128 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i128::try_from(after.as_nanos()).unwrap(),
        Err(before) => -i128::try_from(before.duration().as_nanos()).unwrap(),
    }
}

struct Second {
    /// In nanoseconds since 1970.
    moment: i128,
    /// Whether digits were left out, so that a nanosecond may be missing.
    is_cut_off: bool,
}

/// The text is split from its end: zone, fraction, and pairs of digits.
fn second_opinion(input: &[u8]) -> Option<Second> {
    let text = str::from_utf8(input).ok().filter(|text| text.is_ascii())?;
    let (local, zone) = text.split_at(text.find(['Z', '+', '-'])?);
    let (pairs, fraction) = match local.split_once(['.', ',']) {
        Some((pairs, fraction)) => (pairs, Some(fraction)),
        None => (local, None),
    };
    let [century, year, month, day, hour, rest @ ..] = &numbers(pairs)?[..] else { return None };
    let (minute, second, unit) = match rest {
        [] => (0, 0, 3600),
        [minute] => (*minute, 0, 60),
        [minute, second] => (*minute, *second, 1),
        _ => return None,
    };
    let year = century * 100 + year;
    let is_leap = year % 400 == 0 || year % 4 == 0 && year % 100 != 0;
    let months = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = usize::try_from(*month).ok()?.checked_sub(1)?;
    let is_sound = (1..=*months.get(month)?).contains(day) && *hour < 24 && minute < 60 && second <= 60;
    is_sound.then_some(())?;
    // The years before this one, as if each had 365 days, and a day for each that had one more.
    let leap_days = |years: i128| (years + 3) / 4 - (years + 99) / 100 + (years + 399) / 400;
    let days = year * 365 + leap_days(year) + months[..month].iter().sum::<i128>() + day - 1;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset(zone)?;

    let digits = fraction.unwrap_or("0");
    (!digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())).then_some(())?;
    let counted = &digits[..digits.len().min(25)];
    let part = counted.parse::<u128>().ok()? * unit * 1_000_000_000 / 10_u128.pow(u32::try_from(counted.len()).ok()?);
    let moment = PERMANENT + seconds * SECOND + i128::try_from(part).ok()?;
    Some(Second { moment, is_cut_off: counted.len() < digits.len() })
}

fn offset(zone: &str) -> Option<i128> {
    if zone == "Z" {
        return Some(0);
    }
    let (sign, digits) = zone.split_at(1);
    let (hours, minutes) = match numbers(digits)?[..] {
        [hours] => (hours, 0),
        [hours, minutes] => (hours, minutes),
        _ => return None,
    };
    let seconds = (hours < 24 && minutes < 60).then_some(hours * 3600 + minutes * 60)?;
    match sign {
        "+" => Some(seconds),
        "-" => Some(-seconds),
        _ => None,
    }
}

/// Numbers of two digits each.
fn numbers(digits: &str) -> Option<Vec<i128>> {
    let is_sound = digits.len().is_multiple_of(2) && digits.bytes().all(|digit| digit.is_ascii_digit());
    let pairs = digits.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).ok()?.parse().ok());
    is_sound.then(|| pairs.collect())?
}

/// The moment in UTC, to the nanosecond. Goes from the year 0 to the right one, a year and a month at a time.
fn written(moment: i128) -> String {
    let since = moment - PERMANENT;
    let (mut days, of_day) = (since.div_euclid(86_400 * SECOND), since.rem_euclid(86_400 * SECOND));
    if days < 0 {
        return "before the year 0".to_owned();
    }
    let mut year = days / 146_097 * 400;
    days %= 146_097;
    let is_leap = |year: i128| year % 400 == 0 || year % 4 == 0 && year % 100 != 0;
    while days >= 365 + i128::from(is_leap(year)) {
        days -= 365 + i128::from(is_leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + i128::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (seconds, nanoseconds) = (of_day / SECOND, of_day % SECOND);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{:02}{hour:02}{minute:02}{second:02}.{nanoseconds:09}Z", days + 1)
}
