use std::time::Duration;

use crate::Malformed;

/// What the control of an answer says (section 6.2): nothing, a warning, an error, or both.
///
/// A server sends an error together with success too: a password that must be changed first has result code 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyResponse {
    /// What will happen.
    pub warning: Option<Warning>,
    /// What has happened.
    pub error: Option<PolicyError>,
}

/// What will happen to a password that is right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// It expires in so long: whole seconds, at most 2^31 - 1.
    TimeBeforeExpiration(Duration),
    /// It has expired, and this many more binds are let through: at most 2^31 - 1.
    GraceLoginsRemaining(u32),
}

/// What is wrong with a password, a new password or an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// 0: it has expired.
    PasswordExpired,
    /// 1: the account is locked, or not valid now, whatever the password.
    AccountLocked,
    /// 2: it must be changed before anything else.
    ChangeAfterReset,
    /// 3: it may not be changed.
    PasswordModNotAllowed,
    /// 4: the old one is missing.
    MustSupplyOldPassword,
    /// 5: the new one is too easy to guess.
    InsufficientPasswordQuality,
    /// 6: the new one is too short.
    PasswordTooShort,
    /// 7: the last change was too short a time ago.
    PasswordTooYoung,
    /// 8: the new one was used before.
    PasswordInHistory,
    /// 9: the new one is too long.
    PasswordTooLong,
}

const WHAT: &str = "a password policy response";

const SEQUENCE: u8 = 0x30;
const WARNING: u8 = 0xa0;
const TIME_BEFORE_EXPIRATION: u8 = 0x80;
const GRACE_LOGINS_REMAINING: u8 = 0x81;
const ERROR: u8 = 0x81;

impl PolicyResponse {
    /// Reads the control's value:
    ///
    /// ```text
    /// SEQUENCE { warning [0] CHOICE { timeBeforeExpiration [0] INTEGER (0 .. maxInt),
    ///                                 graceAuthNsRemaining [1] INTEGER (0 .. maxInt) } OPTIONAL,
    ///            error   [1] ENUMERATED { passwordExpired (0), .. passwordTooLong (9) } OPTIONAL }
    /// ```
    ///
    /// Lengths may have any definite form of up to four octets, as everywhere in LDAP (RFC 4511 section 5.1), where some
    /// servers write all of theirs in four. Nothing else has two forms. What is unknown, negative, cut off,
    /// twice, in another order or behind the end is an error, and so is a value without octets.
    pub fn parse(value: &[u8]) -> Result<Self, Malformed> {
        let mut rest = value;
        let Some((SEQUENCE, mut parts)) = element(&mut rest)? else {
            return Err(malformed("it is not a sequence"));
        };
        if !rest.is_empty() {
            return Err(malformed("octets follow its end"));
        }
        let warning = optional(WARNING, &mut parts)?.map(Warning::parse).transpose()?;
        let error = optional(ERROR, &mut parts)?.map(PolicyError::parse).transpose()?;
        if !parts.is_empty() {
            return Err(malformed("a part of it is unknown, there twice or out of order"));
        }
        Ok(Self { warning, error })
    }
}

impl Warning {
    fn parse(mut choice: &[u8]) -> Result<Self, Malformed> {
        let warning = match element(&mut choice)? {
            Some((TIME_BEFORE_EXPIRATION, octets)) => {
                Self::TimeBeforeExpiration(Duration::from_secs(u64::from(number(octets)?)))
            }
            Some((GRACE_LOGINS_REMAINING, octets)) => Self::GraceLoginsRemaining(number(octets)?),
            _ => return Err(malformed("the warning is unknown")),
        };
        if choice.is_empty() { Ok(warning) } else { Err(malformed("there is more than one warning")) }
    }
}

impl PolicyError {
    fn parse(octets: &[u8]) -> Result<Self, Malformed> {
        Ok(match number(octets)? {
            0 => Self::PasswordExpired,
            1 => Self::AccountLocked,
            2 => Self::ChangeAfterReset,
            3 => Self::PasswordModNotAllowed,
            4 => Self::MustSupplyOldPassword,
            5 => Self::InsufficientPasswordQuality,
            6 => Self::PasswordTooShort,
            7 => Self::PasswordTooYoung,
            8 => Self::PasswordInHistory,
            9 => Self::PasswordTooLong,
            _ => return Err(malformed("the error is unknown")),
        })
    }
}

fn malformed(why: &'static str) -> Malformed {
    Malformed::new(WHAT, why)
}

