//! A call that was let through, and how its answer is waited for.

use std::pin::pin;
use std::sync::Arc;

use async_ffi::FfiFuture;

use super::gate::{Gate, Permit};
use super::listing::UserListing;
use super::provider::Provider;
use crate::abi::{AbiContext, AbiPair, AbiReply};
use crate::wire::{self, Answer, Metrics};
use crate::{
    Credentials, Deadline, Decision, Fault, ListRequest, Metric, RequestContext, UnavailableReason, ValidationReport,
};

/// A provider with leave to make one call of it. It counts as in flight until the call is over.
pub(super) struct Admitted {
    pub(super) provider: Provider,
    pub(super) permit: Permit,
}

impl Admitted {
    pub(super) async fn validate(self, context: &RequestContext) -> Result<ValidationReport, Fault> {
        answer(&self.permit, context, |context| self.provider.object().validate(context)).await
    }

    pub(super) async fn authenticate(
        self,
        context: &RequestContext,
        credentials: &Credentials,
    ) -> Result<Decision, Fault> {
        answer(&self.permit, context, |context| {
            let (username, password) = (credentials.username.as_str(), credentials.password.expose());
            self.provider.object().authenticate(context, username.into(), password.into())
        })
        .await
    }

    pub(super) fn list_users(self, context: &RequestContext, request: &ListRequest) -> UserListing {
        // A request is two numbers at most: it always becomes JSON.
        let request = serde_json::to_string(request).unwrap_or_default();
        let cursor = self.provider.object().list_users(request.as_str().into());
        UserListing::new(self, cursor, context.clone())
    }

    pub(super) async fn metrics(self, context: &RequestContext) -> Result<Vec<Metric>, Fault> {
        let metrics: Metrics = answer(&self.permit, context, |context| self.provider.object().metrics(context)).await?;
        Ok(metrics.metrics)
    }
}

/// Makes a call and waits for its answer until the deadline of the context.
pub(super) async fn answer<A: Answer>(
    permit: &Permit,
    context: &RequestContext,
    start: impl FnOnce(AbiContext<'_>) -> FfiFuture<AbiReply>,
) -> Result<A, Fault> {
    if context.deadline.remaining().is_zero() {
        // A login that has waited too long in a queue must not reach the directory any more.
        return Err(timed_out());
    }
    by(context.deadline, begin(context, start), Some(permit.gate())).await
}

fn begin(context: &RequestContext, start: impl FnOnce(AbiContext<'_>) -> FfiFuture<AbiReply>) -> FfiFuture<AbiReply> {
    let address = context.client_address.map(|address| address.to_string());
    let more: Vec<AbiPair<'_>> = address
        .iter()
        .map(|address| AbiPair { name: "client_address".into(), value: address.as_str().into() })
        .collect();
    start(AbiContext {
        request_id: context.request_id.as_str().into(),
        remaining_us: u64::try_from(context.deadline.remaining().as_micros()).unwrap_or(u64::MAX),
        more: more.as_slice().into(),
    })
}

/// Waits for a reply until the deadline. One that is not there by then is watched by the gate, if there is one; and the
/// gate may end the waiting.
pub(super) async fn by<A: Answer>(
    deadline: Deadline,
    mut reply: FfiFuture<AbiReply>,
    gate: Option<&Arc<Gate>>,
) -> Result<A, Fault> {
    let waiting = pin!(tokio::time::timeout_at(deadline.instant().into(), &mut reply));
    let waited = match gate {
        Some(gate) => gate.unless_cut_off(waiting).await,
        None => Some(waiting.await),
    };
    match waited {
        Some(Ok(reply)) => {
            let answer = wire::read(&reply);
            if let Some(gate) = gate {
                gate.note(&answer);
            }
            answer
        }
        Some(Err(_)) => {
            if let Some(gate) = gate {
                gate.watch(reply);
            }
            Err(timed_out())
        }
        None => Err(Fault::unavailable(
            UnavailableReason::SHUTTING_DOWN,
            "the provider was given up before it answered: another has taken over, or the host ends",
        )),
    }
}

fn timed_out() -> Fault {
    Fault::unavailable(UnavailableReason::TIMEOUT, "the provider did not answer before the deadline of the call")
}
