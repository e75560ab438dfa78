//! The store in one SQLite file.
//!
//! Write-ahead log: those who read (a login that changes nothing, `users`) never wait for one who writes.
//! `synchronous = FULL`, because a commit that a power failure takes back would give the person a second account at
//! the next login. Whoever writes takes the write lock first (`BEGIN IMMEDIATE`): a deferred transaction that has
//! read cannot wait for the lock, it fails. Measured with 500 first logins in two processes: 451 errors deferred,
//! none immediate.

mod exposure;
mod rows;
mod schema;

use std::fs::{self, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::{Backend, StoreError, Whose, Work};
use exposure::WRITABLE_BY_OTHERS;

/// The mode of a new store.
const PRIVATE: u32 = 0o600;

/// A SQLite database: one connection for reading, one for writing. Callers of one process take turns on each, those
/// of several wait for one another inside SQLite.
pub(super) struct Sqlite {
    reader: Mutex<Connection>,
    writer: Mutex<Connection>,
    warning: Option<String>,
    exposed: Vec<String>,
}

impl Sqlite {
    pub(super) fn open(file: &Path, whose: Whose) -> Result<Self, StoreError> {
        let metadata = look(file)?;
        let mode = metadata.as_ref().map_or(PRIVATE, |metadata| metadata.permissions().mode());
        if mode & WRITABLE_BY_OTHERS != 0 {
            return Err(StoreError::Exposed { file: file.to_owned() });
        }
        let warning = (mode & 0o044 != 0).then(|| {
            format!("the store {} holds password hashes and can be read by other users: chmod 600 it", file.display())
        });
        // Before SQLite opens it, which at once writes into it what it finds in a log beside it; and whoever closes a
        // file of the process ends the locks that the process has on it.
        let mut exposed = whose.judge(exposure::problems(file, metadata.as_ref()))?;
        open_or_create(file).map_err(|error| open_error(file, &error))?;
        if metadata.is_none() {
            // A link that led nowhere leads to the new file now.
            exposed = whose.judge(exposure::problems(file, look(file)?.as_ref()))?;
        }
        let mut writer = connect(file)?;
        schema::prepare(&mut writer, file)?;
        let reader = connect(file)?;
        reader.busy_timeout(StoreError::PATIENCE)?;
        reader.pragma_update(None, "query_only", true)?;
        Ok(Self { reader: Mutex::new(reader), writer: Mutex::new(writer), warning, exposed })
    }
}

/// What the system says of the file, if it is there.
fn look(file: &Path) -> Result<Option<Metadata>, StoreError> {
    match fs::metadata(file) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(open_error(file, &error)),
    }
}

/// SQLite would create the file with the umask's mode; it holds password hashes. Its side files inherit the mode. And it
/// would take a file that cannot be written for one that is only to be read.
fn open_or_create(file: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(PRIVATE).open(file).map(drop)
}

fn connect(file: &Path) -> Result<Connection, StoreError> {
    // No URIs: a file may be called `file:x`.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(file, flags).map_err(|error| open_error(file, &error))
}

fn open_error(file: &Path, error: &dyn std::error::Error) -> StoreError {
    StoreError::Open { file: file.to_owned(), problem: error.to_string() }
}

fn transact(connection: &Mutex<Connection>, behavior: TransactionBehavior, work: Work<'_>) -> Result<(), StoreError> {
    // A piece of work that panicked has rolled back when its transaction was dropped; the connection is sound.
    let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
    let transaction = connection.transaction_with_behavior(behavior)?;
    work(&mut rows::Rows(&transaction))?;
    transaction.commit()?;
    Ok(())
}

impl Backend for Sqlite {
    fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    fn exposed(&self) -> &[String] {
        &self.exposed
    }

    fn read(&self, work: Work<'_>) -> Result<(), StoreError> {
        transact(&self.reader, TransactionBehavior::Deferred, work)
    }

    fn write(&self, work: Work<'_>) -> Result<(), StoreError> {
        transact(&self.writer, TransactionBehavior::Immediate, work)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            // The message of SQLite names tables and columns, never values.
            _ => Self::Damaged(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::{Backend as _, Sqlite};
    use crate::store::{StoreError, Whose};

    #[test]
    fn a_store_that_others_may_write_is_refused_and_one_that_they_may_read_is_warned_of() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("users.db");
        assert_eq!(Sqlite::open(&file, Whose::Anybodys).unwrap().warning(), None);
        for mode in [0o620, 0o602, 0o666] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            let refused = Sqlite::open(&file, Whose::Anybodys).err();
            assert!(matches!(refused, Some(StoreError::Exposed { .. })), "{mode:o}: {refused:?}");
            assert!(refused.unwrap().to_string().contains("chmod 600"));
        }
        for mode in [0o640, 0o604] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            let opened = Sqlite::open(&file, Whose::Anybodys).unwrap();
            assert!(opened.warning().is_some_and(|warning| warning.contains("chmod 600")), "{mode:o}");
        }
    }
}
