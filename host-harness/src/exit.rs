use provider_api::{Fault, FaultKind};

/// How a command ended: the exit codes that scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Accepted, valid, complete (or the limit that was asked for was reached), done.
    Done,
    /// The login was rejected.
    Rejected,
    /// The command line or the configuration file is wrong.
    Usage,
    /// Cannot tell at present, or incomplete; also after Ctrl-C.
    Unavailable,
    /// An administrator has to act: settings refused, plugin missing or refused.
    Misconfigured,
    /// A defect of a provider or of the harness.
    Internal,
}

impl Exit {
    /// The number for the operating system.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Rejected => 1,
            Self::Usage => 2,
            Self::Unavailable => 3,
            Self::Misconfigured => 4,
            Self::Internal => 5,
        }
    }
}

impl From<FaultKind> for Exit {
    fn from(kind: FaultKind) -> Self {
        match kind {
            FaultKind::Unavailable => Self::Unavailable,
            FaultKind::Misconfigured => Self::Misconfigured,
            // A kind that this version does not know is nobody's success.
            _ => Self::Internal,
        }
    }
}

impl From<&Fault> for Exit {
    fn from(fault: &Fault) -> Self {
        fault.kind().into()
    }
}
