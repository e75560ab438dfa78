use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

/// The store cannot do what it was asked. Each is one printable line; nothing was written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The URL names a kind of store that there is not.
    #[error("a store of kind {url:?} is not supported: write url = \"sqlite:FILE\" in [store]")]
    Url {
        /// The part before the colon.
        url: String,
    },
    /// The file cannot be opened or created.
    #[error(
        "the store {file:?} cannot be opened ({problem}): see that its folder exists and that this user may write there"
    )]
    Open {
        /// The file.
        file: PathBuf,
        /// What the system says.
        problem: String,
    },
    /// Whoever may write the file can make accounts and passwords of their own.
    #[error("the store {file:?} can be written by other users: look who has changed it, then chmod 600 it")]
    Exposed {
        /// The file.
        file: PathBuf,
    },
    /// Others could have changed the store of a server, or could put another in its place.
    #[error(
        "the store: {problem}; whoever can change or replace it makes accounts and passwords of their own: when that is \
         mended, look at the accounts (host-harness users) before you trust it"
    )]
    NotOurs {
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The file is no store of this program.
    #[error("{file:?} is not a store of host-harness ({problem}): name another file in [store]")]
    Foreign {
        /// The file.
        file: PathBuf,
        /// What was found.
        problem: String,
    },
    /// A newer program has written the store.
    #[error("the store {file:?} has version {found}, this program knows {known}: use the newer host-harness")]
    Newer {
        /// The file.
        file: PathBuf,
        /// The version found.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// Others have held the database for longer than [`StoreError::PATIENCE`].
    #[error("the store is busy: try again, and look for a program that keeps it locked")]
    Busy,
    /// The name belongs to somebody else.
    #[error("a user of this name exists already")]
    NameTaken,
    /// The database failed: full, read-only, damaged.
    #[error("the store failed ({0}): see that the disk has room and that the file is sound")]
    Damaged(String),
}

impl StoreError {
    /// How long a call waits for others that hold the database. Shorter than a login may take, so that the login can
    /// still be answered.
    pub const PATIENCE: Duration = Duration::from_secs(5);

    /// Whether the store itself fails, so that trying again later may help. Otherwise the configuration names the
    /// wrong store.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Busy | Self::NameTaken | Self::Damaged(_))
    }
}
