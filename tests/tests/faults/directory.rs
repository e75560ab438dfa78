//! The directory of these tests: an oracle that knows Alice, and the settings to reach it.

use std::net::SocketAddr;

use provider_api::host::{HostServices, Plugin, Provider, Trust};
use serde_json::{Value, json};
use tests::oracle::OnlyEntry;
use tests::plugin;

pub(super) const BASE_DN: &str = "ou=people,dc=example,dc=com";

pub(super) const PASSWORD: &str = "of Alice";

pub(super) fn alice() -> OnlyEntry {
    OnlyEntry::of_person("alice", format!("uid=alice,{BASE_DN}"))
}

/// Settings for a directory at this address, of which an answer is expected within a second.
pub(super) fn settings(address: SocketAddr) -> Value {
    json!({
        "host": address.ip().to_string(),
        "port": address.port(),
        "base_dn": BASE_DN,
        "directory": "other",
        "username_attribute": "uid",
        "timeout": "1s",
    })
}

/// The LDAP provider with these settings, out of its plugin file.
pub(super) async fn provider(settings: &Value) -> Provider {
    let plugin = Plugin::open(plugin::ldap_provider(), &Trust::developer()).await.unwrap();
    plugin.configure(settings, &HostServices::silent()).await.expect("settings are not tried when they are taken")
}
