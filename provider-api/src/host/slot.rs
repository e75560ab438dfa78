//! The place of a provider in a host, in which one takes over from another under load.

use std::fmt;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::admitted::Admitted;
use super::error::PluginError;
use super::gate::CallCounters;
use super::listing::UserListing;
use super::provider::Provider;
use super::trust::Trust;
use super::{HostServices, Plugin};
use crate::{
    Credentials, Deadline, Decision, Fault, ListRequest, Metric, RequestContext, UnavailableReason, ValidationReport,
};

/// How long the answers of calls that were cut off may take to arrive.
const LAST_ANSWERS: Duration = Duration::from_millis(100);

/// The place of a provider in a host: calls go to whoever sits in it, and [`swap`](Self::swap) puts another there.
///
/// A call belongs to the provider that sat there when it was made, to its end. So while one takes over from the other
/// no call fails for it, and once a swap has returned the old provider answers nobody any more.
///
/// ```no_run
/// # async fn example(provider: provider_api::host::Provider) -> Result<(), Box<dyn std::error::Error>> {
/// use provider_api::host::{HostServices, ProviderSlot, Replacement, SwapLimits, Trust};
///
/// let slot = ProviderSlot::new(provider);
/// // Meanwhile any number of tasks call slot.authenticate(..).
/// let settings = serde_json::json!({ "users_file": "/etc/my-server/users.toml" });
/// let next = Replacement {
///     path: "/usr/lib/my-server/libfile_provider.so".into(),
///     trust: Trust::strict("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".parse()?),
///     settings,
///     services: HostServices::silent(),
/// };
/// match slot.swap(&next, SwapLimits::default()).await {
///     Ok(swapped) => println!("the old one needed {:?}", swapped.drained.took),
///     Err(error) => println!("everything stays as it was: {error}"),
/// }
/// # Ok(())
/// # }
/// ```
pub struct ProviderSlot {
    seated: RwLock<Provider>,
    /// One swap at a time.
    swapping: Mutex<()>,
    /// The one that another has taken over from, while it ends its calls.
    retiring: std::sync::Mutex<Option<Provider>>,
    /// Cancelled when the slot is shut down, while nobody can take a seat.
    closed: CancellationToken,
}

/// What a slot is to be given: a plugin's file and settings for it. Another file, the same file with other content, or
/// the same plugin with new settings.
#[derive(Clone)]
pub struct Replacement {
    /// The plugin's file.
    pub path: PathBuf,
    /// On which conditions it is loaded.
    pub trust: Trust,
    /// Its settings. They may hold secrets, so `Debug` does not show them.
    pub settings: Value,
    /// What the host offers to it.
    pub services: HostServices,
}

/// How long a swap may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwapLimits {
    /// How long the validation of the new provider may take.
    pub validation: Duration,
    /// How long the old provider gets to end its calls. What still runs then is cut off and answered as
    /// [`SHUTTING_DOWN`](crate::UnavailableReason::SHUTTING_DOWN).
    pub drain: Duration,
}

/// 15 s for the validation. 10 s for the old provider: longer than a login may take.
impl Default for SwapLimits {
    fn default() -> Self {
        Self { validation: Duration::from_secs(15), drain: Duration::from_secs(10) }
    }
}

/// A swap that took place.
#[derive(Debug)]
#[non_exhaustive]
pub struct Swapped {
    /// What the new provider found of its settings: nothing that failed, perhaps something to warn about.
    pub report: ValidationReport,
    /// How the old provider ended.
    pub drained: Drained,
}

/// How a provider ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// How long it took until nothing of it was in flight.
    pub took: Duration,
    /// How many calls were cut off.
    pub cut_off: u64,
    /// Whether it said that it is shut down. If not, something in it blocks, and threads of it may stay; or another that
    /// was retiring was not waited for any longer.
    pub shut_down: bool,
}

/// A swap that did not take place: the provider in the slot is the one that was there before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SwapError {
    /// The file is refused.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// The settings are refused, or the plugin does not answer.
    #[error(transparent)]
    Settings(Fault),
    /// The settings do not work. The report says which stage failed.
    #[error("the settings do not work: {}", first_failure(.0))]
    NotValid(Box<ValidationReport>),
    /// Whether the settings work could not be told.
    #[error("the settings could not be tried: {0}")]
    NotValidated(Fault),
    /// The provider is the one that sits in the slot: a swap would end it.
    #[error("the provider sits in the slot already")]
    SameProvider,
    /// The slot has been [shut down](ProviderSlot::shut_down).
    #[error("the slot was shut down: no provider takes over any more")]
    ShutDown,
}

