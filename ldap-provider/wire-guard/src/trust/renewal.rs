//! A CA file may be replaced at any time: what it holds now is what connections made from now on are checked by.

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::ca_file::{CaFile, CaFileError};
use super::{TrustError, client_config};

#[cfg(test)]
mod tests;

/// How often the file is looked at, and whom that may keep waiting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// A connection that is made this long after the last look looks again.
    pub(super) every: Duration,
    /// While one connection looks, others go on with what is in force, unless the last look is this long ago: after
    /// an idle night that would be what was in force yesterday.
    pub(super) stale: Duration,
    /// The longest that a look may keep a connection. A file system that does not answer then costs no login.
    pub(super) patience: Duration,
}

impl Pace {
    /// Together below the minute within which a new file has to be in force.
    pub(super) const USUAL: Self =
        Self { every: Duration::from_secs(10), stale: Duration::from_secs(30), patience: Duration::from_secs(1) };
}

/// How long sessions may be resumed that began with the same look at a certificate: rustls does not look at it again,
/// not even at its end, and what a resumed session brings has a lifetime of its own. A handshake that looks costs some
/// 100 µs more, and over TLS 1.2 a round trip, so once in ten minutes nobody notices.
const SESSIONS_LAST: Duration = Duration::from_mins(10);

/// What connections are checked by: the system's CAs and a CA file, as it is now.
pub(super) struct Renewal {
    path: Option<PathBuf>,
    pace: Pace,
    system_roots: SystemRoots,
    state: Mutex<State>,
    /// What the file held when it last was good. Whoever reads it anew has the lock, on a thread that may block, and
    /// keeps it until done even if nobody waits any more: there is never more than one look.
    file: Arc<AsyncMutex<CaFile>>,
}

/// Where the system's CAs come from.
#[derive(Clone, Copy)]
pub(super) struct SystemRoots {
    /// What was read of them a moment ago, which will do for the first connection.
    pub(super) recent: fn() -> Option<Arc<RootCertStore>>,
    /// Reads them. Blocks.
    pub(super) read: fn() -> Arc<RootCertStore>,
}

struct State {
    /// Made for the first connection: reading the system's CAs takes tens of milliseconds.
    in_force: Option<InForce>,
    /// When a connection was made that looked at the file, or that gave up.
    looked: Instant,
    /// What was wrong then, if anything. It is in the log.
    problem: Option<String>,
}

struct InForce {
    config: Arc<ClientConfig>,
    /// Before any session began that it may resume.
    sessions_since: Instant,
}

impl InForce {
    fn at(&mut self, now: Instant) -> Arc<ClientConfig> {
        if now.saturating_duration_since(self.sessions_since) >= SESSIONS_LAST {
            // Handshakes under way with the old one keep their sessions where nobody looks for them.
            self.config = client_config::with_sessions(&self.config, Resumption::default());
            self.sessions_since = now;
        }
        Arc::clone(&self.config)
    }
}

