//! What drives a provider's calls: its threads, its count of calls in flight, its end.

use std::future::Future;
use std::io;
use std::num::NonZero;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use super::lane::{Lane, Lanes, Running};
use super::log_bridge::{HostLog, REQUEST};
use crate::abi::AbiReply;
use crate::wire::{self, Answer, ShutdownReport};
use crate::{Deadline, Fault, UnavailableReason, try_threads};

/// The fewest threads that poll a provider's futures: with one, a call that blocks would stop all others.
const FEWEST_WORKERS: usize = 2;

/// The most. What a provider does is mostly waiting; a thread that finds little to do is woken and put to sleep for it.
const MOST_WORKERS: usize = 4;

/// How many lanes a provider has that never blocks, each a thread with a runtime of its own. With one runtime for both, they
/// take one another's tasks away, and one of them waits for the sockets of both (measured, for 64 callers of ldap-provider:
/// 6 to 11 % fewer logins, each with 5 to 14 % more CPU). More have been of no use yet: each is good for tens of thousands of
/// logins a second.
const LANES: usize = 2;

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
    lanes: Lanes,
}

/// Whether a provider's calls are kept apart by threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Threads {
    /// Any of them does whatever is to be done: if one is blocked, the others go on.
    Shared,
    /// Each has its calls.
    Apart,
}

impl Engine {
    /// Starts threads of this name, and waits until they run, [`START_LIMIT`] at most: what it takes to
    /// start them, and to give them their stacks, shall be no part of the first call (measured: 3 to 4 % and 2 % of a first
    /// login over LDAPS).
    pub(super) fn start(name: &str, threads: Threads, log: &Arc<HostLog>) -> Result<(Self, OwnedRuntimes), Fault> {
        let (lanes, workers) = match threads {
            Threads::Shared => (1, workers()),
            Threads::Apart => (LANES, 1),
        };
        try_threads(lanes * workers, STACK_SIZE).map_err(|error| refused(&error))?;
        let (started, starts) = mpsc::channel();
        let mut runtimes = OwnedRuntimes(Vec::with_capacity(lanes));
        for index in 0..lanes {
            let lane = Lane::new(index, lanes);
            runtimes.0.push(runtime(name, lane, workers, log, &started).map_err(|error| refused(&error))?);
        }
        let limit = Instant::now() + START_LIMIT;
        for _ in 0..lanes * workers {
            if starts.recv_timeout(limit.saturating_duration_since(Instant::now())).is_err() {
                break;
            }
        }
        let lanes = Lanes::over(&runtimes.0).ok_or_else(|| Fault::internal("a provider has no runtime"))?;
        Ok((Self { lanes }, runtimes))
    }

    pub(super) fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// Refuses new calls from this moment on; the future waits for those in flight and cuts off what remains after
    /// the grace. Dropping the future cuts them off at once.
    pub(super) fn shut_down(
        &self,
        grace: Duration,
    ) -> impl Future<Output = Result<ShutdownReport, Fault>> + Send + use<> {
        // Not in the future: the plugin's threads may be too busy to run it.
        for running in self.lanes.all() {
            running.in_flight.close();
        }
        let cut_off = CutsOff(self.lanes.clone());
        async move {
            let all_over = async {
                for running in cut_off.0.all() {
                    running.in_flight.wait().await;
                }
            };
            let in_time = tokio::time::timeout(grace, all_over).await.is_ok();
            let left = || cut_off.0.all().map(|running| running.in_flight.len() as u64).sum();
            let cancelled = if in_time { 0 } else { left() };
            drop(cut_off);
            Ok(ShutdownReport { cancelled })
        }
    }
}

impl Running {
    /// Wraps the work of one call: counted here, under its deadline, cut off by the end of a shutdown's grace, with its
    /// request id on its log records. It gives the reply itself: a future around this one would have room for it twice.
    /// `None` once a shutdown has begun.
    pub(super) fn admit<A: Answer, W: Future<Output = Result<A, Fault>> + Send>(
        self: &Arc<Self>,
        deadline: Deadline,
        request_id: Arc<str>,
        work: W,
    ) -> Option<impl Future<Output = AbiReply> + Send + use<A, W>> {
        let running = Arc::clone(self);
        let bounded = async move {
            if deadline.remaining().is_zero() {
                // `timeout_at` would poll the work once, and once may be enough to send a password.
                return wire::fault_reply(&timed_out());
            }
            let in_time = pin!(tokio::time::timeout_at(deadline.instant().into(), work));
            wire::reply(match running.cut_off.unless_cut(in_time).await {
                Some(in_time) => in_time.unwrap_or_else(|_| Err(timed_out())),
                None => Err(shutting_down()),
            })
        };
        // Counted first: a shutdown that begins in between waits for this call, or this call sees it.
        let counted = self.in_flight.track_future(REQUEST.scope(request_id, bounded));
        (!self.in_flight.is_closed()).then_some(counted)
    }
}

/// Cuts the calls off when it is dropped.
struct CutsOff(Lanes);

impl Drop for CutsOff {
    fn drop(&mut self) {
        for running in self.0.all() {
            running.cut_off.cut();
        }
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

fn refused(error: &io::Error) -> Fault {
    let advice = "raise the limit of processes (ulimit -u, pids.max), or of memory";
    Fault::unavailable(
        UnavailableReason::OVERLOADED,
        format!("the system gives the provider no threads ({error}): {advice}"),
    )
}

/// A runtime whose threads tell when they have started.
fn runtime(
    name: &str,
    lane: Lane,
    workers: usize,
    log: &Arc<HostLog>,
    started: &mpsc::Sender<()>,
) -> io::Result<Runtime> {
    let (log, started) = (Arc::clone(log), started.clone());
    let threads = AtomicUsize::new(0);
    Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_stack_size(STACK_SIZE)
        .thread_name(name)
        .on_thread_start(move || {
            log.adopt_thread();
            lane.adopt_thread();
            // Threads for what blocks come later, when a call needs them, and have no time for this.
            if threads.fetch_add(1, Ordering::Relaxed) < workers {
                bring_stack_into_memory();
                let _ = started.send(());
            }
        })
        .enable_all()
        .build()
}

/// The runtimes themselves. When they are dropped their tasks are dropped at their next await, for which nobody waits.
pub(super) struct OwnedRuntimes(Vec<Runtime>);

impl OwnedRuntimes {
    /// Ends them all at once and waits for their tasks, [`REAP_LIMIT`] at most; so this is for no thread of a host.
    pub(super) fn end(mut self) {
        let last = self.0.pop();
        thread::scope(|scope| {
            for runtime in self.0.drain(..) {
                let one = Self(vec![runtime]);
                // If no thread can be had, nobody waits for it.
                let _ = thread::Builder::new().spawn_scoped(scope, move || one.end());
            }
            if let Some(last) = last {
                last.shutdown_timeout(REAP_LIMIT);
            }
        });
    }
}

impl Drop for OwnedRuntimes {
    fn drop(&mut self) {
        for runtime in self.0.drain(..) {
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
