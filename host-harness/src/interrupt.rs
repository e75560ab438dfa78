//! Ctrl-C and the like: the first one cancels what is running and lets it say so, the second one ends the process.

use std::future::Future;
use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::exit::Exit;

/// Tells whether somebody wants the program to stop. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens to SIGINT and SIGTERM from now on.
    pub(crate) fn install() -> io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let (tell, told) = watch::channel(false);
        tokio::spawn(async move {
            let mut wanted = false;
            loop {
                tokio::select! {
                    Some(()) = interrupt.recv() => {}
                    Some(()) = terminate.recv() => {}
                    else => return,
                }
                if wanted {
                    std::process::exit(Exit::Unavailable.code().into());
                }
                wanted = true;
                tell.send_replace(true);
            }
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
