//! What drives a provider's calls: its runtime, its count of calls in flight, its end.

use std::future::Future;
use std::io;
use std::num::NonZero;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::task::TaskTracker;

use super::log_bridge::{HostLog, REQUEST};
use crate::abi::AbiReply;
use crate::cut_off::CutOff;
use crate::wire::{self, Answer, ShutdownReport};
use crate::{Deadline, Fault, UnavailableReason, try_threads};

/// The fewest threads that poll a provider's futures: with one, a call that blocks would stop all others.
const FEWEST_WORKERS: usize = 2;

/// The most. What a provider does is mostly waiting; a thread that finds little to do is woken and put to sleep for it.
const MOST_WORKERS: usize = 4;

/// Stack of each thread of a provider, in bytes.
const STACK_SIZE: usize = 2 * 1024 * 1024;

/// How much of its stack, in bytes, a worker has in memory before the first call needs it: about what a login takes.
const STACK_IN_MEMORY: usize = 64 * 1024;

/// How long the threads of a new provider may take to start. What takes longer goes on beside the first calls.
const START_LIMIT: Duration = Duration::from_secs(1);

/// How long the tasks of a dropped provider may take to notice.
const REAP_LIMIT: Duration = Duration::from_secs(1);

/// The running part of a provider. Clones share it.
#[derive(Clone)]
pub(super) struct Engine {
    handle: Handle,
    in_flight: TaskTracker,
    cut_off: Arc<CutOff>,
}

impl Engine {
    /// Starts a runtime whose threads have this name, and waits until they run, [`START_LIMIT`] at most: what it takes to
    /// start them, and to give them their stacks, shall be no part of the first call (measured: 3 to 4 % and 2 % of a first
    /// login over LDAPS).
    pub(super) fn start(name: &str, log: &Arc<HostLog>) -> Result<(Self, OwnedRuntime), Fault> {
        let log = Arc::clone(log);
        let workers = workers();
        let refused = |error: io::Error| {
            let advice = "raise the limit of processes (ulimit -u, pids.max), or of memory";
            Fault::unavailable(
                UnavailableReason::OVERLOADED,
                format!("the system gives the provider no threads ({error}): {advice}"),
            )
        };
        try_threads(workers, STACK_SIZE).map_err(refused)?;
        let (started, starts) = mpsc::channel();
        let threads = AtomicUsize::new(0);
        let runtime = Builder::new_multi_thread()
            .worker_threads(workers)
            .thread_stack_size(STACK_SIZE)
            .thread_name(name)
            .on_thread_start(move || {
                log.adopt_thread();
                // Threads for what blocks come later, when a call needs them, and have no time for this.
                if threads.fetch_add(1, Ordering::Relaxed) < workers {
                    bring_stack_into_memory();
                    let _ = started.send(());
                }
            })
            .enable_all()
            .build()
            .map_err(refused)?;
        let limit = Instant::now() + START_LIMIT;
        for _ in 0..workers {
            if starts.recv_timeout(limit.saturating_duration_since(Instant::now())).is_err() {
                break;
            }
        }
        let engine = Self { handle: runtime.handle().clone(), in_flight: TaskTracker::new(), cut_off: Arc::default() };
        Ok((engine, OwnedRuntime(Some(runtime))))
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Wraps the work of one call: counted, under its deadline, cut off by the end of a shutdown's grace, with its
    /// request id on its log records. It gives the reply itself: a future around this one would have room for it twice.
    /// `None` once a shutdown has begun.
    pub(super) fn admit<A: Answer, W: Future<Output = Result<A, Fault>> + Send>(
        &self,
        deadline: Deadline,
        request_id: Arc<str>,
        work: W,
    ) -> Option<impl Future<Output = AbiReply> + Send + use<A, W>> {
        let cut_off = Arc::clone(&self.cut_off);
        let bounded = async move {
            if deadline.remaining().is_zero() {
                // `timeout_at` would poll the work once, and once may be enough to send a password.
                return wire::fault_reply(&timed_out());
            }
            let in_time = pin!(tokio::time::timeout_at(deadline.instant().into(), work));
            wire::reply(match cut_off.unless_cut(in_time).await {
                Some(in_time) => in_time.unwrap_or_else(|_| Err(timed_out())),
                None => Err(shutting_down()),
            })
        };
        // Counted first: a shutdown that begins in between waits for this call, or this call sees it.
        let counted = self.in_flight.track_future(REQUEST.scope(request_id, bounded));
        (!self.in_flight.is_closed()).then_some(counted)
    }

    /// Refuses new calls from this moment on; the future waits for those in flight and cuts off what remains after
    /// the grace. Dropping the future cuts them off at once.
    pub(super) fn shut_down(
        &self,
        grace: Duration,
    ) -> impl Future<Output = Result<ShutdownReport, Fault>> + Send + use<> {
        // Not in the future: the plugin's threads may be too busy to run it.
        self.in_flight.close();
        let in_flight = self.in_flight.clone();
        let cut_off = CutsOff(Arc::clone(&self.cut_off));
        async move {
            let in_time = tokio::time::timeout(grace, in_flight.wait()).await.is_ok();
            let cancelled = if in_time { 0 } else { in_flight.len() as u64 };
            drop(cut_off);
            Ok(ShutdownReport { cancelled })
        }
    }
}

/// Cuts the calls off when it is dropped.
struct CutsOff(Arc<CutOff>);

impl Drop for CutsOff {
    fn drop(&mut self) {
        self.0.cut();
    }
}

/// One for each processor, within bounds. With more, they take one another's work away, and the processors from the server if
/// that is on the same machine (measured on two, with slapd, in turn: with four threads, 8 callers have 3 to 6 % fewer logins
/// than with two and 64 callers about as many, each with some 4 to 9 % more CPU).
fn workers() -> usize {
    thread::available_parallelism().map_or(FEWEST_WORKERS, NonZero::get).clamp(FEWEST_WORKERS, MOST_WORKERS)
}

/// Otherwise the kernel would give the pages one by one, while the first call waits. `&mut`, since a shared reference would
/// be to a constant, for which there is no room on the stack.
#[inline(never)]
#[allow(clippy::large_stack_arrays, reason = "that is what it is for")]
fn bring_stack_into_memory() {
    std::hint::black_box(&mut [0_u8; STACK_IN_MEMORY]);
}

/// The runtime itself. When it is dropped its tasks are dropped at their next await, for which nobody waits.
pub(super) struct OwnedRuntime(Option<Runtime>);

impl OwnedRuntime {
    /// Ends it and waits for its tasks, [`REAP_LIMIT`] at most; so this is for no thread of a host.
    pub(super) fn end(mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(REAP_LIMIT);
        }
    }
}

impl Drop for OwnedRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

pub(super) fn shutting_down() -> Fault {
    Fault::unavailable(UnavailableReason::SHUTTING_DOWN, "the provider is shutting down")
}

pub(super) fn timed_out() -> Fault {
    Fault::unavailable(UnavailableReason::TIMEOUT, "the provider did not answer before the deadline of the call")
}