fn first_failure(report: &ValidationReport) -> String {
    report.first_failed().map_or_else(
        || "a report without stages".to_owned(),
        |stage| format!("{}: {}", crate::one_line(&stage.id), crate::one_line(&stage.detail)),
    )
}

impl ProviderSlot {
    /// A slot with a provider in it.
    pub fn new(provider: Provider) -> Self {
        Self {
            seated: RwLock::new(provider),
            swapping: Mutex::new(()),
            retiring: std::sync::Mutex::default(),
            closed: CancellationToken::new(),
        }
    }

    /// A slot with a provider in it that has been validated, as a swap would have done it.
    ///
    /// # Errors
    ///
    /// [`SwapError::NotValid`] and [`SwapError::NotValidated`].
    pub async fn with_validated(provider: Provider, limits: SwapLimits) -> Result<(Self, ValidationReport), SwapError> {
        let report = validated(&provider, "reload", limits).await?;
        Ok((Self::new(provider), report))
    }

    /// Loads, configures and validates a new provider, puts it in place, and lets the old one end.
    ///
    /// When this returns `Ok`, the old provider has answered its last call. Dropping the future before that leaves
    /// either the old provider in place or the new one, and the old one's calls end by themselves.
    ///
    /// # Errors
    ///
    /// Whatever keeps the new provider from taking over; the old one stays.
    pub async fn swap(&self, next: &Replacement, limits: SwapLimits) -> Result<Swapped, SwapError> {
        let _one_at_a_time = self.swapping.lock().await;
        let configuring = async {
            let plugin = Plugin::open(&next.path, &next.trust).await?;
            plugin.configure(&next.settings, &next.services).await.map_err(SwapError::Settings)
        };
        let provider = self.unless_closed(configuring).await?;
        self.take_over(provider, limits).await
    }

    /// The same with a provider that has been configured already.
    ///
    /// # Errors
    ///
    /// As for [`swap`](Self::swap).
    pub async fn replace(&self, provider: Provider, limits: SwapLimits) -> Result<Swapped, SwapError> {
        let _one_at_a_time = self.swapping.lock().await;
        self.take_over(provider, limits).await
    }

    async fn take_over(&self, provider: Provider, limits: SwapLimits) -> Result<Swapped, SwapError> {
        if provider.is_same(&self.seated.read().unwrap_or_else(PoisonError::into_inner)) {
            return Err(SwapError::SameProvider);
        }
        let report = self.unless_closed(validated(&provider, "swap", limits)).await?;
        let old = {
            let mut seated = self.seated.write().unwrap_or_else(PoisonError::into_inner);
            if self.closed.is_cancelled() {
                return Err(SwapError::ShutDown);
            }
            std::mem::replace(&mut *seated, provider)
        };
        let _retiring = Retiring::new(&self.retiring, &old);
        Ok(Swapped { report, drained: drain(&old, limits.drain).await })
    }

    async fn unless_closed<A>(&self, work: impl Future<Output = Result<A, SwapError>>) -> Result<A, SwapError> {
        self.closed.run_until_cancelled(work).await.unwrap_or(Err(SwapError::ShutDown))
    }

    /// Ends the provider in the slot, as a host that ends does: new calls are refused, those in flight get `grace`.
    ///
    /// No other takes its place any more. A swap that has not yet put another there is given up; of one that has, the
    /// end of the old provider is waited for as well, within the same `grace`, and what is left of its calls is cut off.
    pub async fn shut_down(&self, grace: Duration) -> Drained {
        let begun = Instant::now();
        let seated = {
            // Nobody can be about to take the seat.
            let seated = self.seated.write().unwrap_or_else(PoisonError::into_inner);
            self.closed.cancel();
            seated.clone()
        };
        let mut drained = drain(&seated, grace).await;
        if tokio::time::timeout(grace.saturating_sub(begun.elapsed()), self.swapping.lock()).await.is_err() {
            let retiring = self.retiring.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(old) = retiring {
                drained.cut_off += u64::try_from(old.gate().cut_off()).unwrap_or(u64::MAX);
                // Its end is no longer waited for.
                drained.shut_down = false;
            }
        }
        drained
    }

