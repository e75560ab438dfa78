use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::admitted::{Admitted, by};
use super::gate::{CallCounters, CallLimits, Gate};
use super::listing::UserListing;
use crate::abi::ProviderBox;
use crate::wire::ShutdownReport;
use crate::{Credentials, Deadline, Decision, Fault, ListRequest, Metric, RequestContext, ValidationReport};

/// How much longer than the grace of a shutdown its answer may take.
const SHUTDOWN_MARGIN: Duration = Duration::from_secs(1);

/// A configured provider. Clones share it; when the last one goes, the plugin takes the provider apart on a thread of
/// its own.
///
/// Every call is answered by its [deadline](RequestContext::deadline), by the plugin or in its stead. Dropping the
/// future of a call cancels the plugin's work. A call beyond the [limits](super::HostServices::with_limits) of the
/// provider is refused at once as [`OVERLOADED`](crate::UnavailableReason::OVERLOADED).
#[derive(Clone)]
pub struct Provider(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) object: ProviderBox,
    gate: Arc<Gate>,
}

impl Provider {
    pub(super) fn new(object: ProviderBox, limits: CallLimits) -> Self {
        Self(Arc::new(Inner { object, gate: Gate::new(limits) }))
    }

    pub(super) fn object(&self) -> &ProviderBox {
        &self.0.object
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.0.gate
    }

    /// Whether both are clones of one.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Leave to make one call.
    pub(super) fn enter(&self) -> Result<Admitted, Fault> {
        Ok(Admitted { permit: self.0.gate.enter()?, provider: self.clone() })
    }

    /// Tries the settings against the real thing.
    ///
    /// # Errors
    ///
    /// Only if the check itself could not be done; what it finds is in the report.
    pub async fn validate(&self, context: &RequestContext) -> Result<ValidationReport, Fault> {
        self.enter()?.validate(context).await
    }

    /// Answers a login. See the [crate's page](crate) for the four kinds of answer.
    ///
    /// # Errors
    ///
    /// Whatever keeps the provider from knowing.
    pub async fn authenticate(&self, context: &RequestContext, credentials: &Credentials) -> Result<Decision, Fault> {
        self.enter()?.authenticate(context, credentials).await
    }

    /// Begins a listing. Nothing happens before its first page is asked for; the deadline of `context` is the whole
    /// listing's.
    pub fn list_users(&self, context: &RequestContext, request: &ListRequest) -> UserListing {
        UserListing::begun(self.enter(), context, request)
    }

    /// The provider's counters and gauges.
    ///
    /// # Errors
    ///
    /// As for any call.
    pub async fn metrics(&self, context: &RequestContext) -> Result<Vec<Metric>, Fault> {
        self.enter()?.metrics(context).await
    }

    /// What the host has seen of the provider. Asks nobody, so it answers also when the provider does not.
    pub fn counters(&self) -> CallCounters {
        self.0.gate.counters()
    }

    /// Refuses new calls from now on and waits for those in flight, `grace` at most. What still runs then is cut off
    /// and answered as [`SHUTTING_DOWN`](crate::UnavailableReason::SHUTTING_DOWN); how many that were is the answer.
    ///
    /// # Errors
    ///
    /// [`TIMEOUT`](crate::UnavailableReason::TIMEOUT) if the plugin does not answer within a second after the grace,
    /// because something in it blocks.
    pub async fn shutdown(&self, grace: Duration) -> Result<u64, Fault> {
        let grace = grace.min(Deadline::FURTHEST);
        let micros = u64::try_from(grace.as_micros()).unwrap_or(u64::MAX);
        let reply = self.0.object.shutdown(micros);
        let report: ShutdownReport = by(Deadline::after(grace + SHUTDOWN_MARGIN), reply, None).await?;
        Ok(report.cancelled)
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Provider")
    }
}
