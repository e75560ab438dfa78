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

/// Whether an administrator has reset the password, so that it must be changed first: `pwdLastSet` is 0 (MS-ADA3).
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{UserAccountControl, account_expires, file_time, is_password_reset};
    use crate::generalized_time;

    fn bits_of(value: &str) -> UserAccountControl {
        UserAccountControl::parse(value.as_bytes()).unwrap()
    }

    #[test]
    fn a_disabled_account_is_told_by_its_bit_whatever_else_is_set() {
        for (value, expected) in [
            ("512", false),
            ("514", true),
            ("66048", false),
            ("66050", true),
            ("544", false),
            ("546", true),
            ("262656", false),
            ("0", false),
            ("-1", true),
            ("-2147483648", false),
        ] {
            assert_eq!(bits_of(value).is_disabled(), expected, "{value}");
        }
    }

    #[test]
    fn each_question_is_one_bit() {
        type Question = fn(UserAccountControl) -> bool;
        let questions: [(Question, &[u32]); 4] = [
            (UserAccountControl::is_disabled, &[0x2]),
            (UserAccountControl::is_locked_out, &[0x10]),
            (UserAccountControl::is_password_expired, &[0x80_0000]),
            (UserAccountControl::is_machine_account, &[0x800, 0x1000, 0x2000]),
        ];
        for bit in (0..32).map(|shift| 1_u32 << shift) {
            let read = bits_of(&bit.cast_signed().to_string());
            assert_eq!(read.bits(), bit);
            for (question, yes) in questions {
                assert_eq!(question(read), yes.contains(&bit), "{bit:x}");
            }
        }
    }

    #[test]
    fn the_computed_attribute_tells_locks_and_expired_passwords() {
        let (locked, expired) = (bits_of("16"), bits_of("8388608"));
        assert!(locked.is_locked_out() && !locked.is_password_expired());
        assert!(expired.is_password_expired() && !expired.is_locked_out());
    }

    #[test]
    fn what_is_no_number_of_32_bits_is_no_control() {
        for value in [
            "",
            "-",
            "-0",
            "+512",
            " 512",
            "512 ",
            "512\0",
            "0512",
            "0x200",
            "512.0",
            "2147483648",
            "-2147483649",
            "4294967296",
            "9223372036854775808",
            "NORMAL_ACCOUNT",
            "٥١٢",
        ] {
            assert!(UserAccountControl::parse(value.as_bytes()).is_err(), "{value:?}");
        }
    }

    #[test]
    fn an_account_expires_at_its_time() {
        for (value, time) in [
            ("133485408000000000", "20240101000000Z"),
            ("125911584000000000", "20000101000000Z"),
            ("116444736000000000", "19700101000000Z"),
            ("116444735999999999", "19691231235959.9999999Z"),
            ("2650467743990000000", "99991231235959Z"),
            ("1", "16010101000000.0000001Z"),
        ] {
            let expected = generalized_time::parse(time.as_bytes()).unwrap();
            assert_eq!(account_expires(value.as_bytes()), Ok(Some(expected)), "{value}");
        }
        let last = account_expires(b"9223372036854775806").unwrap().unwrap();
        assert!(last > SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 365 * 20_000));
    }

    #[test]
    fn only_0_and_the_largest_are_never() {
        assert_eq!(account_expires(b"0"), Ok(None));
        assert_eq!(account_expires(b"9223372036854775807"), Ok(None));
    }

    #[test]
    fn what_is_no_time_is_not_never() {
        for value in [
            "",
            "-1",
            "-0",
            "00",
            "+0",
            " 0",
            "0 ",
            "0\0",
            "never",
            "0x7FFFFFFFFFFFFFFF",
            "9223372036854775808",
            "18446744073709551615",
            "133485408000000000.0",
            "20240101000000Z",
            "-9223372036854775808",
        ] {
            assert!(account_expires(value.as_bytes()).is_err(), "{value:?}");
            assert!(file_time(value.as_bytes()).is_err(), "{value:?}");
            assert!(is_password_reset(value.as_bytes()).is_err(), "{value:?}");
        }
    }

    #[test]
    fn a_password_that_was_set_at_0_must_be_changed() {
        assert_eq!(is_password_reset(b"0"), Ok(true));
        assert_eq!(is_password_reset(b"133485408000000000"), Ok(false));
    }
}
