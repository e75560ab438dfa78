//! A listing under way, between the author's cursor and the ABI's.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use abi_stable::sabi_trait::prelude::TD_Opaque;
use async_ffi::{FfiFuture, FutureExt};
use tokio::runtime::Handle;

use super::call::call;
use super::contained::Contained;
use super::lane::Running;
use super::provider::{AuthProvider, UserCursor};
use crate::abi::{AbiContext, AbiCursor, AbiCursor_TO, AbiReply, CursorBox};
use crate::panics::caught;
use crate::{Fault, ListRequest, ListingEnd, RequestContext, UnavailableReason, UserPage};

/// Makes the ABI's cursor. The author's listing begins with the first page that is asked for.
pub(super) fn cursor<P: AuthProvider>(lane: &Arc<Running>, provider: Arc<Contained<P>>, request: &str) -> CursorBox {
    let state = match serde_json::from_str(request) {
        Ok(request) => State::Waiting(provider, request),
        Err(error) => {
            State::Refused(Fault::internal(format!("the host's request for a listing cannot be read: {error}")))
        }
    };
    let listing = Listing { state: Mutex::new(state), handle: lane.handle.clone() };
    AbiCursor_TO::from_value(Cursor::<P> { lane: Arc::clone(lane), listing: Arc::new(listing) }, TD_Opaque)
}

struct Cursor<P: AuthProvider> {
    lane: Arc<Running>,
    listing: Arc<Listing<P>>,
}

struct Listing<P: AuthProvider> {
    state: Mutex<State<P>>,
    handle: Handle,
}

enum State<P: AuthProvider> {
    Waiting(Arc<Contained<P>>, ListRequest),
    Open(Contained<P::Cursor>),
    Refused(Fault),
    Ended,
    /// A page is being read. Whoever finds this state in the end found a listing whose page failed.
    Busy,
    /// A page was read, or half of it, and its reply not taken: its users are lost.
    Broken,
}

impl<P: AuthProvider> AbiCursor for Cursor<P> {
    fn next_page(&self, context: AbiContext<'_>) -> FfiFuture<AbiReply> {
        let reply = call(&self.lane, context, |context| {
            let listing = Arc::clone(&self.listing);
            async move { listing.next_page(&context).await }
        });
        PageCall { reply, listing: Arc::clone(&self.listing), progress: Progress::Fresh }.into_ffi()
    }
}

impl<P: AuthProvider> Drop for Cursor<P> {
    fn drop(&mut self) {
        self.listing.give_up();
    }
}

impl<P: AuthProvider> Listing<P> {
    async fn next_page(&self, context: &RequestContext) -> Result<UserPage, Fault> {
        let state = {
            let mut state = self.lock();
            match &*state {
                State::Ended => return Ok(UserPage::last(Vec::new())),
                State::Refused(fault) => return Err(fault.clone()),
                State::Busy | State::Broken => return Err(broken()),
                State::Waiting(..) | State::Open(_) => mem::replace(&mut *state, State::Busy),
            }
        };
        let mut cursor = match state {
            State::Open(cursor) => cursor,
            State::Waiting(provider, request) => Contained::new(provider.list_users(context, request).await?),
            State::Refused(_) | State::Ended | State::Busy | State::Broken => return Err(broken()),
        };
        let page = cursor.get_mut().next_page(context).await?;
        let next = match &page.end {
            None => State::Open(cursor),
            Some(ListingEnd::Complete) => State::Ended,
            Some(ListingEnd::Incomplete(fault)) => State::Refused(fault.clone()),
        };
        let mut state = self.lock();
        if matches!(*state, State::Busy) {
            *state = next;
        }
        Ok(page)
    }

    /// Ends the listing without an end.
    fn give_up(&self) {
        let state = mem::replace(&mut *self.lock(), State::Broken);
        // The author's cursor may close connections: not on a thread of the host, and with the runtime at hand.
        let _ = caught(|| drop(self.handle.spawn(async move { drop(state) })));
    }

    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn broken() -> Fault {
    Fault::unavailable(
        UnavailableReason::CANCELLED,
        "the listing is broken: an earlier page was cancelled, failed or is still being read",
    )
}

/// The reading of one page. A page whose reply is not taken is lost, so that what follows it must not look like the
/// whole.
struct PageCall<P: AuthProvider> {
    reply: FfiFuture<AbiReply>,
    listing: Arc<Listing<P>>,
    progress: Progress,
}

#[derive(PartialEq, Eq)]
enum Progress {
    Fresh,
    Begun,
    Taken,
}

impl<P: AuthProvider> Future for PageCall<P> {
    type Output = AbiReply;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<AbiReply> {
        self.progress = Progress::Begun;
        let reply = Pin::new(&mut self.reply).poll(context);
        if reply.is_ready() {
            self.progress = Progress::Taken;
        }
        reply
    }
}

impl<P: AuthProvider> Drop for PageCall<P> {
    fn drop(&mut self) {
        if self.progress == Progress::Begun {
            self.listing.give_up();
        }
    }
}