    /// Leave to make one call of the provider that sits here now.
    fn enter(&self) -> Result<Admitted, Fault> {
        // Under the lock: whoever takes the provider out of the slot afterwards sees this call in flight.
        let seated = self.seated.read().unwrap_or_else(PoisonError::into_inner);
        if self.closed.is_cancelled() {
            return Err(Fault::unavailable(UnavailableReason::SHUTTING_DOWN, "the host is ending the provider"));
        }
        seated.enter()
    }

    /// See [`Provider::authenticate`].
    ///
    /// # Errors
    ///
    /// Whatever keeps the provider from knowing.
    pub async fn authenticate(&self, context: &RequestContext, credentials: &Credentials) -> Result<Decision, Fault> {
        self.enter()?.authenticate(context, credentials).await
    }

    /// See [`Provider::validate`].
    ///
    /// # Errors
    ///
    /// Only if the check itself could not be done.
    pub async fn validate(&self, context: &RequestContext) -> Result<ValidationReport, Fault> {
        self.enter()?.validate(context).await
    }

    /// See [`Provider::list_users`]. A listing belongs to one provider from its beginning to its end: a swap waits for
    /// it as for any call.
    pub fn list_users(&self, context: &RequestContext, request: &ListRequest) -> UserListing {
        UserListing::begun(self.enter(), context, request)
    }

    /// See [`Provider::metrics`].
    ///
    /// # Errors
    ///
    /// As for any call.
    pub async fn metrics(&self, context: &RequestContext) -> Result<Vec<Metric>, Fault> {
        self.enter()?.metrics(context).await
    }

    /// See [`Provider::counters`].
    pub fn counters(&self) -> CallCounters {
        self.seated.read().unwrap_or_else(PoisonError::into_inner).counters()
    }
}

/// The report on a provider whose settings work.
async fn validated(provider: &Provider, request_id: &str, limits: SwapLimits) -> Result<ValidationReport, SwapError> {
    let context = RequestContext::new(request_id, Deadline::after(limits.validation));
    let report = provider.validate(&context).await.map_err(SwapError::NotValidated)?;
    if report.is_valid() { Ok(report) } else { Err(SwapError::NotValid(Box::new(report))) }
}

/// A provider that is retiring as long as this lives.
struct Retiring<'a>(&'a std::sync::Mutex<Option<Provider>>);

impl<'a> Retiring<'a> {
    fn new(place: &'a std::sync::Mutex<Option<Provider>>, old: &Provider) -> Self {
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(old.clone());
        Self(place)
    }
}

impl Drop for Retiring<'_> {
    fn drop(&mut self) {
        let old = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Not under the lock: the last one takes the provider apart.
        drop(old);
    }
}

/// Waits for the calls of a provider that gets no new ones, cuts off what remains, and shuts it down. Afterwards nobody
/// gets an answer of it any more, whatever it does.
async fn drain(old: &Provider, bound: Duration) -> Drained {
    let (begun, gate) = (Instant::now(), old.gate());
    // First without telling the plugin: a call that was let through a moment ago may not have reached it yet.
    let _ = tokio::time::timeout(bound, gate.idle()).await;
    let shut_down = old.shutdown(Duration::ZERO).await;
    let _ = tokio::time::timeout(LAST_ANSWERS, gate.idle()).await;
    // What blocks has not heard of it, and could still answer.
    let left = u64::try_from(gate.cut_off()).unwrap_or(u64::MAX);
    // A listing between two pages stays in flight: nobody waits for it at present.
    let _ = tokio::time::timeout(LAST_ANSWERS, gate.idle()).await;
    let told = *shut_down.as_ref().unwrap_or(&0);
    Drained { took: begun.elapsed(), cut_off: told.max(left), shut_down: shut_down.is_ok() }
}

impl fmt::Debug for ProviderSlot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ProviderSlot")
    }
}

impl fmt::Debug for Replacement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Replacement")
            .field("path", &self.path)
            .field("trust", &self.trust)
            .finish_non_exhaustive()
    }
}
