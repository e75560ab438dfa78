//! Password policies of OpenLDAP, 389-DS and their kin (draft-behera-ldap-password-policy-10): what the control of a
//! bind's answer says, and what an entry's own attributes say.

use std::time::{Duration, SystemTime};

use crate::{Malformed, generalized_time};

/// The control, in the request (without a value) and in the answer.
pub const OID: &str = "1.3.6.1.4.1.42.2.27.8.5.1";

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
    /// Lengths may have any definite form of up to four octets, as everywhere in LDAP (RFC 4511 section 5.1): the
    /// ancestors of 389-DS write all of theirs in four. Nothing else has two forms. What is unknown, negative, cut off,
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