impl Renewal {
    /// Reads the file, which has to be good this first time.
    pub(super) fn new(path: Option<&Path>, pace: Pace, system_roots: SystemRoots) -> Result<Self, CaFileError> {
        let looked = Instant::now();
        let file = path.map(CaFile::read).transpose()?.unwrap_or_else(CaFile::none);
        Ok(Self {
            // Another working directory later must not make it another file.
            path: path.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned())),
            pace,
            system_roots,
            state: Mutex::new(State { in_force: None, looked, problem: None }),
            file: Arc::new(AsyncMutex::new(file)),
        })
    }

    /// What a connection made at `now` is checked by. A failure is not kept: the next connection tries again.
    pub(super) async fn client_config(self: &Arc<Self>, now: Instant) -> Result<Arc<ClientConfig>, TrustError> {
        let present = match self.in_force(now) {
            Some(present) => present,
            None => self.first(now).await?,
        };
        let Some(path) = self.path.as_deref().filter(|_| self.since_last_look(now) >= self.pace.every) else {
            return Ok(present);
        };
        if timeout(self.pace.patience, self.look(path, now)).await.is_err() {
            let (file, waited) = (path.display(), self.pace.patience.as_secs());
            self.has_problem(format!(
                "the file {file} cannot be read: no answer within {waited} s; see to its file system"
            ));
        }
        Ok(self.in_force(now).unwrap_or(present))
    }

    fn in_force(&self, now: Instant) -> Option<Arc<ClientConfig>> {
        self.state().in_force.as_mut().map(|in_force| in_force.at(now))
    }

    async fn first(self: &Arc<Self>, now: Instant) -> Result<Arc<ClientConfig>, TrustError> {
        let file = Arc::clone(&self.file).lock_owned().await;
        if let Some(made_meanwhile) = self.in_force(now) {
            return Ok(made_meanwhile);
        }
        let first = move |config: &Arc<ClientConfig>| InForce { config: Arc::clone(config), sessions_since: now };
        if let Some(roots) = (self.system_roots.recent)() {
            let made = client_config::verified(&file, roots)?;
            self.state().in_force = Some(first(&made));
            return Ok(made);
        }
        let renewal = Arc::clone(self);
        let made = spawn_blocking(move || {
            let made = client_config::verified(&file, (renewal.system_roots.read)())?;
            renewal.state().in_force = Some(first(&made));
            Ok(made)
        });
        match made.await {
            Ok(made) => made,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_) => Err(rustls::Error::General("the runtime ends".to_owned()).into()),
            },
        }
    }

    /// Returns after a look at the file, or at once if somebody else looks and what is in force is not stale.
    async fn look(self: &Arc<Self>, path: &Path, now: Instant) {
        let lock = Arc::clone(&self.file);
        let may_pass = self.since_last_look(now) < self.pace.stale;
        let free = lock.clone().try_lock_owned().ok();
        if free.is_none() && may_pass {
            return;
        }
        let _waiting = Looking(self, now);
        let file = match free {
            Some(file) => file,
            None => lock.lock_owned().await,
        };
        if self.since_last_look(now) < self.pace.every {
            return;
        }
        let renewal = Arc::clone(self);
        let looked = spawn_blocking(move || renewal.look_now(file, now)).await;
        if looked.is_err_and(|error| error.is_panic()) {
            self.has_problem(format!("the file {} cannot be read: reading it panicked", path.display()));
        }
    }

    /// Blocks.
    fn look_now(&self, mut file: OwnedMutexGuard<CaFile>, now: Instant) {
        let Some(path) = &self.path else { return };
        // Ends before the lock: who waits for it sees that this look was done.
        let _looking = Looking(self, now);
        match self.replaced(path, &file) {
            Err(problem) => self.has_problem(problem),
            Ok(None) => self.is_good(path, None),
            Ok(Some((replacement, config))) => {
                *file = replacement;
                self.is_good(path, Some(InForce { config, sessions_since: now }));
            }
        }
    }

    /// The new content, if there is one, and what is to be in force with it.
    fn replaced(&self, path: &Path, file: &CaFile) -> Result<Option<(CaFile, Arc<ClientConfig>)>, String> {
        let Some(replacement) = file.read_again(path).map_err(|error| error.to_string())? else { return Ok(None) };
        let config = client_config::verified(&replacement, (self.system_roots.read)());
        let config = config.map_err(|error| format!("the file {} cannot be used: {error}", path.display()))?;
        Ok(Some((replacement, config)))
    }

    fn is_good(&self, path: &Path, replacement: Option<InForce>) {
        let mut state = self.state();
        let (recovered, is_new) = (state.problem.take().is_some(), replacement.is_some());
        state.in_force = replacement.or_else(|| state.in_force.take());
        drop(state);
        if is_new {
            log::info!("the CA file {} was replaced: new connections are checked by what it holds now", path.display());
        } else if recovered {
            log::info!("the CA file {} can be read again, and holds what it held", path.display());
        }
    }

    /// Keeps what is in force, and says so once for each problem.
    fn has_problem(&self, problem: String) {
        let mut state = self.state();
        if state.problem.as_ref() == Some(&problem) {
            return;
        }
        let line = format!(
            "ca_file: {problem}; what it held before stays in force; put a readable file with the CA's certificate in \
                PEM in its place, it is picked up without a restart"
        );
        state.problem = Some(problem);
        drop(state);
        log::warn!("{line}");
    }

    fn since_last_look(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.state().looked)
    }

    /// Locked for as long as it takes to copy, never while a file is read.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A look, or the wait for one. However it ends, also by a deadline, the next is not due at once: what hangs must not
/// keep every connection.
struct Looking<'a>(&'a Renewal, Instant);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.looked = state.looked.max(self.1);
    }
}
