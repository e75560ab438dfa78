use std::path::Path;
use std::time::Instant;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::StoreError;

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
pub(super) fn prepare(connection: &mut Connection, file: &Path) -> Result<(), StoreError> {
    connection.busy_timeout(StoreError::PATIENCE)?;
    use_write_ahead_log(connection).map_err(|error| not_a_database(error, file))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    if version(connection)? == VERSION {
        return Ok(());
    }
    // Several processes may meet on an empty file: one creates the tables while the others wait for the lock.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    match version(&transaction)? {
        VERSION => {}
        0 => {
            let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            if tables != 0 {
                let problem = "it has tables of another program".to_owned();
                return Err(StoreError::Foreign { file: file.to_owned(), problem });
            }
            transaction.execute_batch(VERSION_1)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        found => return Err(StoreError::Newer { file: file.to_owned(), found, known: VERSION }),
    }
    transaction.commit()?;
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Switching to the write-ahead log needs the file for oneself, and SQLite does not call its busy handler there: it
/// says "locked" at once to the second of two processes that start together.
fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    let began = Instant::now();
    loop {
        let switched = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match switched {
            Ok(_) => return Ok(()),
            Err(error) if is_busy(&error) && began.elapsed() < StoreError::PATIENCE => {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            Err(error) => return Err(error),
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
