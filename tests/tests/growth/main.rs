//! The interface grows without breaking anybody: every host with every plugin, and the frozen interface as it was.
#![allow(missing_docs, reason = "a test program")]
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on fails loudly"
)]

mod frozen;
mod interface;

use std::path::PathBuf;
use std::process::Command;

use provider_api::host::{HostServices, Plugin, Trust};
use serde_json::{Value, json};
use tests::compat;
use tests::faulty::{call, in_time, login};
use tests::plugin::built;

const WHAT_TO_DO: &str = "see \"When that test fails\" in tests/compat/README.md";

/// What a plugin is given to work.
fn settings_of(plugin: &str) -> Value {
    if plugin == "present" { json!({}) } else { json!({ "password": "right" }) }
}

fn file_of(plugin: &str) -> PathBuf {
    if plugin == "present" { built("libfaulty.so") } else { compat::plugin(plugin) }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_present_host_works_with_plugins_of_every_minor_version() {
    for (plugin, version) in [("frozen", "1.0.0"), ("newer-minor", "1.1.0"), ("present", "1.0.0")] {
        let opened = Plugin::open(file_of(plugin), &Trust::developer()).await;
        let opened = opened.unwrap_or_else(|error| panic!("{plugin}: {error}; {WHAT_TO_DO}"));
        assert_eq!(opened.description().interface_version, version);
        let provider = opened.configure(&settings_of(plugin), &HostServices::silent()).await.expect("right settings");
        login(&provider, &in_time()).await.unwrap_or_else(|fault| panic!("{plugin}: {fault}"));
        for point in ["validate", "list_users", "metrics"] {
            call(&provider, point, &in_time()).await.unwrap_or_else(|fault| panic!("{plugin}, {point}: {fault}"));
        }
        assert_eq!(provider.shutdown(std::time::Duration::from_secs(5)).await, Ok(0), "{plugin}");
    }
}

#[test]
fn plugins_of_every_minor_version_work_in_hosts_of_every_minor_version() {
    for (host, new_in_1_1) in [("frozen", None), ("newer", Some(11))] {
        for (plugin, version, users) in [("frozen", "1.0.0", 1), ("newer-minor", "1.1.0", 1), ("present", "1.0.0", 3)] {
            let mut command = Command::new(compat::host(host));
            let output = command.arg(file_of(plugin)).arg(settings_of(plugin).to_string()).output().expect("it starts");
            assert!(output.status.success(), "{host}, {plugin}: {}", String::from_utf8_lossy(&output.stderr));
            let seen: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            // Where a plugin does not have the new function, its default body answers.
            let expected = json!({
                "interface": version, "right": true, "wrong": true, "listed": users, "new_in_1_1": new_in_1_1,
            });
            assert_eq!(seen, expected, "{host} host, {plugin} plugin; {WHAT_TO_DO}");
        }
    }
}

#[tokio::test]
async fn a_change_of_a_frozen_type_is_noticed_by_every_host() {
    let error = Plugin::open(compat::plugin("other-layout"), &Trust::developer()).await.expect_err("it has changed");
    assert!(error.to_string().contains("AbiContext"), "{error}");
    let output = Command::new(compat::host("frozen")).arg(compat::plugin("other-layout")).arg("{}").output();
    let seen: Value = serde_json::from_slice(&output.expect("it starts").stdout).expect("JSON");
    assert!(seen["refused"].as_str().expect("a refusal").contains("AbiContext"), "{seen}");
}

/// `tests/other-compilers` builds the plugins that this names, with a colon between two; without it there is nothing to
/// do.
#[tokio::test(flavor = "multi_thread")]
async fn plugins_of_other_compilers_work() {
    let named = std::env::var_os("OTHER_COMPILERS").unwrap_or_default();
    for path in std::env::split_paths(&named).filter(|path| !path.as_os_str().is_empty()) {
        let plugin = Plugin::open(&path, &Trust::developer()).await.unwrap_or_else(|error| panic!("{error}"));
        let provider = plugin.configure(&json!({}), &HostServices::silent()).await.expect("right settings");
        login(&provider, &in_time()).await.expect("accepted");
        for point in ["validate", "list_users", "metrics"] {
            call(&provider, point, &in_time()).await.unwrap_or_else(|fault| panic!("{point}: {fault}"));
        }
        let broken = plugin.configure(&json!({ "at": { "authenticate": "panic" } }), &HostServices::silent()).await;
        let fault = login(&broken.expect("right settings"), &in_time()).await.expect_err("it panics");
        assert!(fault.message().contains("faulty: authenticate"), "{fault}");
        assert_eq!(provider.shutdown(std::time::Duration::from_secs(5)).await, Ok(0));
        println!("{} works", path.display());
    }
}
