use std::io;

use provider_api::Fault;
use thiserror::Error;

use crate::config::ConfigError;
use crate::demo::DemoError;
use crate::exit::Exit;
use crate::password_source::PasswordError;
use crate::server::StartError;
use crate::store::StoreError;

/// A command could not give an answer. One line on standard error, and an exit code.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The command line asks for something that cannot be done.
    #[error("{0}")]
    Usage(String),
    /// The configuration file cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no password to be had.
    #[error(transparent)]
    Password(PasswordError),
    /// Somebody wants the program to stop.
    #[error("interrupted")]
    Interrupted,
    /// A name or password of a form that is not let through, a name that is taken, or an account that is not there or
    /// not of the right kind.
    #[error("{0}")]
    Refused(String),
    /// A plugin or a provider is at fault.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The demo did not come to its end.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// Standard input cannot be read.
    #[error("standard input cannot be read: {0}")]
    Input(io::Error),
    /// The result cannot be written.
    #[error("the result cannot be written: {0}")]
    Output(#[from] io::Error),
    /// Nobody reads standard output any more, on which somebody waits for answers.
    #[error("nobody reads standard output any more: logins may have been carried out whose answers are lost")]
    NoReader,
}

impl CommandError {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Store(error) if error.is_failure() => Exit::Unavailable,
            Self::Usage(_) | Self::Config(_) | Self::Store(_) => Exit::Usage,
            Self::Password(error) => match error {
                PasswordError::NotUtf8 | PasswordError::TooLong => Exit::Rejected,
                _ => Exit::Usage,
            },
            Self::Interrupted | Self::NoReader => Exit::Unavailable,
            Self::Refused(_) => Exit::Rejected,
            Self::Fault(fault) => fault.into(),
            Self::Demo(error) => error.exit(),
            Self::Input(_) | Self::Output(_) => Exit::Internal,
        }
    }
}

impl From<StartError> for CommandError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Configuration(error) => Self::Config(error),
            StartError::Store(error) => Self::Store(error),
        }
    }
}

impl From<PasswordError> for CommandError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Interrupted => Self::Interrupted,
            other => Self::Password(other),
        }
    }
}
