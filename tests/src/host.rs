//! A host in miniature: one provider, out of its plugin file, and the questions that tests ask it.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use provider_api::host::{Plugin, Provider, Trust};
use provider_api::{
    Credentials, Deadline, Decision, Fault, Identity, ListRequest, ListedUser, RejectReason, RequestContext, Secret,
    ValidationReport,
};
use serde_json::Value;

use crate::log_capture::LogCapture;
use crate::plugin;

/// How long a call may take: far longer than any does, so that a slow machine changes no answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// A provider that was loaded from its file and configured.
pub struct Host {
    /// The provider itself, for questions that have no method here.
    pub provider: Provider,
    /// What the plugin logged.
    pub log: LogCapture,
}

impl Host {
    /// Loads the LDAP provider. Panics when it refuses the settings.
    pub async fn with_ldap(settings: &Value) -> Self {
        Self::try_ldap(settings).await.unwrap_or_else(|fault| panic!("settings refused: {fault}"))
    }

    /// Loads the LDAP provider, or gives its reason for refusing the settings.
    pub async fn try_ldap(settings: &Value) -> Result<Self, Fault> {
        Self::load(&plugin::ldap_provider(), settings).await
    }

    /// Loads the file provider, or gives its reason for refusing the settings.
    pub async fn try_file(settings: &Value) -> Result<Self, Fault> {
        Self::load(&plugin::file_provider(), settings).await
    }

    async fn load(plugin: &Path, settings: &Value) -> Result<Self, Fault> {
        let plugin = Plugin::open(plugin, &Trust::developer()).await.unwrap_or_else(|error| panic!("{error}"));
        let log = LogCapture::new();
        let provider = plugin.configure(settings, &log.services()).await?;
        Ok(Self { provider, log })
    }

    /// Answers a login.
    pub async fn login(&self, name: &str, password: &str) -> Result<Decision, Fault> {
        self.provider.authenticate(&context(), &Credentials::new(name, Secret::new(password))).await
    }

    /// A login that must be accepted.
    pub async fn accepts(&self, name: &str, password: &str) -> Identity {
        match self.login(name, password).await {
            Ok(Decision::Accepted(accepted)) => accepted.identity,
            other => panic!("{name:?} should be accepted: {other:?}"),
        }
    }

    /// A login that must be rejected, and the reason.
    pub async fn rejects(&self, name: &str, password: &str) -> RejectReason {
        match self.login(name, password).await {
            Ok(Decision::Rejected(rejection)) => rejection.reason,
            other => panic!("{name:?} should be rejected: {other:?}"),
        }
    }

    /// A login that cannot be answered, and why.
    pub async fn cannot_tell(&self, name: &str, password: &str) -> Fault {
        match self.login(name, password).await {
            Err(fault) => fault,
            other => panic!("whether {name:?} may come in should not be known: {other:?}"),
        }
    }

    /// What the provider has counted under this name, which is whole.
    pub async fn metric(&self, name: &str) -> i64 {
        let metrics = self.provider.metrics(&context()).await.expect("metrics");
        let value = metrics.iter().find(|metric| metric.name == name).expect("it is counted").value;
        #[expect(clippy::cast_possible_truncation, reason = "what is counted here is whole and small")]
        let whole = value as i64;
        whole
    }

    /// Tries the settings against the real thing.
    pub async fn validate(&self) -> ValidationReport {
        self.provider
            .validate(&context())
            .await
            .unwrap_or_else(|fault| panic!("a validation reports, it does not fail: {fault}"))
    }

    /// Lists everybody: the users that came, and how it ended.
    pub async fn list(&self) -> (Vec<ListedUser>, Result<(), Fault>) {
        let mut listing = self.provider.list_users(&context(), &ListRequest::everybody());
        let mut users = Vec::new();
        loop {
            match listing.next_page().await {
                Ok(Some(page)) => users.extend(page),
                Ok(None) => return (users, Ok(())),
                Err(fault) => return (users, Err(fault)),
            }
        }
    }
}

/// The context of a call that has all the time it needs.
pub fn context() -> RequestContext {
    static NUMBER: AtomicUsize = AtomicUsize::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    RequestContext::new(format!("test-request-{number}"), Deadline::after(PATIENCE))
}
