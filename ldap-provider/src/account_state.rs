//! What an entry says about whether its owner may log in, apart from the password.
//!
//! Servers judge most of it themselves when a password is tried. What is here is for those that do not, for what they do
//! not say, and for listing. It is asked only after the password was proven right: to somebody else, an account is never
//! said to exist.

use std::time::{Duration, SystemTime};

use directory_data::active_directory::{UserAccountControl, account_expires, is_password_reset};
use directory_data::ppolicy::{AccountLock, is_outside};
use directory_data::{Malformed, boolean, generalized_time, shadow};
use provider_api::{Notice, NoticeCode, RejectReason, Rejection, UserCode};

use crate::entry::Entry;
use crate::kind::{Facts, StateSource};

const USER_ACCOUNT_CONTROL: &str = "userAccountControl";
/// Locks and expired passwords, which `userAccountControl` itself does not show (MS-ADTS section 3.1.1.4.5.17).
const COMPUTED_CONTROL: &str = "msDS-User-Account-Control-Computed";
const ACCOUNT_EXPIRES: &str = "accountExpires";
const PASSWORD_LAST_SET: &str = "pwdLastSet";
const PASSWORD_EXPIRES: &str = "msDS-UserPasswordExpiryTimeComputed";
const LOCKED_TIME: &str = "pwdAccountLockedTime";
const START_TIME: &str = "pwdStartTime";
const END_TIME: &str = "pwdEndTime";
const NS_ACCOUNT_LOCK: &str = "nsAccountLock";
const PRINCIPAL_EXPIRATION: &str = "krbPrincipalExpiration";
const PASSWORD_EXPIRATION: &str = "krbPasswordExpiration";
const SHADOW_EXPIRE: &str = "shadowExpire";

/// `DONT_EXPIRE_PASSWORD` and `SMARTCARD_REQUIRED` of `userAccountControl`: a password that never ends need not be changed.
const PASSWORD_STAYS: u32 = 0x1_0000 | 0x4_0000;

/// Which of an entry's attributes count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StateRules {
    sources: &'static [StateSource],
    judges_age_last: bool,
    /// How long before its end a password is warned of.
    expiry_warning: Duration,
}

impl StateSource {
    fn attributes(self) -> &'static [&'static str] {
        match self {
            Self::ActiveDirectory => {
                &[USER_ACCOUNT_CONTROL, COMPUTED_CONTROL, ACCOUNT_EXPIRES, PASSWORD_LAST_SET, PASSWORD_EXPIRES]
            }
            Self::PasswordPolicy => &[LOCKED_TIME, START_TIME, END_TIME],
            Self::NsAccountLock => &[NS_ACCOUNT_LOCK],
            Self::Kerberos => &[PRINCIPAL_EXPIRATION, PASSWORD_EXPIRATION],
            Self::Shadow => &[SHADOW_EXPIRE],
        }
    }
}

/// Why an entry's owner may not log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Barred {
    reason: RejectReason,
    message: String,
    user_code: UserCode,
}

impl Barred {
    fn new(reason: RejectReason, user_code: UserCode, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), user_code }
    }

    fn unreadable(attribute: &str, error: &Malformed) -> Self {
        let message = format!("the entry's {attribute} {error}; nobody is let in on a guess");
        Self::new(RejectReason::OTHER_REFUSAL, UserCode::ASK_ADMINISTRATOR, message)
    }

    /// The reason for the administrator.
    pub(crate) fn reason(&self) -> RejectReason {
        self.reason.clone()
    }

    /// The rejection of somebody whose password was proven right.
    pub(crate) fn after_the_right_password(self) -> Rejection {
        Rejection::new(self.reason, self.message).telling_the_user(self.user_code)
    }

    /// The rejection of somebody whose password was not, which the server has `said` in its own words.
    pub(crate) fn of_anybody(self, said: &str) -> Rejection {
        Rejection::new(self.reason, format!("{}: {said}", self.message))
    }
}

impl StateRules {
    pub(crate) fn new(facts: &Facts, expiry_warning: Duration) -> Self {
        Self { sources: facts.state, judges_age_last: facts.judges_age_last, expiry_warning }
    }

    /// Whether the server says that a password has expired only after it has found it right.
    pub(crate) fn judges_age_last(&self) -> bool {
        self.judges_age_last
    }

