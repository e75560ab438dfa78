/// What can be the matter with an account whose password is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountState {
    /// An administrator has switched it off.
    Disabled,
    /// Too many wrong passwords, [`ALLOWED_FAILURES`](super::ALLOWED_FAILURES) of them.
    Locked,
    /// The account was to be used until some day, and that is over.
    Expired,
    /// The password is too old.
    PasswordExpired,
    /// The password is too old, and may be used a few times still.
    GraceLogin,
    /// An administrator has set the password, and it must be changed first.
    MustChange,
    /// The password will be too old in some days, and nothing else is the matter.
    ExpiresSoon,
    /// At no hour of the week.
    LogonHours,
    /// From some other workstation alone.
    Workstation,
}

impl AccountState {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Disabled,
        Self::Locked,
        Self::Expired,
        Self::PasswordExpired,
        Self::GraceLogin,
        Self::MustChange,
        Self::ExpiresSoon,
        Self::LogonHours,
        Self::Workstation,
    ];

    /// A word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Locked => "locked",
            Self::Expired => "expired",
            Self::PasswordExpired => "password_expired",
            Self::GraceLogin => "grace_login",
            Self::MustChange => "must_change",
            Self::ExpiresSoon => "expires_soon",
            Self::LogonHours => "logon_hours",
            Self::Workstation => "workstation",
        }
    }
}
