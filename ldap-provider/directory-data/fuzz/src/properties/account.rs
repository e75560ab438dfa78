use std::time::{Duration, SystemTime};

use directory_data::active_directory::{
    UserAccountControl, account_expires, file_time, is_password_reset, primary_group_id,
};
use directory_data::{boolean, netscape, shadow};

/// The attributes that say in a number or a word what state an account is in are read.
///
/// The input is the value. It is a number exactly where the standard library reads one and would write it the same way,
/// and is within what the attribute may hold. From the time that an account expires the number comes back.
pub fn account(input: &[u8]) {
    let number = number(input);
    let within = |least: i128, most: i128| number.filter(|number| (least..=most).contains(number));
    user_account_control(input, within(i32::MIN.into(), i32::MAX.into()));
    windows_times(input, within(0, i64::MAX.into()));
    shadow_expire(input, within(-1, i64::MAX.into()));
    let seconds = within(0, i64::MAX.into()).map(|seconds| Duration::from_secs(seconds.try_into().unwrap()));
    assert_eq!(netscape::parse_expiring(input).ok(), seconds, "{input:?}");
    let group = within(0, i32::MAX.into()).map(|number| number.try_into().unwrap());
    assert_eq!(primary_group_id(input).ok(), group, "{input:?}");
    assert_eq!(boolean::is_true(input), String::from_utf8_lossy(input).to_ascii_lowercase() == "true");
}

fn number(input: &[u8]) -> Option<i128> {
    let text = str::from_utf8(input).ok()?;
    text.parse().ok().filter(|number: &i128| number.to_string() == text)
}

fn user_account_control(input: &[u8], number: Option<i128>) {
    let read = UserAccountControl::parse(input).ok();
    assert_eq!(read.map(|read| i128::from(read.bits().cast_signed())), number, "{input:?}");
    let Some(read) = read else { return };
    let is_set = |bit: u32| read.bits() >> bit & 1 == 1;
    assert_eq!(read.is_disabled(), is_set(1));
    assert_eq!(read.is_locked_out(), is_set(4));
    assert_eq!(read.is_machine_account(), is_set(11) || is_set(12) || is_set(13));
    assert_eq!(read.is_password_expired(), is_set(23));
}

fn windows_times(input: &[u8], number: Option<i128>) {
    assert_eq!(file_time(input).ok().map(i128::from), number, "{input:?}");
    assert_eq!(is_password_reset(input).ok(), number.map(|number| number == 0), "{input:?}");
    let expires = account_expires(input);
    assert_eq!(expires.is_ok(), number.is_some(), "{input:?}");
    let Ok(expires) = expires else { return };
    let back = expires.map(|time| {
        let nanoseconds = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i128::try_from(after.as_nanos()).unwrap(),
            Err(before) => -i128::try_from(before.duration().as_nanos()).unwrap(),
        };
        assert_eq!(nanoseconds % 100, 0);
        // From 1601 to 1970 are 369 years of 365 days, and 89 days of leap years.
        nanoseconds / 100 + (369 * 365 + 89) * 86_400 * 10_000_000
    });
    assert_eq!(back, number.filter(|number| *number != 0 && *number != i64::MAX.into()), "{input:?}");
}

fn shadow_expire(input: &[u8], day: Option<i128>) {
    let is_expired = |now| shadow::is_expired(input, now);
    assert_eq!(is_expired(SystemTime::UNIX_EPOCH).is_ok(), day.is_some(), "{input:?}");
    let begin = |day: i128| {
        let seconds = u64::try_from(day).ok()?.checked_mul(86_400)?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    };
    match day {
        Some(-1 | 0) => assert_eq!(is_expired(SystemTime::UNIX_EPOCH), Ok(false)),
        Some(day) => {
            if let Some(begin) = begin(day) {
                assert_eq!(is_expired(begin), Ok(true), "{input:?}");
                assert_eq!(is_expired(begin - Duration::from_nanos(1)), Ok(false), "{input:?}");
            } else {
                assert_eq!(is_expired(SystemTime::UNIX_EPOCH), Ok(false), "{input:?}");
            }
        }
        None => {}
    }
}
