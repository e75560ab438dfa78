use std::fmt;
use std::path::{Path, PathBuf};

use super::trust::Sha256Digest;
use crate::Fault;
use crate::one_line::one_line;

/// A plugin file that is not used. Prints as one line that names the file and says what to do.
#[derive(Debug)]
pub struct PluginError {
    path: PathBuf,
    refusal: Refusal,
}

/// The kinds of [`PluginError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PluginRefusal {
    /// There is no file that could be read.
    NoFile,
    /// Others could have changed it, or it is another file than the one that is pinned.
    NotTrusted,
    /// It is something else.
    NoPlugin,
    /// It is not whole.
    Damaged,
    /// It was built for another version of the interface.
    Incompatible,
    /// It should work and does not: the system cannot load it, or it does not answer.
    Failed,
}

/// Why a file is refused.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("there is no such file; build the plugin (cargo build --release --workspace) or correct the path")]
    Missing,
    #[error("it is {0} and not a regular file; name the plugin's file itself")]
    NotAFile(&'static str),
    #[error("it cannot be read ({0}); let the host's user read it")]
    Unreadable(String),
    #[error("its path is relative or has .. in it; name the whole path, from / on")]
    NotAbsolute,
    #[error("{0} is a symbolic link, which could lead elsewhere tomorrow; name the file by its real path")]
    SymbolicLink(String),
    #[error("{0}; whoever can change a plugin runs code as the host (the trust profile is strict)")]
    NotTrusted(String),
    #[error(
        "the trust profile is strict and no SHA-256 is pinned; if it is the file that you mean, pin it: sha256 = \"{0}\""
    )]
    NoPin(Sha256Digest),
    #[error(
        "its SHA-256 is {found} and not the pinned {pinned}; install the file that was pinned, or look at this one and pin it"
    )]
    OtherContent { found: Sha256Digest, pinned: Sha256Digest },
    #[error("it was written to while it was read; install a plugin by moving the finished file into its place")]
    Changing,
    #[error("it is not a shared library for this system ({0}); build the plugin as a cdylib on Linux for this machine")]
    NotALibrary(String),
    #[error("it is incomplete or damaged ({0}); copy or build it again")]
    Damaged(String),
    #[error("it is a shared library but no provider plugin; name a library that was built with export_provider!")]
    NoHeader,
    #[error("the host cannot make its copy in memory ({0}); look at its memory, its limit of open files and /proc")]
    NoCopy(String),
    #[error(
        "the host cannot make its copy in the folder for copies ({0}); let that folder be the host's alone, on a file system that may hold programs"
    )]
    NoCopyInFolder(String),
    #[error("the system's loader refuses it ({0}); install what it needs, or build it for this system")]
    NotLoaded(String),
    #[error("it was built with another version of abi_stable ({0}); rebuild it with the provider-api of this host ({ours})", ours = env!("CARGO_PKG_VERSION"))]
    Technology(String),
    #[error("it speaks version {theirs} of the provider interface and this host version {ours}; use one built for version {major}.x", ours = env!("CARGO_PKG_VERSION"), major = env!("CARGO_PKG_VERSION_MAJOR"))]
    Version { theirs: String },
    #[error("its interface {theirs} has another layout than this host's {ours}: {detail}; rebuild the plugin with an unchanged provider-api {ours}", ours = env!("CARGO_PKG_VERSION"))]
    Layout { theirs: String, detail: String },
    #[error("it cannot be started ({0}); try again, and if that does not help ask its author")]
    NotStarted(String),
    #[error("it does not say what it is ({0}); ask its author")]
    NotDescribed(Fault),
}

impl PluginError {
    pub(super) fn new(path: &Path, refusal: Refusal) -> Self {
        Self { path: path.to_owned(), refusal }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The kind of refusal.
    pub fn kind(&self) -> PluginRefusal {
        match self.refusal {
            Refusal::Missing | Refusal::NotAFile(_) | Refusal::Unreadable(_) => PluginRefusal::NoFile,
            Refusal::NotAbsolute
            | Refusal::SymbolicLink(_)
            | Refusal::NotTrusted(_)
            | Refusal::NoPin(_)
            | Refusal::OtherContent { .. }
            | Refusal::Changing => PluginRefusal::NotTrusted,
            Refusal::NotALibrary(_) | Refusal::NoHeader => PluginRefusal::NoPlugin,
            Refusal::Damaged(_) => PluginRefusal::Damaged,
            Refusal::Technology(_) | Refusal::Version { .. } | Refusal::Layout { .. } => PluginRefusal::Incompatible,
            Refusal::NoCopy(_)
            | Refusal::NoCopyInFolder(_)
            | Refusal::NotLoaded(_)
            | Refusal::NotStarted(_)
            | Refusal::NotDescribed(_) => PluginRefusal::Failed,
        }
    }
}

impl fmt::Display for PluginError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "plugin {} is refused: {}",
            one_line(&self.path.to_string_lossy()),
            one_line(&self.refusal.to_string())
        )
    }
}

impl std::error::Error for PluginError {}
