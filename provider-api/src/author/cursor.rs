//! A listing under way, between the author's cursor and the ABI's.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use abi_stable::sabi_trait::prelude::TD_Opaque;
use async_ffi::FfiFuture;

use super::call::call;
use super::engine::Engine;
use super::panics::{Contained, caught};
use super::provider::{AuthProvider, UserCursor};
use crate::abi::{AbiContext, AbiCursor, AbiCursor_TO, AbiReply, CursorBox};
use crate::{Fault, ListRequest, RequestContext, UnavailableReason, UserPage};

/// Makes the ABI's cursor. The author's listing begins with the first page that is asked for.
pub(super) fn cursor<P: AuthProvider>(engine: Engine, provider: Arc<Contained<P>>, request: &str) -> CursorBox {
    let state = match serde_json::from_str(request) {
        Ok(request) => State::Waiting(provider, request),
        Err(error) => {
            State::Refused(Fault::internal(format!("the host's request for a listing cannot be read: {error}")))
        }
    };
    AbiCursor_TO::from_value(Cursor::<P> { engine, state: Arc::new(Mutex::new(state)) }, TD_Opaque)
}

struct Cursor<P: AuthProvider> {
    engine: Engine,
    state: Arc<Mutex<State<P>>>,
}

enum State<P: AuthProvider> {
    Waiting(Arc<Contained<P>>, ListRequest),
    Open(Contained<P::Cursor>),
    Refused(Fault),
    Ended,
    /// A page is being read. Whoever finds this state in the end found a listing whose page was cancelled or
    /// panicked.
    Busy,
}

impl<P: AuthProvider> AbiCursor for Cursor<P> {
    fn next_page(&self, context: AbiContext<'_>) -> FfiFuture<AbiReply> {
        let state = Arc::clone(&self.state);
        call(&self.engine, || {
            let context = super::adapter::context_of(context);
            let work = {
                let context = context.clone();
                async move { next_page(&state, &context).await }
            };
            (context, work)
        })
    }
}

async fn next_page<P: AuthProvider>(state: &Mutex<State<P>>, context: &RequestContext) -> Result<UserPage, Fault> {
    let replace = |next| mem::replace(&mut *state.lock().unwrap_or_else(PoisonError::into_inner), next);
    let mut cursor = match replace(State::Busy) {
        State::Open(cursor) => cursor,
        State::Waiting(provider, request) => Contained::new(provider.list_users(context, request).await?),
        State::Refused(fault) => return Err(fault),
        State::Ended => {
            replace(State::Ended);
            return Ok(UserPage::last(Vec::new()));
        }
        State::Busy => {
            return Err(Fault::unavailable(
                UnavailableReason::CANCELLED,
                "the listing is broken: an earlier page was cancelled, failed or is still being read",
            ));
        }
    };
    let page = cursor.get_mut().next_page(context).await?;
    replace(match &page.end {
        None => State::Open(cursor),
        Some(crate::ListingEnd::Complete) => State::Ended,
        Some(crate::ListingEnd::Incomplete(fault)) => State::Refused(fault.clone()),
    });
    Ok(page)
}

impl<P: AuthProvider> Drop for Cursor<P> {
    fn drop(&mut self) {
        // The author's cursor may close connections: not on a thread of the host, and with the runtime at hand.
        let state = mem::replace(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner), State::Ended);
        let handle = self.engine.handle();
        let _ = caught(move || drop(handle.spawn(async move { drop(state) })));
    }
}
