//! A call as the host sees it: a future that does its work on the plugin's threads.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_ffi::{FfiFuture, FutureExt};
use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};

use super::engine::shutting_down;
use super::lane::Running;
use crate::abi::{AbiContext, AbiReply};
use crate::panics::{self, caught, message_of};
use crate::wire::{self, Answer};
use crate::{Deadline, Fault, RequestContext};

/// Makes a call of `work` for that lane. Nothing of it runs before the first poll, and nothing of it runs on the caller's
/// thread.
pub(super) fn call<A, W>(
    lane: &Arc<Running>,
    context: AbiContext<'_>,
    work: impl FnOnce(RequestContext) -> W,
) -> FfiFuture<AbiReply>
where
    A: Answer + Send + 'static,
    W: Future<Output = Result<A, Fault>> + Send + 'static,
{
    let prepared = caught(|| {
        let context = context_of(context);
        let (deadline, request_id) = (context.deadline, context.request_id.as_str().into());
        lane.admit(deadline, request_id, work(context))
    });
    match prepared {
        Ok(Some(work)) => spawned(lane.handle.clone(), work),
        Ok(None) => answered(&shutting_down()),
        Err(panic) => answered(&panics::fault_of(&panic)),
    }
}

/// The same for work that is not counted: it is the shutdown itself.
pub(super) fn spawned(handle: Handle, work: impl Future<Output = AbiReply> + Send + 'static) -> FfiFuture<AbiReply> {
    Call { handle, state: State::Fresh(Box::pin(work)) }.into_ffi()
}

fn answered(fault: &Fault) -> FfiFuture<AbiReply> {
    let reply = wire::fault_reply(fault);
    async move { reply }.into_ffi()
}

/// A context of the ABI's in the author's terms. The clock starts here.
fn context_of(context: AbiContext<'_>) -> RequestContext {
    let deadline = Deadline::after(Duration::from_micros(context.remaining_us));
    let mut domain = RequestContext::new(context.request_id.as_str(), deadline);
    for pair in context.more {
        if pair.name == "client_address" {
            domain.client_address = pair.value.parse::<IpAddr>().ok();
        }
    }
    domain
}

struct Call {
    handle: Handle,
    state: State,
}

enum State {
    Fresh(Pin<Box<dyn Future<Output = AbiReply> + Send>>),
    Running(JoinHandle<AbiReply>),
    Over,
}

impl Future for Call {
    type Output = AbiReply;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<AbiReply> {
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::Fresh(work) => State::Running(self.handle.spawn(work)),
            state => state,
        };
        let State::Running(task) = &mut self.state else {
            return Poll::Ready(wire::fault_reply(&Fault::internal("a call was asked for its answer twice")));
        };
        let joined = ready!(Pin::new(task).poll(context));
        self.state = State::Over;
        Poll::Ready(joined.unwrap_or_else(|error| wire::fault_reply(&fault_of(error))))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let State::Running(task) = &self.state {
            // The task drops its future at its next await, on a thread of the runtime, where a panic is caught.
            task.abort();
        }
    }
}

fn fault_of(error: JoinError) -> Fault {
    match error.try_into_panic() {
        Ok(payload) => panics::fault_of(&message_of(payload)),
        Err(_cancelled) => shutting_down(),
    }
}
