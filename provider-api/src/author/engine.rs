//! What drives a provider's calls: its runtime, its count of calls in flight, its end.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::log_bridge::{HostLog, REQUEST};
use crate::wire::{Answer, ShutdownReport};
use crate::{Fault, RequestContext, UnavailableReason};

/// Threads that poll a provider's futures. More than one, so that a call that blocks does not stop the others.
const WORKER_THREADS: usize = 2;

/// Stack of each thread of a provider, in bytes.
const STACK_SIZE: usize = 2 * 1024 * 1024;

/// How long the tasks of a dropped provider may take to notice.
const REAP_LIMIT: Duration = Duration::from_secs(1);

/// The running part of a provider. Clones share it.
#[derive(Clone)]
pub(super) struct Engine {
    handle: Handle,
    in_flight: TaskTracker,
    cut_off: CancellationToken,
}

impl Engine {
    /// Starts a runtime for the provider of this id. The runtime is the caller's to [end](end).
    pub(super) fn start(id: &str, log: &Arc<HostLog>) -> Result<(Self, Runtime), Fault> {
        let log = Arc::clone(log);
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKER_THREADS)
            .thread_stack_size(STACK_SIZE)
            .thread_name(id)
            .on_thread_start(move || log.adopt_thread())
            .enable_all()
            .build()
            .map_err(|error| {
                Fault::unavailable(
                    UnavailableReason::OVERLOADED,
                    format!("cannot start the provider's threads: {error}"),
                )
            })?;
        let engine =
            Self { handle: runtime.handle().clone(), in_flight: TaskTracker::new(), cut_off: CancellationToken::new() };
        Ok((engine, runtime))
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Wraps the work of one call: counted, under its deadline, cut off by the end of a shutdown's grace, with its
    /// request id on its log records. `None` once a shutdown has begun.
    pub(super) fn admit<A: Answer, W: Future<Output = Result<A, Fault>> + Send>(
        &self,
        context: &RequestContext,
        work: W,
    ) -> Option<impl Future<Output = Result<A, Fault>> + Send + use<A, W>> {
        if self.in_flight.is_closed() {
            return None;
        }
        let deadline = context.deadline.instant().into();
        let request: Arc<str> = context.request_id.as_str().into();
        let cut_off = self.cut_off.clone();
        let bounded = async move {
            tokio::select! {
                biased;
                () = cut_off.cancelled_owned() => Err(shutting_down()),
                answer = tokio::time::timeout_at(deadline, work) => answer.unwrap_or_else(|_| Err(timed_out())),
            }
        };
        Some(self.in_flight.track_future(REQUEST.scope(request, bounded)))
    }

    /// Refuses new calls, waits for those in flight, cuts off what remains after the grace.
    pub(super) async fn shut_down(self, grace: Duration) -> Result<ShutdownReport, Fault> {
        self.in_flight.close();
        let in_time = tokio::time::timeout(grace, self.in_flight.wait()).await.is_ok();
        if in_time {
            return Ok(ShutdownReport { cancelled: 0 });
        }
        let cancelled = self.in_flight.len() as u64;
        self.cut_off.cancel();
        Ok(ShutdownReport { cancelled })
    }
}

/// Ends a runtime: tasks are dropped at their next await. Blocks for [`REAP_LIMIT`] at most.
pub(super) fn end(runtime: Runtime) {
    runtime.shutdown_timeout(REAP_LIMIT);
}

pub(super) fn shutting_down() -> Fault {
    Fault::unavailable(UnavailableReason::SHUTTING_DOWN, "the provider is shutting down")
}

pub(super) fn timed_out() -> Fault {
    Fault::unavailable(UnavailableReason::TIMEOUT, "the provider did not answer before the deadline of the call")
}
