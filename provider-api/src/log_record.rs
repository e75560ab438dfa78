use std::fmt;

/// How important a log record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something should be looked at.
    Warn,
    /// Something of note happened.
    Info,
    /// For those who look for a fault.
    Debug,
    /// Every step.
    Trace,
}

impl fmt::Display for LogLevel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        })
    }
}

/// A log record of a plugin, as it reaches the host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogRecord {
    /// How important it is.
    pub level: LogLevel,
    /// Where it comes from, a module path such as `ldap3::conn`.
    pub target: String,
    /// What it says. May hold any character: print it through [`one_line`](crate::one_line).
    pub message: String,
    /// Named values that go with it.
    pub fields: Vec<(String, String)>,
    /// The request that it belongs to, where a call owns the record.
    pub request_id: Option<String>,
}

impl LogRecord {
    /// A record without fields that belongs to no request.
    pub fn new(level: LogLevel, target: impl Into<String>, message: impl Into<String>) -> Self {
        Self { level, target: target.into(), message: message.into(), fields: Vec::new(), request_id: None }
    }
}
