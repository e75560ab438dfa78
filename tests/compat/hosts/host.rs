//! A host built against a copy of the interface: `HOST PLUGIN SETTINGS` logs `alice` in with the password `right`, lists,
//! and calls the function that 1.0 does not have if its copy has it. Prints one JSON object.
#![forbid(unsafe_code)]

use std::time::Duration;

use provider_api::host::{HostServices, Plugin, Trust};
use provider_api::{Credentials, Deadline, Decision, ListRequest, RequestContext, Secret};
use serde_json::{Value, json};

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().expect("a runtime");
    println!("{}", runtime.block_on(seen()));
}

async fn seen() -> Value {
    let mut arguments = std::env::args().skip(1);
    let (path, settings) = (arguments.next().expect("PLUGIN"), arguments.next().expect("SETTINGS"));
    let settings = serde_json::from_str(&settings).expect("SETTINGS is JSON");
    let plugin = match Plugin::open(path, &Trust::developer()).await {
        Ok(plugin) => plugin,
        Err(error) => return json!({ "refused": error.to_string() }),
    };
    let provider = plugin.configure(&settings, &HostServices::silent()).await.expect("the settings are right");
    let context = RequestContext::new("1", Deadline::after(Duration::from_secs(20)));
    let login = |password: &str| Credentials::new("alice", Secret::new(password));
    let right = provider.authenticate(&context, &login("right")).await;
    let wrong = provider.authenticate(&context, &login("wrong")).await;
    let mut listing = provider.list_users(&context, &ListRequest::everybody());
    let mut listed = 0;
    while let Some(users) = listing.next_page().await.expect("a complete listing") {
        listed += users.len();
    }
    json!({
        "interface": plugin.description().interface_version,
        "right": matches!(right, Ok(Decision::Accepted(_))),
        "wrong": matches!(wrong, Ok(Decision::Rejected(_))),
        "listed": listed,
        "new_in_1_1": new_in_1_1(&provider),
    })
}

#[cfg(feature = "new_in_1_1")]
fn new_in_1_1(provider: &provider_api::host::Provider) -> Option<u32> {
    Some(provider.new_in_1_1())
}

#[cfg(not(feature = "new_in_1_1"))]
fn new_in_1_1(_: &provider_api::host::Provider) -> Option<u32> {
    None
}
