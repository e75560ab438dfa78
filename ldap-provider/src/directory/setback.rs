use provider_api::{Fault, FaultKind};

/// Why a server could not be asked, or could not answer.
#[derive(Debug)]
pub(crate) enum Setback {
    /// Another server may be asked: nothing secret of the user's was sent.
    Elsewhere(Fault),
    /// No other server may be asked: a password may have been sent, or the fault is not the server's.
    Final(Fault),
}

impl Setback {
    /// A fault from before a typed password was sent. What an administrator has to mend is not mended by asking another
    /// server.
    pub(crate) fn before_the_password(fault: Fault) -> Self {
        if fault.kind() == FaultKind::Unavailable { Self::Elsewhere(fault) } else { Self::Final(fault) }
    }

    /// The fault, for whom no other server is asked.
    pub(crate) fn into_fault(self) -> Fault {
        match self {
            Self::Elsewhere(fault) | Self::Final(fault) => fault,
        }
    }
}
