use std::fs::OpenOptions;
use std::future::pending;
use std::hint::black_box;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Deserialize;

/// How long a thread is kept unless the settings say otherwise: longer than any test waits, short enough for a test
/// program to end with none spinning.
pub(crate) const KEPT: Duration = Duration::from_secs(6);

/// Nine tenths of the 2 MiB that the contract promises to each thread of a plugin, in octets.
const DEEP: usize = 2 * 1024 * 1024 / 10 * 9;

/// Calls itself until that much of the stack lies between `top` and the innermost call.
fn descend(top: usize) -> usize {
    let used = black_box([0_u8; 1024]);
    let here = std::ptr::from_ref(&used).addr();
    if top.abs_diff(here) < DEEP { black_box(descend(top)) + 1 } else { 1 }
}

/// What an entry point does before it does its work.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Behaviour {
    /// Nothing.
    #[default]
    Work,
    /// Panics with a message that names the entry point.
    Panic,
    /// Panics with a payload that panics again when it is dropped.
    PanicTwice,
    /// Awaits something that never comes.
    Wait,
    /// Awaits a tenth of a second.
    Nap,
    /// Blocks its thread.
    Block,
    /// Keeps its thread busy.
    Spin,
    /// Logs a record of each level.
    Log,
    /// Panics in a task of its own and goes on.
    PanicElsewhere,
    /// Uses most of the stack that its thread is promised.
    DeepStack,
}

impl Behaviour {
    /// For entry points that cannot wait. A thread that is blocked or busy is so for `kept`.
    pub(crate) fn act(self, point: &'static str, kept: Duration) {
        match self {
            Self::Work | Self::Wait | Self::Nap | Self::PanicElsewhere => {}
            Self::DeepStack => {
                let top = 0_u8;
                black_box(descend(std::ptr::from_ref(&top).addr()));
            }
            Self::Panic => panic!("faulty: {point}"),
            Self::PanicTwice => std::panic::panic_any(Explosive),
            Self::Block => std::thread::sleep(kept),
            Self::Spin => {
                let start = Instant::now();
                while start.elapsed() < kept {
                    black_box(start);
                }
            }
            Self::Log => {
                log::error!("an error at {point}");
                log::warn!(target: "faulty::own_target", number = 7, word = "seven"; "a warning at {point}");
                log::info!("line one\nline two");
                log::debug!("debug at {point}");
                log::trace!("trace at {point}");
            }
        }
    }

    /// For entry points that can.
    pub(crate) async fn act_async(self, point: &'static str, kept: Duration) {
        match self {
            Self::Wait => pending().await,
            Self::Nap => tokio::time::sleep(Duration::from_millis(100)).await,
            Self::PanicElsewhere => {
                // The task's own error is of no interest: its panic is what the host shall hear of.
                let _ = tokio::spawn(async { panic!("faulty: elsewhere") }).await;
            }
            other => other.act(point, kept),
        }
    }
}

struct Explosive;

impl Drop for Explosive {
    fn drop(&mut self) {
        panic!("faulty: the payload was dropped");
    }
}

/// Tells when something was dropped, and misbehaves then if it is told to.
pub(crate) struct Witness {
    pub(crate) file: Option<PathBuf>,
    pub(crate) name: &'static str,
    pub(crate) behaviour: Behaviour,
    pub(crate) kept: Duration,
}

impl Witness {
    /// Adds a line to the file.
    pub(crate) fn note(&self, what: &str) {
        let Some(path) = &self.file else { return };
        if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(path) {
            let _ = writeln!(file, "{what}");
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.note(self.name);
        if !std::thread::panicking() {
            self.behaviour.act(self.name, self.kept);
        }
    }
}
