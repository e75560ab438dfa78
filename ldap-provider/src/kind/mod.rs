//! Which directory server it is, and what follows from that.
//!
//! All that differs between servers is a fact in the table of [`facts`], which a setting of the administrator's
//! overrules. Nothing else asks for the kind.

mod facts;
mod root_dse;

use std::fmt;

pub(crate) use facts::{Facts, MemberOf, StateSource};
pub(crate) use root_dse::RootDse;

/// A kind of directory server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    ActiveDirectory,
    Samba,
    OpenLdap,
    Dirsrv389,
    FreeIpa,
    Lldap,
    /// One that is not known, or that does not say.
    Other,
}

impl Kind {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 7] =
        [Self::ActiveDirectory, Self::Samba, Self::OpenLdap, Self::Dirsrv389, Self::FreeIpa, Self::Lldap, Self::Other];
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ActiveDirectory => "Active Directory",
            Self::Samba => "Samba AD",
            Self::OpenLdap => "OpenLDAP",
            Self::Dirsrv389 => "389-DS",
            Self::FreeIpa => "FreeIPA",
            Self::Lldap => "lldap",
            Self::Other => "a directory of no known kind",
        })
    }
}