/// Takes the content of the next element off if it has this identifier; otherwise nothing is read.
fn optional<'a>(identifier: u8, octets: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
    if octets.first() != Some(&identifier) {
        return Ok(None);
    }
    Ok(element(octets)?.map(|(_, content)| content))
}

/// Takes the next element off, its identifier and its content; `None` if there is none.
fn element<'a>(octets: &mut &'a [u8]) -> Result<Option<(u8, &'a [u8])>, Malformed> {
    let cut_off = || malformed("it is cut off");
    let Some((&identifier, rest)) = octets.split_first() else { return Ok(None) };
    let (&first, rest) = rest.split_first().ok_or_else(cut_off)?;
    let (length, rest) = match first {
        0x00..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f)).ok_or_else(cut_off)?;
            (length.iter().fold(0, |sum, &octet| sum << 8 | usize::from(octet)), rest)
        }
        _ => return Err(malformed("a length of it is not in a definite form of up to four octets")),
    };
    let (content, rest) = rest.split_at_checked(length).ok_or_else(cut_off)?;
    *octets = rest;
    Ok(Some((identifier, content)))
}

/// From 0 to 2^31 - 1 (`maxInt` of RFC 4511 section 4.1.1), in the fewest octets, which BER asks of every integer
/// (X.690 section 8.3.2).
fn number(octets: &[u8]) -> Result<u32, Malformed> {
    match octets {
        [] => Err(malformed("a number has no octets")),
        [0x80..=0xff, ..] => Err(malformed("a number is negative")),
        [0, 0..=0x7f, ..] => Err(malformed("a number has more octets than it needs")),
        _ if octets.len() > 4 => Err(malformed("a number is too large")),
        _ => Ok(octets.iter().fold(0, |sum, &octet| sum << 8 | u32::from(octet))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{PolicyError, PolicyResponse, Warning};

    fn response(warning: Option<Warning>, error: Option<PolicyError>) -> PolicyResponse {
        PolicyResponse { warning, error }
    }

    const IN_600_SECONDS: Warning = Warning::TimeBeforeExpiration(Duration::from_mins(10));

    /// Values as servers write them, and what they say.
    fn values() -> Vec<(&'static [u8], PolicyResponse)> {
        vec![
            (&[0x30, 0], response(None, None)),
            (&[0x30, 3, 0x81, 1, 0], response(None, Some(PolicyError::PasswordExpired))),
            (&[0x30, 3, 0x81, 1, 1], response(None, Some(PolicyError::AccountLocked))),
            (&[0x30, 3, 0x81, 1, 2], response(None, Some(PolicyError::ChangeAfterReset))),
            (&[0x30, 3, 0x81, 1, 3], response(None, Some(PolicyError::PasswordModNotAllowed))),
            (&[0x30, 3, 0x81, 1, 4], response(None, Some(PolicyError::MustSupplyOldPassword))),
            (&[0x30, 3, 0x81, 1, 5], response(None, Some(PolicyError::InsufficientPasswordQuality))),
            (&[0x30, 3, 0x81, 1, 6], response(None, Some(PolicyError::PasswordTooShort))),
            (&[0x30, 3, 0x81, 1, 7], response(None, Some(PolicyError::PasswordTooYoung))),
            (&[0x30, 3, 0x81, 1, 8], response(None, Some(PolicyError::PasswordInHistory))),
            (&[0x30, 3, 0x81, 1, 9], response(None, Some(PolicyError::PasswordTooLong))),
            (&[0x30, 5, 0xa0, 3, 0x81, 1, 2], response(Some(Warning::GraceLoginsRemaining(2)), None)),
            (&[0x30, 5, 0xa0, 3, 0x81, 1, 0], response(Some(Warning::GraceLoginsRemaining(0)), None)),
            (&[0x30, 6, 0xa0, 4, 0x80, 2, 2, 0x58], response(Some(IN_600_SECONDS), None)),
            (
                &[0x30, 9, 0xa0, 4, 0x80, 2, 2, 0x58, 0x81, 1, 2],
                response(Some(IN_600_SECONDS), Some(PolicyError::ChangeAfterReset)),
            ),
            (
                &[0x30, 8, 0xa0, 6, 0x81, 4, 0x7f, 0xff, 0xff, 0xff],
                response(Some(Warning::GraceLoginsRemaining(0x7fff_ffff)), None),
            ),
            (
                &[0x30, 8, 0xa0, 6, 0x80, 4, 0x7f, 0xff, 0xff, 0xff],
                response(Some(Warning::TimeBeforeExpiration(Duration::from_secs(0x7fff_ffff))), None),
            ),
        ]
    }

    #[test]
    fn what_servers_say_is_understood() {
        for (value, expected) in values() {
            assert_eq!(PolicyResponse::parse(value), Ok(expected), "{value:02x?}");
        }
    }

    #[test]
    fn what_is_not_exactly_a_response_is_none() {
        let refused: [(&str, &[u8]); 27] = [
            ("no octets", &[]),
            ("an unknown error", &[0x30, 3, 0x81, 1, 99]),
            ("the first error that is unknown", &[0x30, 3, 0x81, 1, 10]),
            ("an error in two octets", &[0x30, 4, 0x81, 2, 0, 1]),
            ("a negative error", &[0x30, 3, 0x81, 1, 0xff]),
            ("an error without octets", &[0x30, 2, 0x81, 0]),
            ("an error that is constructed", &[0x30, 3, 0xa1, 1, 1]),
            ("an error with its universal tag", &[0x30, 3, 0x0a, 1, 1]),
            ("a negative time", &[0x30, 5, 0xa0, 3, 0x80, 1, 0xff]),
            ("negative grace", &[0x30, 5, 0xa0, 3, 0x81, 1, 0x80]),
            ("a time of more than 31 bits", &[0x30, 9, 0xa0, 7, 0x80, 5, 0, 0x80, 0, 0, 0]),
            ("a time with a zero before it", &[0x30, 6, 0xa0, 4, 0x80, 2, 0, 0x58]),
            ("a warning that is primitive", &[0x30, 5, 0x80, 3, 0x80, 1, 1]),
            ("a warning of nothing", &[0x30, 2, 0xa0, 0]),
            ("an unknown warning", &[0x30, 5, 0xa0, 3, 0x82, 1, 1]),
            ("two warnings in one", &[0x30, 8, 0xa0, 6, 0x80, 1, 1, 0x81, 1, 1]),
            ("two warnings", &[0x30, 10, 0xa0, 3, 0x80, 1, 1, 0xa0, 3, 0x81, 1, 1]),
            ("two errors", &[0x30, 6, 0x81, 1, 1, 0x81, 1, 1]),
            ("the error before the warning", &[0x30, 8, 0x81, 1, 1, 0xa0, 3, 0x80, 1, 1]),
            ("an unknown part", &[0x30, 3, 0x82, 1, 1]),
            ("an unknown part behind an error", &[0x30, 6, 0x81, 1, 1, 0x82, 1, 1]),
            ("cut off", &[0x30, 5, 0x81, 1]),
            ("a length that is not there", &[0x30]),
            ("an octet behind the end", &[0x30, 0, 0]),
            ("the indefinite form", &[0x30, 0x80, 0x81, 1, 1, 0, 0]),
            ("a length in five octets", &[0x30, 0x85, 0, 0, 0, 0, 3, 0x81, 1, 1]),
            ("a set", &[0x31, 3, 0x81, 1, 1]),
        ];
        for (what, value) in refused {
            assert!(PolicyResponse::parse(value).is_err(), "{what}");
        }
    }

    #[test]
    fn a_length_in_four_octets_is_read_as_in_all_of_ldap() {
        let value = [0x30, 0x84, 0, 0, 0, 3, 0x81, 1, 1];
        assert_eq!(PolicyResponse::parse(&value), Ok(response(None, Some(PolicyError::AccountLocked))));
        assert!(PolicyResponse::parse(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x81, 1, 1]).is_err());
    }

    #[test]
    fn a_part_of_a_response_is_none() {
        for (value, _) in values() {
            for length in 0..value.len() {
                assert!(PolicyResponse::parse(&value[..length]).is_err(), "{:02x?}", &value[..length]);
            }
        }
    }

    /// Such a change may make another response of it, but never the same, and never one that nobody would write.
    #[test]
    fn with_one_bit_changed_a_response_never_says_the_same() {
        for (value, said) in values() {
            for bit in 0..value.len() * 8 {
                let mut changed = value.to_vec();
                changed[bit / 8] ^= 1 << (bit % 8);
                let Ok(response) = PolicyResponse::parse(&changed) else { continue };
                assert_ne!(response, said, "{changed:02x?}");
                assert_eq!((changed[0], usize::from(changed[1])), (0x30, changed.len() - 2), "{changed:02x?}");
            }
        }
    }

    #[test]
    fn the_reason_is_one_phrase() {
        let error = PolicyResponse::parse(&[0x30, 3, 0x81, 1, 99]).unwrap_err();
        assert_eq!(error.to_string(), "is not a password policy response: the error is unknown");
    }
}
