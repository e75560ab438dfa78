//! A directory behind a proxy, and somebody who logs in through it.

use std::sync::Arc;
use std::time::Duration;

use provider_api::host::Provider;
use provider_api::{Credentials, Deadline, Decision, RequestContext, Secret};
use serde_json::json;
use tests::directory::{Directory, password_of};
use tests::fault_proxy::{FaultProxy, Wire};
use tests::host::Host;

/// A proxy before a directory, and what passes it.
pub(crate) fn behind(directory: &Directory) -> (FaultProxy, Arc<Wire>) {
    let wire = Wire::new();
    let server = format!("127.0.0.1:{}", directory.port()).parse().expect("an address");
    (FaultProxy::start(server, &wire), wire)
}

/// A provider that knows the directory by such a proxy alone.
pub(crate) async fn host_behind(directory: &Directory) -> (Host, FaultProxy, Arc<Wire>) {
    let (proxy, wire) = behind(directory);
    let mut settings = directory.settings();
    settings["host"] = json!(format!("ldap://{}", proxy.address()));
    settings.as_object_mut().expect("settings").remove("port");
    (Host::with_ldap(&settings).await, proxy, wire)
}

/// Whether she is let in within the limit.
pub(crate) async fn alice_gets_in(provider: &Provider, limit: Duration) -> bool {
    let context = RequestContext::new("alice", Deadline::after(limit));
    let credentials = Credentials::new("alice", Secret::new(password_of("alice")));
    matches!(provider.authenticate(&context, &credentials).await, Ok(Decision::Accepted(_)))
}