    /// The attributes to ask the server for.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = &'static str> {
        self.sources.iter().flat_map(|source| source.attributes()).copied()
    }

    /// Whether the entry's owner may log in.
    pub(crate) fn check(&self, entry: &Entry, now: SystemTime) -> Result<(), Barred> {
        self.sources.iter().try_for_each(|source| match source {
            StateSource::ActiveDirectory => windows_account(entry, now),
            StateSource::PasswordPolicy => locked_for_good(entry).and_then(|()| validity(entry, now)),
            StateSource::NsAccountLock => ns_account_lock(entry),
            StateSource::Kerberos => kerberos(entry, now),
            StateSource::Shadow => match read(entry, SHADOW_EXPIRE, |value| shadow::is_expired(value, now))? {
                Some(true) => Err(expired("shadowExpire is over")),
                Some(false) | None => Ok(()),
            },
        })
    }

    /// What explains that a server refuses whatever password is tried, without saying why.
    pub(crate) fn explains_a_refusal(&self, entry: &Entry, now: SystemTime) -> Option<Barred> {
        if !self.sources.contains(&StateSource::PasswordPolicy) {
            return None;
        }
        locked_for_good(entry).and_then(|()| validity(entry, now)).err()
    }

    /// What the owner should hear of when the password is about to end: `left` is what the server says, if it does.
    pub(crate) fn notices(&self, entry: &Entry, left: Option<Duration>, now: SystemTime) -> Vec<Notice> {
        let computed = || {
            let end = if self.sources.contains(&StateSource::ActiveDirectory) {
                read(entry, PASSWORD_EXPIRES, account_expires).ok()??
            } else if self.sources.contains(&StateSource::Kerberos) {
                read(entry, PASSWORD_EXPIRATION, generalized_time::parse).ok()?
            } else {
                None
            };
            end?.duration_since(now).ok()
        };
        let left = left.or_else(computed);
        let Some(left) = left.filter(|left| *left <= self.expiry_warning && !self.expiry_warning.is_zero()) else {
            return Vec::new();
        };
        vec![Notice::new(NoticeCode::PASSWORD_EXPIRES, format!("the password expires in {}", in_words(left)))]
    }
}

/// Days above two days, hours above two hours, minutes below: rounded down, so that nobody comes too late.
fn in_words(left: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = left.as_secs();
    let (number, unit) = match seconds {
        seconds if seconds >= 2 * DAY => (seconds / DAY, "days"),
        seconds if seconds >= 2 * HOUR => (seconds / HOUR, "hours"),
        seconds if seconds >= 2 * MINUTE => (seconds / MINUTE, "minutes"),
        _ => return "less than two minutes".to_owned(),
    };
    format!("{number} {unit}")
}

fn windows_account(entry: &Entry, now: SystemTime) -> Result<(), Barred> {
    let control = read(entry, USER_ACCOUNT_CONTROL, UserAccountControl::parse)?;
    if control.is_some_and(UserAccountControl::is_disabled) {
        let message = "userAccountControl says that the account is disabled";
        return Err(Barred::new(RejectReason::ACCOUNT_DISABLED, UserCode::ACCOUNT_DISABLED, message));
    }
    if control.is_some_and(UserAccountControl::is_machine_account) {
        let message = "userAccountControl says that it is the account of a machine or of a domain";
        return Err(Barred::new(RejectReason::OTHER_REFUSAL, UserCode::LOGON_NOT_ALLOWED, message));
    }
    let computed = read(entry, COMPUTED_CONTROL, UserAccountControl::parse)?;
    if computed.is_some_and(UserAccountControl::is_locked_out) {
        let message = "msDS-User-Account-Control-Computed says that the account is locked";
        return Err(Barred::new(RejectReason::ACCOUNT_LOCKED, UserCode::LOGON_NOT_ALLOWED, message));
    }
    if read(entry, ACCOUNT_EXPIRES, account_expires)?.flatten().is_some_and(|end| now > end) {
        return Err(expired("accountExpires is over"));
    }
    let stays = control.is_some_and(|control| control.bits() & PASSWORD_STAYS != 0);
    if !stays && read(entry, PASSWORD_LAST_SET, is_password_reset)? == Some(true) {
        let message = "pwdLastSet is 0: the password must be changed first";
        return Err(Barred::new(RejectReason::PASSWORD_MUST_CHANGE, UserCode::PASSWORD_MUST_CHANGE, message));
    }
    if computed.is_some_and(UserAccountControl::is_password_expired) {
        let message = "msDS-User-Account-Control-Computed says that the password has expired";
        return Err(Barred::new(RejectReason::PASSWORD_EXPIRED, UserCode::PASSWORD_EXPIRED, message));
    }
    Ok(())
}

