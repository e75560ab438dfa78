//! How many connections to a port of this machine are open, as the kernel's table of the clients' ends has them
//! (proc(5)).

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// How often a watch looks. The table is long when somebody dials for each login.
const INTERVAL: Duration = Duration::from_millis(200);

/// The number now.
pub fn to(port: u16) -> usize {
    const ESTABLISHED: &str = "01";
    let sockets = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let end = format!(":{port:04X}");
    let open = sockets.lines().skip(1).filter(|line| {
        // Number, own address, the other's address, state.
        let columns: Vec<_> = line.split_whitespace().take(4).collect();
        matches!(columns.as_slice(), [_, _, remote, state] if remote.ends_with(&end) && *state == ESTABLISHED)
    });
    open.count()
}

/// Looks again and again, until it is dropped.
pub struct Watch {
    port: u16,
    highest: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Watch {
    /// Begins to look.
    pub fn start(port: u16) -> Self {
        let watch = Self { port, highest: Arc::default(), over: Arc::default() };
        let (highest, over) = (watch.highest.clone(), watch.over.clone());
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                highest.fetch_max(to(port), Ordering::Relaxed);
                thread::sleep(INTERVAL);
            }
        });
        watch
    }

    /// The highest number until now.
    pub fn highest(&self) -> usize {
        self.highest.fetch_max(to(self.port), Ordering::Relaxed);
        self.highest.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
