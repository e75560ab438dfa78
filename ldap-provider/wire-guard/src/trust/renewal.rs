//! A CA file may be replaced at any time: what it holds now is what connections made from now on are checked by.

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::client::Resumption;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::ca_file::{CaFile, CaFileError};
use super::system_cas::SystemCas;
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
    system: SystemSource,
    state: Mutex<State>,
    /// What the file held when it last was good. Whoever reads it anew has the lock, on a thread that may block, and
    /// keeps it until done even if nobody waits any more: there is never more than one look.
    file: Arc<AsyncMutex<CaFile>>,
}

/// Where the system's CAs come from.
#[derive(Clone, Copy)]
pub(super) struct SystemSource {
    /// What was read of them a moment ago, which will do for the first connection.
    pub(super) recent: fn() -> Option<SystemCas>,
    /// Reads them. Blocks.
    pub(super) read: fn() -> SystemCas,
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
    /// Those of the system's CAs that it trusts. If something was lacking, they are read again at the next look.
    system: SystemCas,
}

impl InForce {
    fn new(file: &CaFile, system: SystemCas, now: Instant) -> Result<Self, TrustError> {
        Ok(Self { config: client_config::verified(file, &system)?, sessions_since: now, system })
    }

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
    pub(super) fn new(path: Option<&Path>, pace: Pace, system: SystemSource) -> Result<Self, CaFileError> {
        let looked = Instant::now();
        let file = path.map(CaFile::read).transpose()?.unwrap_or_else(CaFile::none);
        Ok(Self {
            // Another working directory later must not make it another file.
            path: path.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned())),
            pace,
            system,
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
        if self.since_last_look(now) < self.pace.every || !self.may_change() {
            return Ok(present);
        }
        if timeout(self.pace.patience, self.look(now)).await.is_err() {
            let waited = self.pace.patience.as_secs();
            self.has_problem(format!(
                "{} cannot be read: no answer within {waited} s; see to the file system",
                self.looked_at()
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
        if let Some(system) = (self.system.recent)() {
            return Ok(self.put_in_force(InForce::new(&file, system, now)?));
        }
        let renewal = Arc::clone(self);
        let made = spawn_blocking(move || {
            let first = InForce::new(&file, (renewal.system.read)(), now)?;
            Ok(renewal.put_in_force(first))
        });
        match made.await {
            Ok(made) => made,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_) => Err(rustls::Error::General("the runtime ends".to_owned()).into()),
            },
        }
    }

    /// Whether a look may bring something else.
    fn may_change(&self) -> bool {
        self.path.is_some() || self.state().in_force.as_ref().is_some_and(|in_force| in_force.system.lack.is_some())
    }

    /// Returns after a look at the file, or at once if somebody else looks and what is in force is not stale.
    async fn look(self: &Arc<Self>, now: Instant) {
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
            self.has_problem(format!("{} cannot be read: reading panicked", self.looked_at()));
        }
    }

    /// Blocks.
    fn look_now(&self, mut file: OwnedMutexGuard<CaFile>, now: Instant) {
        // Ends before the lock: who waits for it sees that this look was done.
        let _looking = Looking(self, now);
        let read = self.path.as_deref().map_or(Ok(None), |path| file.read_again(path));
        let (replacement, mut problem) = match read {
            Ok(replacement) => (replacement, None),
            // No reason to do without CAs of the system that can be read by now.
            Err(error) => (None, Some(error.to_string())),
        };
        let is_replaced = replacement.is_some();
        match self.changed(replacement.as_ref().unwrap_or(&file), is_replaced, now) {
            Ok(Some(changed)) => drop(self.put_in_force(changed)),
            Ok(None) => {}
            Err(error) => problem = Some(format!("{} cannot be used: {error}", self.looked_at())),
        }
        if let Some(problem) = problem {
            return self.has_problem(problem);
        }
        if let Some(replacement) = replacement {
            *file = replacement;
        }
        self.is_good(is_replaced);
    }

    /// What is to be in force now, if it is something else.
    fn changed(&self, file: &CaFile, is_replaced: bool, now: Instant) -> Result<Option<InForce>, TrustError> {
        let before = self.state().in_force.as_ref().map(|in_force| in_force.system.clone());
        let was_lacking = before.as_ref().is_some_and(|before| before.lack.is_some());
        if !is_replaced && !was_lacking {
            return Ok(None);
        }
        let mut system = (self.system.read)();
        if let Some(before) = before {
            system = system.or(&before);
            if !is_replaced && system.lack.is_some() && Arc::ptr_eq(&system.roots, &before.roots) {
                return Ok(None);
            }
        }
        InForce::new(file, system, now).map(Some)
    }

    /// Says once that something is lacking, and once that it is no longer.
    fn put_in_force(&self, next: InForce) -> Arc<ClientConfig> {
        let (config, lack) = (Arc::clone(&next.config), next.system.lack.clone());
        let before = self.state().in_force.replace(next);
        match (before.and_then(|before| before.system.lack), lack) {
            (None, Some(lack)) => log::warn!(
                "not all of the system's CA certificates can be read ({lack}): servers whose certificates they issued \
                    may be refused; see to the limit of open files (nofile), to memory and to the disk; they are read \
                    again every {} s until that goes well",
                self.pace.every.as_secs()
            ),
            (Some(_), None) => log::info!("the system's CA certificates can be read again, and count"),
            _ => {}
        }
        config
    }

    fn is_good(&self, is_replaced: bool) {
        let recovered = self.state().problem.take().is_some();
        let looked_at = self.looked_at();
        if is_replaced {
            log::info!("{looked_at} was replaced: new connections are checked by what it holds now");
        } else if recovered {
            log::info!("{looked_at} can be read again, and holds what it held");
        }
    }

    /// Keeps what is in force, and says so once for each problem.
    fn has_problem(&self, problem: String) {
        let mut state = self.state();
        if state.problem.as_ref() == Some(&problem) {
            return;
        }
        let line = match &self.path {
            Some(_) => format!(
                "ca_file: {problem}; what it held before stays in force; put a readable file with the CA's certificate \
                    in PEM in its place, it is picked up without a restart"
            ),
            None => format!("{problem}; what was read of them before stays in force"),
        };
        state.problem = Some(problem);
        drop(state);
        log::warn!("{line}");
    }

    fn looked_at(&self) -> String {
        match &self.path {
            Some(path) => format!("the CA file {}", path.display()),
            None => "the store of the system's CA certificates".to_owned(),
        }
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
