use std::time::{Duration, SystemTime};

use crate::{Malformed, integer};

/// The bits of `userAccountControl` and of `msDS-User-Account-Control-Computed` (MS-ADTS section 2.2.16).
///
/// Accounts have all kinds of bits, so a bit is what may be asked for, and never a whole value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserAccountControl(u32);

impl UserAccountControl {
    const DISABLED: u32 = 0x2;
    const LOCKED_OUT: u32 = 0x10;
    /// Between domains, of a workstation, of a domain controller.
    const TRUST_ACCOUNTS: u32 = 0x800 | 0x1000 | 0x2000;
    const PASSWORD_EXPIRED: u32 = 0x80_0000;

    /// Reads the attribute: a number in decimal digits, of 32 bits with a sign, so that the highest bit makes it
    /// negative.
    pub fn parse(value: &[u8]) -> Result<Self, Malformed> {
        let malformed = |why| Malformed::new("a user account control", why);
        let bits = integer::parse(value).map_err(|error| malformed(error.why()))?;
        let bits = i32::try_from(bits).map_err(|_| malformed("it has more than 32 bits"))?;
        Ok(Self(bits.cast_unsigned()))
    }

    /// Whether an administrator has disabled the account.
    pub fn is_disabled(self) -> bool {
        self.0 & Self::DISABLED != 0
    }

    /// Whether the account is locked. The plain attribute does not keep this bit: it is in the computed one alone.
    pub fn is_locked_out(self) -> bool {
        self.0 & Self::LOCKED_OUT != 0
    }

    /// Whether the password has expired. The plain attribute does not keep this bit: it is in the computed one alone.
    pub fn is_password_expired(self) -> bool {
        self.0 & Self::PASSWORD_EXPIRED != 0
    }

    /// Whether the account is no person's, but that of a workstation, a domain controller or another domain.
    pub fn is_machine_account(self) -> bool {
        self.0 & Self::TRUST_ACCOUNTS != 0
    }

    /// All of the bits.
    pub fn bits(self) -> u32 {
        self.0
    }
}

const SECONDS_FROM_1601_TO_1970: u64 = 11_644_473_600;
const INTERVALS_PER_SECOND: u64 = 10_000_000;

/// When an account expires, from `accountExpires` (MS-ADA1 section 2.1): it has expired when it is later than that.
/// `None` is never, for which Active Directory writes 0 or 2^63 - 1. Only what is one of these is never.
pub fn account_expires(value: &[u8]) -> Result<Option<SystemTime>, Malformed> {
    match file_time(value)? {
        0 | i64::MAX => Ok(None),
        intervals => match system_time(intervals) {
            Some(time) => Ok(Some(time)),
            None => Err(Malformed::new(FILE_TIME, "it is beyond all times")),
        },
    }
}

/// Whether an administrator has reset the password, so that it must be changed first: `pwdLastSet` is 0 (MS-ADA3
/// section 2.174).
pub fn is_password_reset(pwd_last_set: &[u8]) -> Result<bool, Malformed> {
    Ok(file_time(pwd_last_set)? == 0)
}

const FILE_TIME: &str = "a time of Windows";

/// A time of Windows: 100 ns since 1601-01-01 UTC, as a number in decimal digits, from 0 to 2^63 - 1 (MS-DTYP section
/// 2.3.3, as an attribute of syntax `LargeInteger`). 0 and the largest mostly mean something else than a time.
pub fn file_time(value: &[u8]) -> Result<i64, Malformed> {
    let intervals = integer::parse(value).map_err(|error| Malformed::new(FILE_TIME, error.why()))?;
    if intervals < 0 { Err(Malformed::new(FILE_TIME, "it is negative")) } else { Ok(intervals) }
}

fn system_time(intervals: i64) -> Option<SystemTime> {
    let intervals = u64::try_from(intervals).ok()?;
    let nanoseconds = u32::try_from(intervals % INTERVALS_PER_SECOND * 100).ok()?;
    let since_1601 = Duration::new(intervals / INTERVALS_PER_SECOND, nanoseconds);
    let from_1601_to_1970 = Duration::from_secs(SECONDS_FROM_1601_TO_1970);
    match since_1601.checked_sub(from_1601_to_1970) {
        Some(since_1970) => SystemTime::UNIX_EPOCH.checked_add(since_1970),
        None => SystemTime::UNIX_EPOCH.checked_sub(from_1601_to_1970.checked_sub(since_1601)?),
    }
}
