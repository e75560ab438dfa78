use serde::{Deserialize, Serialize};

use crate::{Identity, NoticeCode, RejectReason, UserCode};

/// The answer to a login when the provider *can* tell. When it cannot, the call ends with a [`Fault`](crate::Fault).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The password is right and nothing speaks against the account.
    Accepted(Accepted),
    /// Somebody else, nobody, or not now.
    Rejected(Rejection),
}

/// An accepted login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Accepted {
    /// Who it is.
    pub identity: Identity,
    /// What the person should hear of.
    #[serde(default)]
    pub notices: Vec<Notice>,
}

impl Accepted {
    /// An acceptance without notices.
    pub fn new(identity: Identity) -> Self {
        Self { identity, notices: Vec::new() }
    }
}

impl From<Accepted> for Decision {
    fn from(accepted: Accepted) -> Self {
        Self::Accepted(accepted)
    }
}

/// Something that the person should hear of although all is well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Notice {
    /// What it is about.
    pub code: NoticeCode,
    /// The same in words.
    pub message: String,
}

impl Notice {
    /// A notice.
    pub fn new(code: NoticeCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// A rejected login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rejection {
    /// Why, for the administrator.
    pub reason: RejectReason,
    /// The same in words, for the administrator. No secrets.
    pub message: String,
    /// What the person may be told. Neutral unless the password was proven right.
    pub user_code: UserCode,
}

impl Rejection {
    /// A rejection of which the person hears nothing but that name or password are wrong.
    pub fn new(reason: RejectReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), user_code: UserCode::INVALID_CREDENTIALS }
    }

    /// The same rejection, of which the person is told more: only where the password was proven right.
    #[must_use]
    pub fn telling_the_user(mut self, code: UserCode) -> Self {
        self.user_code = code;
        self
    }
}

impl From<Rejection> for Decision {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}
