use std::time::{Duration, SystemTime};

use crate::{Malformed, generalized_time};

/// What `pwdAccountLockedTime` says (section 5.3.3). The attribute stays on entries whose lock is long over: that it is
/// there does not mean that the account is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountLock {
    /// Locked by an administrator, until one unlocks it: `000001010000Z`.
    Permanent,
    /// Locked at this time, for as long as the policy says.
    Since(SystemTime),
}

impl AccountLock {
    /// Reads the attribute: a [generalized time](generalized_time::parse). Whatever way the first moment of the year 0
    /// is written in, it is the permanent lock.
    pub fn parse(value: &[u8]) -> Result<Self, Malformed> {
        let permanent = generalized_time::parse(b"000001010000Z")?;
        let since = generalized_time::parse(value)?;
        Ok(if since == permanent { Self::Permanent } else { Self::Since(since) })
    }

    /// Whether the account is locked at this time. `lockout_duration` is the policy's `pwdLockoutDuration`: without one,
    /// and with 0, a lock is in force until it is reset (section 5.2.12). So is one whose end is beyond all times, and
    /// one that begins later.
    pub fn is_in_force(&self, lockout_duration: Option<Duration>, now: SystemTime) -> bool {
        match (self, lockout_duration) {
            (Self::Permanent, _) | (_, None | Some(Duration::ZERO)) => true,
            (Self::Since(since), Some(duration)) => since.checked_add(duration).is_none_or(|end| now < end),
        }
    }
}

/// Whether `now` is outside of what `pwdStartTime` and `pwdEndTime` say: before the one, or at the other or after it
/// (section 7.1). A bound that is absent bounds nothing.
pub fn is_outside(start: Option<SystemTime>, end: Option<SystemTime>, now: SystemTime) -> bool {
    start.is_some_and(|start| now < start) || end.is_some_and(|end| now >= end)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{AccountLock, is_outside};
    use crate::generalized_time;

    fn at(time: &str) -> SystemTime {
        generalized_time::parse(time.as_bytes()).unwrap()
    }

    #[test]
    fn a_permanent_lock_is_in_force_at_all_times() {
        for text in ["000001010000Z", "00000101000000Z", "0000010100Z", "000001010000+0000", "000001010100+0100"] {
            let lock = AccountLock::parse(text.as_bytes()).unwrap();
            assert_eq!(lock, AccountLock::Permanent, "{text}");
            assert!(lock.is_in_force(Some(Duration::from_secs(1)), at("20240101000000Z")));
        }
    }

    #[test]
    fn a_lock_is_in_force_until_the_policys_duration_is_over() {
        let lock = AccountLock::parse(b"20240101000000Z").unwrap();
        assert_eq!(lock, AccountLock::Since(at("20240101000000Z")));
        let minutes = |minutes| Some(Duration::from_mins(minutes));
        for (duration, now, expected) in [
            (minutes(15), "20240101000000Z", true),
            (minutes(15), "20240101001459Z", true),
            (minutes(15), "20240101001500Z", false),
            (minutes(15), "20250101000000Z", false),
            (minutes(15), "20231231235959Z", true),
            (None, "99991231235959Z", true),
            (Some(Duration::ZERO), "99991231235959Z", true),
            (Some(Duration::MAX), "99991231235959Z", true),
        ] {
            assert_eq!(lock.is_in_force(duration, at(now)), expected, "{duration:?} {now}");
        }
    }

    #[test]
    fn what_is_no_time_is_no_lock_that_could_be_over() {
        for value in
            [&b""[..], b"0", b"000001010000", b"TRUE", b"20240101000000", b" 000001010000Z", b"000001010000Z\0"]
        {
            assert!(AccountLock::parse(value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn an_account_is_valid_from_its_start_until_before_its_end() {
        let (start, end) = (Some(at("20240101000000Z")), Some(at("20240201000000Z")));
        for (start, end, now, expected) in [
            (start, end, "20231231235959.999999999Z", true),
            (start, end, "20240101000000Z", false),
            (start, end, "20240131235959.999999999Z", false),
            (start, end, "20240201000000Z", true),
            (start, None, "20231231235959Z", true),
            (start, None, "99991231235959Z", false),
            (None, end, "00000101000000Z", false),
            (None, end, "20240201000000Z", true),
            (None, None, "20240201000000Z", false),
            (end, start, "20240115000000Z", true),
        ] {
            assert_eq!(is_outside(start, end, at(now)), expected, "{now}");
        }
    }
}
