//! Ctrl-C, and the end that an administrator asks for.

use std::panic;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::failure::Outcome;
use crate::{process, progress};

const FAILED: u8 = 2;
const INTERRUPTED: u8 = 130;

/// How long what is under way may take to tidy up.
const PATIENCE: Duration = Duration::from_secs(10);

static UNDER_WAY: AtomicBool = AtomicBool::new(false);

/// Whether the bench is ending early.
pub fn is_under_way() -> bool {
    UNDER_WAY.load(Ordering::SeqCst)
}

/// Does the work on a thread of its own. A signal ends the processes that were started; the work then fails for lack of
/// them, and takes its server and its temporary folders with it.
pub fn watch(work: impl FnOnce() -> Outcome<ExitCode> + Send + 'static) -> ExitCode {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |information| {
        // What breaks then breaks because of the interruption.
        if !is_under_way() {
            usual(information);
        }
    }));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).expect("a handler for SIGINT");
        let mut terminate = signal(SignalKind::terminate()).expect("a handler for SIGTERM");
        let (done, mut finished) = oneshot::channel();
        thread::spawn(move || done.send(work()));
        tokio::select! {
            biased;
            () = either(&mut interrupt, &mut terminate) => {
                UNDER_WAY.store(true, Ordering::SeqCst);
                progress::say("interrupted: stopping what runs");
                process::end_all();
                let _ = tokio::time::timeout(PATIENCE, finished).await;
                ExitCode::from(INTERRUPTED)
            }
            outcome = &mut finished => match outcome {
                Ok(Ok(code)) => code,
                Ok(Err(failure)) => {
                    progress::say(failure);
                    ExitCode::from(FAILED)
                }
                // It has panicked, and said why.
                Err(_) => ExitCode::from(FAILED),
            },
        }
    })
}

async fn either(first: &mut Signal, second: &mut Signal) {
    tokio::select! {
        _ = first.recv() => {}
        _ = second.recv() => {}
    }
}
