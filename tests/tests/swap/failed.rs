//! Swaps that do not take place.

use std::fs;

use provider_api::host::{HostServices, Plugin, ProviderSlot, Replacement, SwapError, SwapLimits, Trust};
use serde_json::{Value, json};
use tests::faulty::{call, in_time, plugin, provider};
use tests::plugin::{built, file_provider, ldap_provider};

fn replacement(settings: Value) -> Replacement {
    Replacement { path: built("libfaulty.so"), trust: Trust::developer(), settings, services: HostServices::silent() }
}

/// A provider whose metrics tell it from others: they panic.
async fn marked_slot() -> ProviderSlot {
    ProviderSlot::new(provider(json!({ "metrics": "panic" })).await)
}

async fn is_marked(slot: &ProviderSlot) -> bool {
    slot.metrics(&in_time()).await.is_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_the_new_provider_the_old_one_stays() {
    let slot = marked_slot().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (missing, damaged) = (folder.path().join("missing.so"), folder.path().join("damaged.so"));
    fs::write(&damaged, &fs::read(built("libfaulty.so")).expect("a plugin")[..100_000]).expect("written");
    let at = |path, settings| Replacement { path, ..replacement(settings) };
    let ldap = json!({ "host": "ldap://127.0.0.1:1", "base_dn": "dc=example,dc=com" });
    for (what, next, said) in [
        ("a file that is not there", at(missing, json!({})), "no such file"),
        ("a damaged file", at(damaged, json!({})), "damaged"),
        ("settings that are refused", at(file_provider(), json!({ "user_file": "x" })), "setting user_file"),
        ("settings that do not work", at(ldap_provider(), ldap), "the settings do not work: "),
        ("a panic at configuring", replacement(json!({ "at": { "configure": "panic" } })), "panicked"),
        ("a panic at validating", replacement(json!({ "at": { "validate": "panic" } })), "could not be tried"),
    ] {
        let error = slot.swap(&next, SwapLimits::default()).await.expect_err(what);
        let line = error.to_string();
        assert!(line.contains(said) && !line.contains('\n'), "{what}: {line}");
        assert!(is_marked(&slot).await, "{what}: the old one is gone");
    }
    let shown = format!("{:?}", replacement(json!({ "password": "s3cret" })));
    assert!(!shown.contains("s3cret"), "{shown}");
    slot.swap(&replacement(json!({})), SwapLimits::default()).await.expect("a good one takes over");
    assert!(!is_marked(&slot).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validation_that_hangs_is_given_up() {
    let slot = marked_slot().await;
    let limits = SwapLimits { validation: tests::faulty::SHORT, ..SwapLimits::default() };
    let next = replacement(json!({ "at": { "validate": "block" } }));
    let error = slot.swap(&next, limits).await.expect_err("it hangs");
    assert!(matches!(error, SwapError::NotValidated(_)), "{error}");
    assert!(is_marked(&slot).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_does_not_take_over_from_itself() {
    let seated = provider(json!({})).await;
    let slot = ProviderSlot::new(seated.clone());
    let error = slot.replace(seated, SwapLimits::default()).await.expect_err("it would be ended");
    assert!(matches!(error, SwapError::SameProvider), "{error}");
    slot.validate(&in_time()).await.expect("it answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_file_may_be_overwritten_or_deleted_while_its_provider_answers() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plugin.so");
    fs::copy(built("libfaulty.so"), &path).expect("a copy");
    let opened = Plugin::open(&path, &Trust::developer()).await.expect("it loads");
    let slot = ProviderSlot::new(opened.configure(&json!({}), &HostServices::silent()).await.expect("configured"));
    fs::write(&path, vec![0; 100_000]).expect("overwritten");
    call(&provider(json!({})).await, "authenticate", &in_time()).await.expect("another one works");
    slot.validate(&in_time()).await.expect("the old one works");
    fs::remove_file(&path).expect("deleted");
    slot.validate(&in_time()).await.expect("the old one works");
    let next = plugin().await.configure(&json!({}), &HostServices::silent()).await.expect("configured");
    slot.replace(next, SwapLimits::default()).await.expect("a good one takes over");
}
