//! Accounts that expire as Unix's shadow file has them (RFC 2307 section 3, shadow(5)).

use std::time::{Duration, SystemTime};

use crate::{Malformed, integer};

const SECONDS_PER_DAY: u64 = 86_400;

/// Whether an account has expired by its `shadowExpire`, the first day on which it cannot be used any more, in days
/// since 1970-01-01 UTC. -1 and 0 are never; a number below is none that this attribute has.
pub fn is_expired(shadow_expire: &[u8], now: SystemTime) -> Result<bool, Malformed> {
    let malformed = |why| Malformed::new("a day on which an account expires", why);
    match integer::parse(shadow_expire).map_err(|error| malformed(error.why()))? {
        -1 | 0 => Ok(false),
        day => {
            let day = u64::try_from(day).map_err(|_| malformed("it is negative"))?;
            let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
            Ok(since_1970.as_secs() / SECONDS_PER_DAY >= day)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::is_expired;

    /// So many seconds before or after midnight UTC at the beginning of 2024-01-01, day 19723.
    fn around_2024(seconds: i64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs((19_723 * 86_400_i64 + seconds).unsigned_abs())
    }

    #[test]
    fn an_account_expires_at_midnight_utc_when_its_day_begins() {
        for (day, seconds, expected) in [
            (&b"19722"[..], 0, true),
            (b"19722", -1, true),
            (b"19723", -1, false),
            (b"19723", 0, true),
            (b"19723", 86_399, true),
            (b"19724", 0, false),
            (b"19724", 86_399, false),
            (b"19724", 86_400, true),
            (b"1", 0, true),
            (b"9223372036854775807", 0, false),
        ] {
            assert_eq!(is_expired(day, around_2024(seconds)), Ok(expected), "{day:?} {seconds}");
        }
    }

    #[test]
    fn minus_1_and_0_are_never() {
        for value in [&b"-1"[..], b"0"] {
            assert_eq!(is_expired(value, around_2024(0)), Ok(false));
        }
    }

    #[test]
    fn what_is_no_day_is_not_never() {
        for value in [
            &b""[..],
            b"-2",
            b"-19723",
            b"never",
            b"19723 ",
            b" -1",
            b"-0",
            b"00",
            b"-01",
            b"1.0",
            b"0x10",
            b"9223372036854775808",
        ] {
            assert!(is_expired(value, around_2024(0)).is_err(), "{value:?}");
        }
    }

    #[test]
    fn a_clock_before_1970_expires_nobody() {
        let now = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(is_expired(b"1", now), Ok(false));
    }
}
