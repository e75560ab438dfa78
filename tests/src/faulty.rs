//! The plugin that does wrong on command, `tests/plugins/faulty`, and the calls that a host makes of it.

use std::time::Duration;

use provider_api::host::{HostServices, Plugin, Provider, Trust};
use provider_api::{Credentials, Deadline, Decision, Fault, ListRequest, RequestContext, Secret};
use serde_json::{Value, json};

use crate::plugin::built;

/// The deadline of calls that hang; waiting for it is the point, so it is short.
pub const SHORT: Duration = Duration::from_millis(300);
/// How late an answer may be and still count as in time on a busy machine.
pub const MARGIN: Duration = Duration::from_secs(2);

/// The plugin, loaded.
pub async fn plugin() -> Plugin {
    Plugin::open(built("libfaulty.so"), &Trust::developer()).await.expect("the faulty plugin loads")
}

/// A provider that does wrong `at` some entry points, and logs nothing.
pub async fn provider(at: Value) -> Provider {
    provider_with(json!({ "at": at }), &HostServices::silent()).await
}

/// A provider of these settings.
pub async fn provider_with(settings: Value, services: &HostServices) -> Provider {
    plugin().await.configure(&settings, services).await.expect("these settings configure")
}

/// A context with that much time.
pub fn within(limit: Duration) -> RequestContext {
    RequestContext::new("request-1", Deadline::after(limit))
}

/// A context with more time than anything takes.
pub fn in_time() -> RequestContext {
    within(Duration::from_secs(20))
}

/// Logs `alice` in with the right password.
pub async fn login(provider: &Provider, context: &RequestContext) -> Result<Decision, Fault> {
    provider.authenticate(context, &Credentials::new("alice", Secret::new("right"))).await
}

/// Lists everybody and counts them.
pub async fn list(provider: &Provider, context: &RequestContext) -> Result<usize, Fault> {
    let mut listing = provider.list_users(context, &ListRequest::everybody());
    let mut count = 0;
    while let Some(users) = listing.next_page().await? {
        count += users.len();
    }
    Ok(count)
}

/// Calls the entry point of this name.
pub async fn call(provider: &Provider, point: &str, context: &RequestContext) -> Result<(), Fault> {
    match point {
        "validate" => provider.validate(context).await.map(drop),
        "authenticate" | "drop_call" => login(provider, context).await.map(drop),
        "list_users" | "next_page" => list(provider, context).await.map(drop),
        "metrics" => provider.metrics(context).await.map(drop),
        other => panic!("no such entry point: {other}"),
    }
}
