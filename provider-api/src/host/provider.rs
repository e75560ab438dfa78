use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_ffi::FfiFuture;

use super::listing::UserListing;
use crate::abi::{AbiContext, AbiPair, AbiReply, ProviderBox};
use crate::wire::{self, Answer, Metrics, ShutdownReport};
use crate::{
    Credentials, Deadline, Decision, Fault, ListRequest, Metric, RequestContext, UnavailableReason, ValidationReport,
};

/// How much longer than the grace of a shutdown its answer may take.
const SHUTDOWN_MARGIN: Duration = Duration::from_secs(1);

/// A configured provider. Clones share it; when the last one goes, the plugin takes the provider apart on a thread of
/// its own.
///
/// Every call is answered by its [deadline](RequestContext::deadline), by the plugin or in its stead. Dropping the
/// future of a call cancels the plugin's work.
#[derive(Clone)]
pub struct Provider(pub(crate) Arc<ProviderBox>);

impl Provider {
    pub(super) fn new(provider: ProviderBox) -> Self {
        Self(Arc::new(provider))
    }

    /// Tries the settings against the real thing.
    ///
    /// # Errors
    ///
    /// Only if the check itself could not be done; what it finds is in the report.
    pub async fn validate(&self, context: &RequestContext) -> Result<ValidationReport, Fault> {
        answer(context, |context| self.0.validate(context)).await
    }

    /// Answers a login. See the [crate's page](crate) for the four kinds of answer.
    ///
    /// # Errors
    ///
    /// Whatever keeps the provider from knowing.
    pub async fn authenticate(&self, context: &RequestContext, credentials: &Credentials) -> Result<Decision, Fault> {
        answer(context, |context| {
            self.0.authenticate(context, credentials.username.as_str().into(), credentials.password.expose().into())
        })
        .await
    }

    /// Begins a listing. Nothing happens before its first page is asked for; the deadline of `context` is the whole
    /// listing's.
    pub fn list_users(&self, context: &RequestContext, request: &ListRequest) -> UserListing {
        // A request is two numbers at most: it always becomes JSON.
        let request = serde_json::to_string(request).unwrap_or_default();
        UserListing::new(self.clone(), self.0.list_users(request.as_str().into()), context.clone())
    }

    /// The provider's counters and gauges.
    ///
    /// # Errors
    ///
    /// As for any call.
    pub async fn metrics(&self, context: &RequestContext) -> Result<Vec<Metric>, Fault> {
        answer(context, |context| self.0.metrics(context)).await.map(|answer: Metrics| answer.metrics)
    }

    /// Refuses new calls from now on and waits for those in flight, `grace` at most. What still runs then is cut off
    /// and answered as [`UnavailableReason::SHUTTING_DOWN`]; how many that were is the answer.
    ///
    /// # Errors
    ///
    /// [`UnavailableReason::TIMEOUT`] if the plugin does not answer within a second after the grace, because
    /// something in it blocks.
    pub async fn shutdown(&self, grace: Duration) -> Result<u64, Fault> {
        let grace = grace.min(Deadline::FURTHEST);
        let micros = u64::try_from(grace.as_micros()).unwrap_or(u64::MAX);
        let report: ShutdownReport = by(Deadline::after(grace + SHUTDOWN_MARGIN), self.0.shutdown(micros)).await?;
        Ok(report.cancelled)
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Provider")
    }
}

/// Makes a call and waits for its answer until the deadline of the context.
pub(super) async fn answer<A: Answer>(
    context: &RequestContext,
    start: impl FnOnce(AbiContext<'_>) -> FfiFuture<AbiReply>,
) -> Result<A, Fault> {
    if context.deadline.remaining().is_zero() {
        // A login that has waited too long in a queue must not reach the directory any more.
        return Err(timed_out());
    }
    by(context.deadline, begin(context, start)).await
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

async fn by<A: Answer>(deadline: Deadline, reply: FfiFuture<AbiReply>) -> Result<A, Fault> {
    match tokio::time::timeout_at(deadline.instant().into(), reply).await {
        Ok(reply) => wire::read(&reply),
        Err(_) => Err(timed_out()),
    }
}

fn timed_out() -> Fault {
    Fault::unavailable(UnavailableReason::TIMEOUT, "the provider did not answer before the deadline of the call")
}
