use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::StoreError;

/// SQLite's `application_id` of a store: `HHst` in ASCII. It tells a store from any other program's database, whose
/// `user_version` may be the same.
const APPLICATION: i64 = 0x4848_7374;

/// The version of the schema that this program reads and writes, kept in SQLite's `user_version`.
const VERSION: i64 = 1;

/// The key of a directory account is (`provider_instance`, `subject`). `AUTOINCREMENT` keeps the number of a deleted
/// user from being given to somebody else.
const VERSION_1: &str = "
CREATE TABLE user (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT NOT NULL,
    folded_name  TEXT NOT NULL UNIQUE CHECK (folded_name <> ''),
    display_name TEXT,
    email        TEXT,
    folded_email TEXT CHECK (folded_email <> ''),
    phone        TEXT,
    status       TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    origin       TEXT NOT NULL CHECK (origin IN ('local', 'directory')),
    created_at   INTEGER NOT NULL DEFAULT (unixepoch()),
    updated_at   INTEGER NOT NULL DEFAULT (unixepoch())
) STRICT;
-- Not unique: two people of a directory may share a mail address.
CREATE INDEX user_by_email ON user (folded_email) WHERE folded_email IS NOT NULL;

CREATE TABLE identity_link (
    provider_instance TEXT NOT NULL,
    subject           TEXT NOT NULL CHECK (subject <> ''),
    subject_attribute TEXT NOT NULL,
    user_id           INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    login             TEXT NOT NULL,
    created_at        INTEGER NOT NULL DEFAULT (unixepoch()),
    PRIMARY KEY (provider_instance, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_link_by_user ON identity_link (user_id);
CREATE INDEX identity_link_by_attribute ON identity_link (provider_instance, subject_attribute);

CREATE TABLE local_password (
    user_id    INTEGER PRIMARY KEY REFERENCES user (id) ON DELETE CASCADE,
    phc        TEXT NOT NULL,
    updated_at INTEGER NOT NULL DEFAULT (unixepoch())
) STRICT;

-- No foreign key: what happened to a user outlives the user.
CREATE TABLE audit (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    at                INTEGER NOT NULL DEFAULT (unixepoch()),
    action            TEXT NOT NULL,
    user_id           INTEGER,
    provider_instance TEXT,
    subject           TEXT,
    detail            TEXT NOT NULL
) STRICT;
";

/// Sets a fresh connection up and creates the tables if the file is empty.
///
/// # Errors
///
/// [`StoreError::Foreign`] for a file of another program, which is left as it is.
pub(super) fn prepare(connection: &mut Connection, file: &Path) -> Result<(), StoreError> {
    connection.busy_timeout(StoreError::PATIENCE)?;
    let is_ours = patiently(|| {
        // Deferred: it only reads, and what it reads belongs together.
        let transaction = connection.unchecked_transaction()?;
        Mark::read(&transaction)
    })
    .map_err(|error| not_a_database(error, file))?
    .is_ours(file)?;
    use_write_ahead_log(connection).map_err(|error| not_a_database(error, file))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    if is_ours {
        return Ok(());
    }
    // Several processes may meet on an empty file: one creates the tables while the others wait for the lock.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !Mark::read(&transaction)?.is_ours(file)? {
        transaction.execute_batch(VERSION_1)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    Ok(())
}

/// What a SQLite file says of the program that it belongs to.
struct Mark {
    application: i64,
    version: i64,
    tables: i64,
}

impl Mark {
    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get(0));
        let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok(Self { application: pragma("application_id")?, version: pragma("user_version")?, tables })
    }

    /// Whether the file is a store; otherwise it is empty.
    fn is_ours(&self, file: &Path) -> Result<bool, StoreError> {
        match (self.application, self.version) {
            (APPLICATION, VERSION) => Ok(true),
            (APPLICATION, found) => Err(StoreError::Newer { file: file.to_owned(), found, known: VERSION }),
            (0, 0) if self.tables == 0 => Ok(false),
            _ => {
                let problem = "it is the database of another program".to_owned();
                Err(StoreError::Foreign { file: file.to_owned(), problem })
            }
        }
    }
}

/// Switching to the write-ahead log needs the file for oneself.
fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    patiently(|| connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())))
}

/// Tries again while others hold the file. SQLite does not call its own busy handler when the write-ahead log is
/// begun: it says "locked" at once to the second of two processes that start together.
fn patiently<T>(mut attempt: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let began = Instant::now();
    loop {
        match attempt() {
            Err(error) if is_busy(&error) && began.elapsed() < StoreError::PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn not_a_database(error: rusqlite::Error, file: &Path) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            StoreError::Foreign { file: file.to_owned(), problem: "it is no SQLite database".to_owned() }
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            StoreError::Open { file: file.to_owned(), problem: error.to_string() }
        }
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rusqlite::Connection;

    use super::super::Sqlite;
    use crate::store::{StoreError, Whose};

    #[test]
    fn the_database_of_another_program_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        for (name, sql) in [
            ("tables", "CREATE TABLE user (id)"),
            ("same-version", "CREATE TABLE user (id); PRAGMA user_version = 1"),
            ("version-alone", "PRAGMA user_version = 1"),
            ("other-application", "PRAGMA application_id = 7; PRAGMA user_version = 1"),
        ] {
            let file = folder.path().join(name);
            Connection::open(&file).unwrap().execute_batch(sql).unwrap();
            let before = fs::read(&file).unwrap();
            let refused = Sqlite::open(&file, Whose::Anybodys).err();
            assert!(matches!(refused, Some(StoreError::Foreign { .. })), "{name}: {refused:?}");
            assert!(fs::read(&file).unwrap() == before, "{name} was altered");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "no side files");
    }

    #[test]
    fn a_store_of_a_newer_program_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("users.db");
        drop(Sqlite::open(&file, Whose::Anybodys).unwrap());
        drop(Sqlite::open(&file, Whose::Anybodys).unwrap());
        Connection::open(&file).unwrap().execute_batch("PRAGMA user_version = 2").unwrap();
        assert!(matches!(
            Sqlite::open(&file, Whose::Anybodys).err(),
            Some(StoreError::Newer { found: 2, known: 1, .. })
        ));
    }
}
