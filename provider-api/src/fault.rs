use std::fmt;

use crate::one_line::one_line;
use crate::{MisconfiguredReason, UnavailableReason, UserCode};

/// The provider cannot answer. Says who has to do something about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Not now. Trying again later may help.
    Unavailable {
        /// Why.
        reason: UnavailableReason,
        /// The same in words, for the administrator. No secrets.
        message: String,
    },
    /// Not until an administrator has acted.
    Misconfigured {
        /// Why.
        reason: MisconfiguredReason,
        /// The same in words, with what to do. No secrets.
        message: String,
        /// The key of the setting at fault, if it is known.
        setting: Option<String>,
    },
    /// A defect of the provider: a panic, or an answer that breaks the contract.
    Internal {
        /// What happened. No secrets.
        message: String,
    },
}

/// The kinds of [`Fault`], without their details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// See [`Fault::Unavailable`].
    Unavailable,
    /// See [`Fault::Misconfigured`].
    Misconfigured,
    /// See [`Fault::Internal`].
    Internal,
}

impl Fault {
    /// Not now.
    pub fn unavailable(reason: UnavailableReason, message: impl Into<String>) -> Self {
        Self::Unavailable { reason, message: message.into() }
    }

    /// Not until an administrator has acted.
    pub fn misconfigured(reason: MisconfiguredReason, message: impl Into<String>) -> Self {
        Self::Misconfigured { reason, message: message.into(), setting: None }
    }

    /// A setting that cannot be used: [`MisconfiguredReason::SETTING_INVALID`], naming its key.
    pub fn setting(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Misconfigured {
            reason: MisconfiguredReason::SETTING_INVALID,
            message: message.into(),
            setting: Some(key.into()),
        }
    }

    /// A defect of the provider.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::Internal { message: message.into() }
    }

    /// Which of the three it is.
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Unavailable { .. } => FaultKind::Unavailable,
            Self::Misconfigured { .. } => FaultKind::Misconfigured,
            Self::Internal { .. } => FaultKind::Internal,
        }
    }

    /// The code of the reason; an internal fault has none but its kind, `internal`.
    pub fn code(&self) -> &str {
        match self {
            Self::Unavailable { reason, .. } => reason.as_str(),
            Self::Misconfigured { reason, .. } => reason.as_str(),
            Self::Internal { .. } => "internal",
        }
    }

    /// The text for the administrator.
    pub fn message(&self) -> &str {
        match self {
            Self::Unavailable { message, .. } | Self::Misconfigured { message, .. } | Self::Internal { message } => {
                message
            }
        }
    }

    /// What the person who logs in may be told.
    pub fn user_code(&self) -> UserCode {
        match self.kind() {
            FaultKind::Unavailable => UserCode::TRY_AGAIN_LATER,
            FaultKind::Misconfigured | FaultKind::Internal => UserCode::ASK_ADMINISTRATOR,
        }
    }
}

/// One printable line: the code, the setting's key if one is at fault, and the message.
impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.code())?;
        if let Self::Misconfigured { setting: Some(key), .. } = self {
            write!(formatter, "setting {}: ", one_line(key))?;
        }
        formatter.write_str(&one_line(self.message()))
    }
}

impl std::error::Error for Fault {}