fn ns_account_lock(entry: &Entry) -> Result<(), Barred> {
    if !entry.values_named(NS_ACCOUNT_LOCK).any(boolean::is_true) {
        return Ok(());
    }
    let message = "nsAccountLock is true: the account is disabled";
    Err(Barred::new(RejectReason::ACCOUNT_DISABLED, UserCode::ACCOUNT_DISABLED, message))
}

fn kerberos(entry: &Entry, now: SystemTime) -> Result<(), Barred> {
    if read(entry, PRINCIPAL_EXPIRATION, generalized_time::parse)?.is_some_and(|end| now >= end) {
        return Err(expired("krbPrincipalExpiration is over"));
    }
    if read(entry, PASSWORD_EXPIRATION, generalized_time::parse)?.is_some_and(|end| now >= end) {
        let message = "krbPasswordExpiration is over: the password has expired";
        return Err(Barred::new(RejectReason::PASSWORD_EXPIRED, UserCode::PASSWORD_EXPIRED, message));
    }
    Ok(())
}

/// A lock that ends by itself is the server's to judge, which knows for how long it locks.
fn locked_for_good(entry: &Entry) -> Result<(), Barred> {
    match read(entry, LOCKED_TIME, AccountLock::parse)? {
        Some(AccountLock::Permanent) => {
            let message = "pwdAccountLockedTime locks the account until an administrator unlocks it";
            Err(Barred::new(RejectReason::ACCOUNT_LOCKED, UserCode::LOGON_NOT_ALLOWED, message))
        }
        Some(AccountLock::Since(_)) | None => Ok(()),
    }
}

fn validity(entry: &Entry, now: SystemTime) -> Result<(), Barred> {
    let start = read(entry, START_TIME, generalized_time::parse)?;
    let end = read(entry, END_TIME, generalized_time::parse)?;
    if is_outside(start, end, now) {
        Err(expired("the time is outside of pwdStartTime and pwdEndTime"))
    } else {
        Ok(())
    }
}

fn expired(what: &str) -> Barred {
    let message = format!("{what}: the account has expired, or is not valid yet");
    Barred::new(RejectReason::ACCOUNT_EXPIRED, UserCode::ACCOUNT_EXPIRED, message)
}

