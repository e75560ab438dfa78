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
