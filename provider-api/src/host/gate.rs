//! Who may call a provider: so many at a time, and nobody once it keeps its threads.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_ffi::FfiFuture;
use tokio::sync::Notify;

use crate::abi::AbiReply;
use crate::cut_off::CutOff;
use crate::panics::is_panic;
use crate::{Fault, UnavailableReason};

/// How late an answer may be before the thread behind it counts as lost. A provider that waits for something is told
/// of the deadline as well and answers by it, so what is later than this blocks or spins.
const OVERDUE: Duration = Duration::from_secs(1);

/// How much a host puts up with from one provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// How many calls may be in flight; what comes on top is refused at once as
    /// [`OVERLOADED`](UnavailableReason::OVERLOADED). A listing is one call from its beginning to its end.
    pub in_flight: usize,
    /// How many calls may be overdue at a time. What is overdue most likely keeps a thread of the plugin: this bounds
    /// the threads that are lost, by the calls that can be seen from outside. From then on all calls are refused at
    /// once, until one comes back or the provider is replaced.
    pub lost_threads: usize,
}

/// 4,096 calls in flight, 4 overdue.
impl Default for CallLimits {
    fn default() -> Self {
        Self { in_flight: 4_096, lost_threads: 4 }
    }
}

/// What a host has seen of a provider, from its configuration on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallCounters {
    /// Calls that were let through.
    pub calls: u64,
    /// Calls that are in flight now.
    pub in_flight: usize,
    /// Calls that were refused as overloaded: too many were in flight, or overdue.
    pub refusals: u64,
    /// Calls that the host answered for at their deadline.
    pub timeouts: u64,
    /// Calls that ended in a panic of the provider.
    pub panics: u64,
    /// Calls, now, that are overdue: still without an answer a second after their deadline. Each most likely keeps a
    /// thread of the plugin; what is counted is the calls.
    pub lost_threads: usize,
    /// How many calls have ever been overdue; some may have come back.
    pub lost_threads_total: u64,
}

/// The gate of one provider.
#[derive(Default)]
pub(super) struct Gate {
    limits: CallLimits,
    in_flight: AtomicUsize,
    idle: Notify,
    /// Nobody waits any more for the answers of calls that are in flight.
    cut_off: CutOff,
    calls: AtomicU64,
    refusals: AtomicU64,
    timeouts: AtomicU64,
    panics: AtomicU64,
    lost: AtomicUsize,
    lost_total: AtomicU64,
}

impl Gate {
    pub(super) fn new(limits: CallLimits) -> Arc<Self> {
        Arc::new(Self { limits, ..Self::default() })
    }

