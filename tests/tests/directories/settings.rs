//! The settings of a server, with what a test wants besides.

use serde_json::Value;
use tests::deployment::Deployment;
use tests::host::Host;

/// The provider with the least settings and these besides.
pub(crate) async fn host_with(server: &dyn Deployment, further: Value) -> Host {
    Host::with_ldap(&settings_with(server, further)).await
}

/// The least settings and these besides.
pub(crate) fn settings_with(server: &dyn Deployment, further: Value) -> Value {
    let mut settings = server.settings();
    let Value::Object(further) = further else { panic!("settings are an object: {further}") };
    for (name, value) in further {
        settings[name] = value;
    }
    settings
}
