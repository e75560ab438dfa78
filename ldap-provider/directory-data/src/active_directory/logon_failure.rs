/// The Windows error behind a refused bind (MS-ERREF section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogonFailure {
    /// 525: the name is unknown.
    NoSuchUser,
    /// 52e: the password is wrong. Samba says so of an unknown name too.
    WrongPassword,
    /// 52f: a restriction of the account forbids this logon.
    AccountRestriction,
    /// 530: the account may not log on at this hour.
    InvalidLogonHours,
    /// 531: the account may not log on from here.
    InvalidWorkstation,
    /// 532: the password has expired.
    PasswordExpired,
    /// 533: the account is disabled.
    AccountDisabled,
    /// 568: the account is a member of too many groups.
    TooManyContextIds,
    /// 701: the account has expired.
    AccountExpired,
    /// 773: the password must be changed first.
    PasswordMustChange,
    /// 775: the account is locked. Said whatever the password.
    AccountLockedOut,
    /// Any other number.
    Other(u32),
}

/// What the message of a bind's answer says is the reason: the hexadecimal number after `data` in
/// `80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1`. Some servers end it with
/// a NUL, and what is around the number differs between versions.
///
/// `None` if there is no such number, or one of more than 32 bits: nothing is said then.
pub fn logon_failure(diagnostic: &str) -> Option<LogonFailure> {
    let lower = diagnostic.to_ascii_lowercase();
    let (_, behind) = lower.split_once("acceptsecuritycontext")?;
    let (_, behind) = behind.split_once("data ")?;
    let end = behind.find(|character: char| !character.is_ascii_hexdigit()).unwrap_or(behind.len());
    let (digits, behind) = behind.split_at_checked(end)?;
    if behind.starts_with(char::is_alphanumeric) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok().map(LogonFailure::from)
}

impl From<u32> for LogonFailure {
    fn from(code: u32) -> Self {
        match code {
            0x525 => Self::NoSuchUser,
            0x52e => Self::WrongPassword,
            0x52f => Self::AccountRestriction,
            0x530 => Self::InvalidLogonHours,
            0x531 => Self::InvalidWorkstation,
            0x532 => Self::PasswordExpired,
            0x533 => Self::AccountDisabled,
            0x568 => Self::TooManyContextIds,
            0x701 => Self::AccountExpired,
            0x773 => Self::PasswordMustChange,
            0x775 => Self::AccountLockedOut,
            other => Self::Other(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LogonFailure, logon_failure};

    #[test]
    fn the_reason_is_found_in_each_servers_message() {
        for (text, expected) in [
            (
                "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1",
                LogonFailure::WrongPassword,
            ),
            (
                "80090308: LDAPERR: DSID-0C09044E, COMMENT: ACCEPTSECURITYCONTEXT ERROR, DATA 775, V2580\0",
                LogonFailure::AccountLockedOut,
            ),
            (
                "8009030C: LdapErr: DSID-0C0904DC, comment: AcceptSecurityContext error, data 773",
                LogonFailure::PasswordMustChange,
            ),
            ("AcceptSecurityContext error, data 0, v1db1", LogonFailure::Other(0)),
            ("AcceptSecurityContext error, data ffffffff, v1db1", LogonFailure::Other(u32::MAX)),
        ] {
            assert_eq!(logon_failure(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn each_number_has_its_reason() {
        for (code, expected) in [
            (0x525, LogonFailure::NoSuchUser),
            (0x52e, LogonFailure::WrongPassword),
            (0x52f, LogonFailure::AccountRestriction),
            (0x530, LogonFailure::InvalidLogonHours),
            (0x531, LogonFailure::InvalidWorkstation),
            (0x532, LogonFailure::PasswordExpired),
            (0x533, LogonFailure::AccountDisabled),
            (0x568, LogonFailure::TooManyContextIds),
            (0x701, LogonFailure::AccountExpired),
            (0x773, LogonFailure::PasswordMustChange),
            (0x775, LogonFailure::AccountLockedOut),
            (0x776, LogonFailure::Other(0x776)),
        ] {
            for suffix in [", v1db1", ", v2580\0", "\0", ""] {
                let text =
                    format!("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {code:x}");
                assert_eq!(logon_failure(&(text + suffix)), Some(expected), "{code:x}");
            }
        }
    }

    #[test]
    fn a_message_without_the_number_says_nothing() {
        for text in [
            "",
            "AcceptSecurityContext error",
            "AcceptSecurityContext error, data , v1db1",
            "AcceptSecurityContext error, data fffffffff, v1",
            "AcceptSecurityContext error, data 533rd",
            "AcceptSecurityContext error, data -533",
            "AcceptSecurityContext error, data +533",
            "AcceptSecurityContext error, data",
            "data 533, AcceptSecurityContext error",
            "your data 533 is fine",
            "INVALID_CREDENTIALS: Bind failed: ERR_229 Cannot authenticate user",
        ] {
            assert_eq!(logon_failure(text), None, "{text}");
        }
    }
}