    /// Lets a call through, or says why not.
    pub(super) fn enter(self: &Arc<Self>) -> Result<Permit, Fault> {
        let lost = self.lost.load(Ordering::SeqCst);
        if lost >= self.limits.lost_threads {
            return Err(self.refuse(format!(
                "{lost} calls of the provider are overdue: it is not asked until one of them ends; \
                 replace or restart it"
            )));
        }
        let room = |now| (now < self.limits.in_flight).then_some(now + 1);
        if self.in_flight.fetch_update(Ordering::SeqCst, Ordering::SeqCst, room).is_err() {
            return Err(self.refuse(format!("{} calls of the provider are in flight already", self.limits.in_flight)));
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        Ok(Permit(Arc::clone(self)))
    }

    fn refuse(&self, message: String) -> Fault {
        self.refusals.fetch_add(1, Ordering::Relaxed);
        Fault::unavailable(UnavailableReason::OVERLOADED, message)
    }

    /// Waits until no call is in flight.
    pub(super) async fn idle(&self) {
        loop {
            let mut idle = std::pin::pin!(self.idle.notified());
            // Listening first: a call that ends in between is not missed.
            idle.as_mut().enable();
            if self.in_flight.load(Ordering::SeqCst) == 0 {
                return;
            }
            idle.await;
        }
    }

    /// Takes note of how a call ended.
    pub(super) fn note<A>(&self, answer: &Result<A, Fault>) {
        if answer.as_ref().is_err_and(is_panic) {
            self.panics.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Goes on waiting for a call that was answered for at its deadline, to learn whether it ever ends.
    ///
    /// Dropping the call would cancel it, but the plugin has the same deadline and cancels it by itself.
    pub(super) fn watch(self: &Arc<Self>, mut reply: FfiFuture<AbiReply>) {
        self.timeouts.fetch_add(1, Ordering::Relaxed);
        let gate = Arc::clone(self);
        tokio::spawn(async move {
            if tokio::time::timeout(OVERDUE, &mut reply).await.is_err() {
                let _overdue = Overdue::new(gate);
                reply.await;
            }
        });
    }

    /// Runs what waits for the answer of a call, unless the provider is given up: then it is `None`.
    pub(super) async fn unless_cut_off<F: Future>(&self, waiting: Pin<&mut F>) -> Option<F::Output> {
        // Whoever looks late at an answer that came in time has no answer either: another may have taken over since.
        self.cut_off.unless_cut(waiting).await
    }

    /// Gives the provider up: whoever waits for an answer of it, now or later, gets none. How many calls are in flight.
    pub(super) fn cut_off(&self) -> usize {
        // First: those that are cut off are in flight no longer.
        let left = self.in_flight.load(Ordering::SeqCst);
        self.cut_off.cut();
        left
    }

    pub(super) fn counters(&self) -> CallCounters {
        CallCounters {
            calls: self.calls.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::SeqCst),
            refusals: self.refusals.load(Ordering::Relaxed),
            timeouts: self.timeouts.load(Ordering::Relaxed),
            panics: self.panics.load(Ordering::Relaxed),
            lost_threads: self.lost.load(Ordering::SeqCst),
            lost_threads_total: self.lost_total.load(Ordering::Relaxed),
        }
    }
}

/// A call that is overdue as long as this lives, also if the runtime ends that waits for it.
struct Overdue(Arc<Gate>);

impl Overdue {
    fn new(gate: Arc<Gate>) -> Self {
        gate.lost.fetch_add(1, Ordering::SeqCst);
        gate.lost_total.fetch_add(1, Ordering::Relaxed);
        Self(gate)
    }
}

impl Drop for Overdue {
    fn drop(&mut self) {
        self.0.lost.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A call that is in flight as long as this lives.
pub(super) struct Permit(Arc<Gate>);

impl Permit {
    pub(super) fn gate(&self) -> &Arc<Gate> {
        &self.0
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::time::Duration;

    use async_ffi::FfiFuture;

    use super::{CallLimits, Gate, OVERDUE};

    #[test]
    fn what_exceeds_the_limit_is_refused_at_once_and_counted() {
        let gate = Gate::new(CallLimits { in_flight: 2, ..CallLimits::default() });
        let held = [gate.enter().expect("room"), gate.enter().expect("room")];
        let fault = gate.enter().err().expect("full");
        assert_eq!(fault.code(), "overloaded");
        drop(held);
        drop(gate.enter().expect("room again"));
        let counters = gate.counters();
        assert_eq!((counters.calls, counters.in_flight, counters.refusals), (3, 0, 1));
    }

    #[tokio::test]
    async fn an_answer_that_is_looked_at_after_the_cut_is_none() {
        let gate = Gate::new(CallLimits::default());
        assert_eq!(gate.unless_cut_off(pin!(async { 1 })).await, Some(1));
        let cutting = Arc::clone(&gate);
        let late = pin!(async move {
            cutting.cut_off();
            2
        });
        assert_eq!(gate.unless_cut_off(late).await, None);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_call_that_ends_as_soon_as_it_is_cut_off_is_counted() {
        for _ in 0..2_000 {
            let gate = Gate::new(CallLimits::default());
            let permit = gate.enter().expect("room");
            let (begun, begins) = tokio::sync::oneshot::channel();
            let call = tokio::spawn(async move {
                let waiting = pin!(async {
                    let _ = begun.send(());
                    std::future::pending::<()>().await;
                });
                assert_eq!(permit.gate().unless_cut_off(waiting).await, None);
            });
            begins.await.expect("it waits");
            assert_eq!(gate.cut_off(), 1);
            call.await.expect("no panic");
        }
    }

    #[test]
    fn a_call_is_no_longer_overdue_when_the_runtime_that_watched_it_ends() {
        let gate = Gate::new(CallLimits::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(async {
            gate.watch(FfiFuture::new(std::future::pending()));
            tokio::time::sleep(OVERDUE + Duration::from_millis(200)).await;
        });
        assert_eq!(gate.counters().lost_threads, 1);
        drop(runtime);
        assert_eq!((gate.counters().lost_threads, gate.counters().lost_threads_total), (0, 1));
    }

    #[tokio::test]
    async fn idle_is_when_the_last_call_has_ended() {
        let gate = Gate::new(CallLimits::default());
        gate.idle().await;
        let permit = gate.enter().expect("room");
        let waiting = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.idle().await }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!waiting.is_finished());
        drop(permit);
        waiting.await.expect("no panic");
    }
}
