//! Whose files a host loads.
//!
//! A plugin runs with the rights of the host, so whoever can change its file, or a folder on the way to it, can run
//! code as the host. What is checked is what is loaded: the way to the file is walked folder by folder, the file is
//! opened once and read once, and its bytes in memory are hashed, looked at and loaded.

mod digest;
mod examine;
mod permissions;
mod walk;

use std::path::{Path, PathBuf};

pub use digest::{InvalidSha256, Sha256Digest};
pub use examine::{Examined, NotExamined, examine};
pub(super) use permissions::own_folder;
pub(super) use walk::{folder, read, writers};

use super::error::Refusal;

/// What a host makes of a file that others could have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrustProfile {
    /// For a server: a file or folder that others own or may write is refused, and the file's SHA-256 must be pinned.
    Strict,
    /// For somebody who builds plugins: what [`Strict`](Self::Strict) refuses for its owner or permissions is a
    /// [warning](super::Plugin::warnings), and a pin is checked if there is one.
    Developer,
}

impl TrustProfile {
    /// The word for it in a configuration file: `strict` or `developer`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Developer => "developer",
        }
    }
}

/// On which conditions a plugin's file is loaded.
///
/// In either [profile](TrustProfile) the path is a whole one without `..`, no part of it is a symbolic link, and what it
/// names is a regular file. In `strict` the file and all its folders belong to root or to the host's user, and nobody
/// else may write them; a sticky folder of root's, such as `/tmp`, passes, since nobody can replace there what is
/// another's. So it is with the folders in which the plugin makes the system's loader look for libraries, and with
/// libraries that it names by a path.
///
/// ```
/// use provider_api::host::Trust;
///
/// let pin = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".parse()?;
/// let for_a_server = Trust::strict(pin);
/// let for_my_own_build = Trust::developer();
/// # Ok::<(), provider_api::host::InvalidSha256>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    profile: TrustProfile,
    pin: Option<Sha256Digest>,
    copies: Option<PathBuf>,
}

impl Trust {
    /// The conditions of a server: nobody else could have changed the file, and it is this one.
    pub fn strict(pin: Sha256Digest) -> Self {
        Self::new(TrustProfile::Strict, Some(pin))
    }

    /// The conditions of somebody who builds plugins: what others could have changed is warned about.
    pub fn developer() -> Self {
        Self::new(TrustProfile::Developer, None)
    }

    /// A profile with or without a pin. `strict` without one refuses every file, saying which pin it would need.
    pub fn new(profile: TrustProfile, pin: Option<Sha256Digest>) -> Self {
        Self { profile, pin, copies: None }
    }

    /// Loads from a copy in this folder, named by its hash, instead of one in memory.
    ///
    /// The copy in memory is the better one: sealed, nobody can change it, not even root. A folder is for systems that
    /// forbid to run what lies in memory, and for debuggers and profilers that want a file. It must exist, belong to the
    /// host's user, and be writable for nobody else, in either profile.
    #[must_use]
    pub fn copied_to(mut self, folder: impl Into<PathBuf>) -> Self {
        self.copies = Some(folder.into());
        self
    }

    /// The profile.
    pub fn profile(&self) -> TrustProfile {
        self.profile
    }

    pub(super) fn copies(&self) -> Option<&Path> {
        self.copies.as_deref()
    }

    /// Whether the content is the one that is wanted.
    pub(super) fn admit(&self, digest: Sha256Digest) -> Result<(), Refusal> {
        match self.pin {
            Some(pinned) if pinned == digest => Ok(()),
            Some(pinned) => Err(Refusal::OtherContent { found: digest, pinned }),
            None if self.profile == TrustProfile::Strict => Err(Refusal::NoPin(digest)),
            None => Ok(()),
        }
    }

    /// What comes of a file or folder that others could change.
    pub(super) fn judge(&self, problem: String, warnings: &mut Vec<String>) -> Result<(), Refusal> {
        match self.profile {
            TrustProfile::Strict => Err(Refusal::NotTrusted(problem)),
            TrustProfile::Developer => {
                warnings.push(problem);
                Ok(())
            }
        }
    }
}
