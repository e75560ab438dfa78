//! Where the host keeps its accounts: users, the links between them and directory identities, local passwords, and an
//! audit trail.
//!
//! The rules about accounts (who may be created, what is a collision) are not here but in
//! [`provision`](crate::provision) and [`local_accounts`](crate::local_accounts). They run as one piece of work
//! inside one transaction and see the store through [`Records`], so that another database needs a new `Backend` and
//! nothing else. SQL stays below `sqlite`.

mod account;
mod error;
mod records;
mod sqlite;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use account::{AuditEntry, Link, NewUser, Origin, Profile, Status, User, UserId};
pub use error::StoreError;
pub use records::Records;

/// A handle on the store. Clones share it.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    // Whoever waits for a turn waits here, where giving up costs nothing, and not on a thread that blocks. Readers
    // and writers have turns of their own, so that a local login never waits for somebody who holds the database.
    reading: Arc<Semaphore>,
    writing: Arc<Semaphore>,
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Store")
    }
}

/// A piece of work inside a transaction.
///
/// It may be run more than once when a backend has to begin anew, and every error undoes all that it wrote.
type Work<'a> = &'a mut dyn FnMut(&mut dyn Records) -> Result<(), StoreError>;

/// What a database has to offer. Calls block, for [`StoreError::PATIENCE`] at most when others hold the database.
trait Backend: Send + Sync {
    /// See [`Store::warning`].
    fn warning(&self) -> Option<&str>;

    /// See [`Store::exposed`].
    fn exposed(&self) -> &[String];

    /// Runs `work` on one consistent state of the store; writing is not allowed.
    fn read(&self, work: Work<'_>) -> Result<(), StoreError>;

    /// Runs `work` while nobody else writes, and commits what it wrote if it succeeds.
    fn write(&self, work: Work<'_>) -> Result<(), StoreError>;
}

/// Whose store it must have been before it is opened.
#[derive(Clone, Copy, Debug)]
enum Whose {
    /// What others could have changed is told of.
    Anybodys,
    /// What others could have changed is refused.
    OurOwn,
}

impl Whose {
    fn judge(self, problems: Vec<String>) -> Result<Vec<String>, StoreError> {
        match (self, problems.first()) {
            (Self::OurOwn, Some(problem)) => Err(StoreError::NotOurs { problem: problem.clone() }),
            _ => Ok(problems),
        }
    }
}

impl Store {
    /// Opens the store of a URL such as `sqlite:users.db`, and creates it if it is not there.
    ///
    /// A relative file lies in `folder`. The file is created readable by its owner alone: it holds password hashes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Url`] for a URL of another kind; otherwise what the database says.
    pub async fn open(url: &str, folder: &Path) -> Result<Self, StoreError> {
        Self::open_on(url, folder, Whose::Anybodys).await
    }

    /// The same for a server, which goes by no store that is [exposed](Self::exposed): that one is neither opened nor
    /// made, and nothing that lies beside it is taken for its own.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open), and [`StoreError::NotOurs`].
    pub async fn open_for_a_server(url: &str, folder: &Path) -> Result<Self, StoreError> {
        Self::open_on(url, folder, Whose::OurOwn).await
    }

    async fn open_on(url: &str, folder: &Path, whose: Whose) -> Result<Self, StoreError> {
        let Some(file) = url.strip_prefix("sqlite:") else {
            return Err(StoreError::Url { url: url.split(':').next().unwrap_or_default().to_owned() });
        };
        // `sqlite:///var/lib/users.db` is how other programs write an absolute path.
        let file = folder.join(file.strip_prefix("//").unwrap_or(file));
        let backend = blocking(move || sqlite::Sqlite::open(&file, whose)).await?;
        Ok(Self {
            backend: Arc::new(backend),
            reading: Arc::new(Semaphore::new(1)),
            writing: Arc::new(Semaphore::new(1)),
        })
    }

    /// What an administrator should hear of the store as it was opened.
    pub fn warning(&self) -> Option<&str> {
        self.backend.warning()
    }

    /// Who else than root and the host's user could have changed the store, or could put another in its place, a line
    /// each: whoever can makes accounts and passwords of their own.
    pub fn exposed(&self) -> &[String] {
        self.backend.exposed()
    }

    /// Reads on one consistent state of the store.
    pub async fn read<T, W>(&self, mut work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnMut(&dyn Records) -> Result<T, StoreError> + Send + 'static,
    {
        let turn = turn(&self.reading).await?;
        let backend = Arc::clone(&self.backend);
        blocking(move || {
            let _turn = turn;
            answer(|keep| backend.read(&mut |records| keep(work(records))))
        })
        .await
    }

    /// Reads and writes in one transaction, while nobody else writes. An error of `work` undoes everything.
    pub async fn write<T, W>(&self, mut work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnMut(&mut dyn Records) -> Result<T, StoreError> + Send + 'static,
    {
        let turn = turn(&self.writing).await?;
        let backend = Arc::clone(&self.backend);
        blocking(move || {
            let _turn = turn;
            answer(|keep| backend.write(&mut |records| keep(work(records))))
        })
        .await
    }
}

/// Waits for a turn. It moves into the thread that does the work: a caller who gives up does not make the database
/// free.
async fn turn(turns: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, StoreError> {
    // The turns are never closed.
    Arc::clone(turns).acquire_owned().await.map_err(|_| StoreError::Busy)
}

/// Carries the value of the last run of a piece of work past the object-safe [`Backend`].
fn answer<T>(
    run: impl FnOnce(&mut dyn FnMut(Result<T, StoreError>) -> Result<(), StoreError>) -> Result<(), StoreError>,
) -> Result<T, StoreError> {
    let mut kept = None;
    run(&mut |result| {
        kept = Some(result?);
        Ok(())
    })?;
    kept.ok_or_else(|| StoreError::Damaged("the database did not run what it was asked to".to_owned()))
}

/// Keeps the waiting for a database off the threads that serve logins.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(StoreError::Damaged("the store's thread ended before it answered".to_owned())),
    }
}
