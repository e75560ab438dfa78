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
