//! Ctrl-C and the like: the first one cancels what is running and lets it say so. What does not come to its end then,
//! such as a write to a pipe that nobody reads, is ended with the process: after a while, or by the second one.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::exit::Exit;

/// How long a cancelled command may take to say so and to let its providers say goodbye.
pub(crate) const GRACE: Duration = Duration::from_secs(3);
/// The same of a server, which ends what is under way in several steps first.
pub(crate) const GRACE_OF_A_SERVER: Duration = Duration::from_secs(6);

/// Tells whether somebody wants the program to stop. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens to SIGINT and SIGTERM from now on. After the first one the program has so long to end.
    pub(crate) fn install(grace: Duration) -> io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let (tell, told) = watch::channel(false);
        tokio::spawn(async move {
            let mut next = async || {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            };
            next().await;
            tell.send_replace(true);
            let _ = tokio::time::timeout(grace, next()).await;
            std::process::exit(Exit::Unavailable.code().into());
        });
        Ok(Self(told))
    }

    /// Runs `work` to its end, or drops it and answers `None` when somebody wants the program to stop.
    pub(crate) async fn unless<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut told = self.0.clone();
        tokio::select! {
            biased;
            Ok(_) = told.wait_for(|wanted| *wanted) => None,
            done = work => Some(done),
        }
    }
}
