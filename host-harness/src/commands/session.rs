use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use provider_api::{Deadline, RequestContext, Secret};

use super::{CommandError, tell_lines};
use crate::config::{ConfigError, Configuration};
use crate::interrupt::Interrupt;
use crate::log::Log;
use crate::output;
use crate::password_source::PasswordError;
use crate::providers::{self, ProviderHandle};
use crate::store::Store;
use crate::terminal::Terminal;
use crate::threads::reading_files;

/// What the commands share: the configuration file, the log, and Ctrl-C.
pub(super) struct Session {
    config: PathBuf,
    pub(super) log: Log,
    pub(super) interrupt: Interrupt,
    /// Whether what the providers have counted is shown when all is done.
    pub(super) shows_metrics: bool,
}

/// How long providers get to say goodbye to their servers.
const GOODBYE: Duration = Duration::from_millis(500);

impl Session {
    /// Whoever stops the program gives it so much `grace`.
    pub(super) fn new(config: PathBuf, log: Log, shows_metrics: bool, grace: Duration) -> Result<Self, CommandError> {
        Ok(Self { config, log, interrupt: Interrupt::install(grace)?, shows_metrics })
    }

    /// The configuration file.
    pub(super) fn file(&self) -> &Path {
        &self.config
    }

    /// Does `work` unless somebody wants the program to stop; then it is dropped.
    ///
    /// # Errors
    ///
    /// [`CommandError::Interrupted`], and those of the work.
    pub(super) async fn unless_interrupted<T, E: Into<CommandError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CommandError> {
        match self.interrupt.unless(work).await {
            Some(done) => done.map_err(Into::into),
            None => Err(CommandError::Interrupted),
        }
    }

    /// The configuration. That others could have changed it is a warning.
    pub(super) async fn configuration(&self) -> Result<Configuration, CommandError> {
        let file = self.config.clone();
        // The file may be a pipe from a slow program.
        let read = reading_files(move || Configuration::read(&file));
        let ended_early = || ConfigError::new(self.config.display().to_string(), "the reading ended early");
        let configuration = self.unless_interrupted(async { read.await.ok_or_else(ended_early)? }).await?;
        for problem in &configuration.exposed {
            self.log.warn(problem);
        }
        Ok(configuration)
    }

    /// The store. That others could have changed it is a warning.
    pub(super) async fn store(&self, configuration: &Configuration) -> Result<Store, CommandError> {
        let opening = Store::open(&configuration.store_url, configuration.folders.configuration());
        let store = self.unless_interrupted(opening).await?;
        if let Some(warning) = store.warning() {
            self.log.warn(warning);
        }
        for problem in store.exposed() {
            self.log.warn(&format!("the store: {problem}"));
        }
        Ok(store)
    }

    /// Waits for a password that comes from a file or another program.
    pub(super) async fn password(
        &self,
        read: impl FnOnce() -> Result<Secret, PasswordError> + Send + 'static,
    ) -> Result<Secret, CommandError> {
        let read = tokio::task::spawn_blocking(read);
        let ended_early = |_| PasswordError::Read("the reading ended early".to_owned());
        self.unless_interrupted(async { read.await.map_err(ended_early)? }).await
    }

    /// Waits for a password that a person types. Whoever stops the program gets the terminal back as it was.
    pub(super) async fn prompt(
        &self,
        ask: impl FnOnce() -> Result<Secret, PasswordError> + Send + 'static,
    ) -> Result<Secret, CommandError> {
        let terminal = Terminal::remember();
        let answer = self.password(ask).await;
        if matches!(answer, Err(CommandError::Interrupted)) {
            terminal.restore();
        }
        answer
    }

    /// The providers of the configuration, or the one that was chosen.
    pub(super) async fn providers(
        &self,
        configuration: &Configuration,
        chosen: Option<&str>,
    ) -> Result<Vec<ProviderHandle>, CommandError> {
        let handles = self.unless_interrupted(providers::from_configuration(configuration, self.log)).await?;
        let Some(chosen) = chosen else { return Ok(handles) };
        if let Some(handle) = handles.iter().find(|handle| handle.instance() == chosen) {
            return Ok(vec![handle.clone()]);
        }
        Err(CommandError::Usage(format!("no provider is called {chosen}: {}", configured(&handles))))
    }

    /// Shows what the providers have counted, if that is wanted, and lets them end their connections in good order.
    pub(super) async fn goodbye(&self, handles: &[ProviderHandle]) {
        for handle in handles {
            if self.shows_metrics
                && let Some(counted) = handle.metrics(&context(GOODBYE)).await
            {
                tell_lines(&output::metrics(handle.instance(), &counted));
            }
            handle.shutdown(GOODBYE).await;
        }
    }
}

/// A context for a call that may take so long.
pub(super) fn context(timeout: Duration) -> RequestContext {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    // Unique enough to find one request in a log that many runs share.
    let moment = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let id = format!("{:x}-{:x}-{}", moment & 0xffff_ffff, std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    RequestContext::new(id, Deadline::after(timeout))
}

/// The names of the providers, for a message.
pub(super) fn configured(handles: &[ProviderHandle]) -> String {
    if handles.is_empty() {
        return "the configuration file has no [[providers]]".to_owned();
    }
    let names: Vec<&str> = handles.iter().map(ProviderHandle::instance).collect();
    format!("there is {}", names.join(", "))
}