/// The one value of an attribute, if the entry has it. What cannot be read, or is there more than once, bars.
fn read<T>(
    entry: &Entry,
    name: &'static str,
    parse: impl FnOnce(&[u8]) -> Result<T, Malformed>,
) -> Result<Option<T>, Barred> {
    let mut values = entry.values_named(name);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        let message = format!("the entry has several values of {name}; nobody is let in on a guess");
        return Err(Barred::new(RejectReason::OTHER_REFUSAL, UserCode::ASK_ADMINISTRATOR, message));
    }
    parse(value).map(Some).map_err(|error| Barred::unreadable(name, &error))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{StateRules, in_words};
    use crate::entry::Entry;
    use crate::kind::StateSource;

    const DAY: Duration = Duration::from_hours(24);

    /// 2024-01-01.
    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + 19_723 * DAY
    }

    fn all() -> StateRules {
        const ALL: &[StateSource] = &[
            StateSource::ActiveDirectory,
            StateSource::PasswordPolicy,
            StateSource::NsAccountLock,
            StateSource::Kerberos,
            StateSource::Shadow,
        ];
        StateRules { sources: ALL, judges_age_last: true, expiry_warning: 14 * DAY }
    }

    fn outcome(attributes: &[(&str, &str)]) -> (String, String) {
        let values: Vec<[&[u8]; 1]> = attributes.iter().map(|(_, value)| [value.as_bytes()]).collect();
        let attributes: Vec<(&str, &[&[u8]])> =
            attributes.iter().zip(&values).map(|((name, _), values)| (*name, &values[..])).collect();
        match all().check(&Entry::of("cn=x", &attributes), now()) {
            Ok(()) => ("may".to_owned(), String::new()),
            Err(barred) => {
                let rejection = barred.after_the_right_password();
                (rejection.reason.to_string(), rejection.user_code.to_string())
            }
        }
    }

    #[test]
    fn each_state_of_an_account_has_its_reason() {
        for (attribute, value, reason, user_code) in [
            ("userAccountControl", "512", "may", ""),
            ("userAccountControl", "66048", "may", ""),
            ("userAccountControl", "262656", "may", ""),
            ("userAccountControl", "514", "account_disabled", "account_disabled"),
            ("userAccountControl", "66050", "account_disabled", "account_disabled"),
            ("userAccountControl", "4096", "other_refusal", "logon_not_allowed"),
            ("userAccountControl", "532480", "other_refusal", "logon_not_allowed"),
            ("msDS-User-Account-Control-Computed", "0", "may", ""),
            ("msDS-User-Account-Control-Computed", "16", "account_locked", "logon_not_allowed"),
            ("msDS-User-Account-Control-Computed", "8388608", "password_expired", "password_expired"),
            ("accountExpires", "0", "may", ""),
            ("accountExpires", "9223372036854775807", "may", ""),
            ("accountExpires", "133485408000000001", "may", ""),
            ("accountExpires", "133485407999999999", "account_expired", "account_expired"),
            ("pwdLastSet", "0", "password_must_change", "password_must_change"),
            ("pwdLastSet", "133485408000000000", "may", ""),
            ("pwdAccountLockedTime", "000001010000Z", "account_locked", "logon_not_allowed"),
            ("pwdAccountLockedTime", "20231231000000Z", "may", ""),
            ("pwdStartTime", "20240101000001Z", "account_expired", "account_expired"),
            ("pwdStartTime", "20240101000000Z", "may", ""),
            ("pwdEndTime", "20240101000000Z", "account_expired", "account_expired"),
            ("pwdEndTime", "20240101000001Z", "may", ""),
            ("nsAccountLock", "TRUE", "account_disabled", "account_disabled"),
            ("nsAccountLock", "false", "may", ""),
            ("krbPrincipalExpiration", "20231231235959Z", "account_expired", "account_expired"),
            ("krbPasswordExpiration", "20231231235959Z", "password_expired", "password_expired"),
            ("krbPasswordExpiration", "20240102000000Z", "may", ""),
            ("shadowExpire", "19723", "account_expired", "account_expired"),
            ("shadowExpire", "19724", "may", ""),
            ("shadowExpire", "-1", "may", ""),
        ] {
            assert_eq!(
                outcome(&[(attribute, value)]),
                (reason.to_owned(), user_code.to_owned()),
                "{attribute} {value}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_bars() {
        for (attribute, value) in [
            ("userAccountControl", ""),
            ("userAccountControl", "0x200"),
            ("userAccountControl", "99999999999"),
            ("msDS-User-Account-Control-Computed", "locked"),
            ("accountExpires", "never"),
            ("accountExpires", "-1"),
            ("accountExpires", "9223372036854775808"),
            ("pwdLastSet", "x"),
            ("pwdAccountLockedTime", "locked"),
            ("pwdEndTime", "tomorrow"),
            ("krbPrincipalExpiration", "20241301000000Z"),
            ("shadowExpire", "soon"),
        ] {
            assert_eq!(outcome(&[(attribute, value)]).0, "other_refusal", "{attribute} {value:?}");
        }
        let twice = Entry::of("cn=x", &[("userAccountControl", &[b"512", b"514"])]);
        assert!(all().check(&twice, now()).is_err());
    }

    #[test]
    fn a_password_that_never_ends_need_not_be_changed() {
        assert_eq!(outcome(&[("userAccountControl", "66048"), ("pwdLastSet", "0")]).0, "may");
        assert_eq!(outcome(&[("userAccountControl", "512"), ("pwdLastSet", "0")]).0, "password_must_change");
    }

    #[test]
    fn the_end_of_a_password_is_told_within_the_time_of_warning() {
        let told = |attribute: &str, value: &str, left| {
            let entry = Entry::of("cn=x", &[(attribute, &[value.as_bytes()])]);
            all().notices(&entry, left, now()).len()
        };
        assert_eq!(told("cn", "x", None), 0);
        assert_eq!(told("cn", "x", Some(14 * DAY)), 1);
        assert_eq!(told("cn", "x", Some(14 * DAY + Duration::from_secs(1))), 0, "389-DS tells it with each bind");
        // A day later, in Windows' time; and never.
        assert_eq!(told("msDS-UserPasswordExpiryTimeComputed", "133486272000000000", None), 1);
        assert_eq!(told("msDS-UserPasswordExpiryTimeComputed", "9223372036854775807", None), 0);
        let never = StateRules { sources: &[], judges_age_last: true, expiry_warning: Duration::ZERO };
        assert!(never.notices(&Entry::of("cn=x", &[]), Some(Duration::ZERO), now()).is_empty());
    }

    #[test]
    fn what_is_left_is_told_in_the_largest_unit_that_fits() {
        for (seconds, expected) in [
            (0, "less than two minutes"),
            (600, "10 minutes"),
            (7_200, "2 hours"),
            (172_799, "47 hours"),
            (172_800, "2 days"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), expected);
        }
    }
}
