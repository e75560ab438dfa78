//! What a reload must not do to those who log in.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tests::harness::Harness;
use tests::plugin::{built, ldap_provider};
use tests::serving::Serving;

use super::run::{configure, entry, faulty};

fn corp() -> Value {
    entry("corp", &built("libfaulty.so"), &json!({}))
}

/// What a reload tells, to its end.
fn reload(serving: &mut Serving) -> (Vec<Value>, Value) {
    serving.say(r#"{"command":"reload"}"#);
    let mut told = Vec::new();
    loop {
        let event = serving.wait_for("an event", |line| line.get("event").is_some());
        if event["event"] == "reloaded" {
            return (told, event);
        }
        told.push(event);
    }
}

fn assert_alice_gets_in(serving: &mut Serving, id: &str) {
    serving.login(id, "alice", "right");
    let answer = serving.answer(id);
    assert_eq!((&answer["outcome"], &answer["provider"]), (&json!("accepted"), &json!("corp")), "{answer}");
}

fn serving(harness: &Harness) -> Serving {
    let mut serving = harness.serve(&["run"]);
    assert_eq!(serving.event("started")["provider"], "corp");
    serving.event("ready");
    serving
}

#[test]
fn a_new_provider_that_cannot_be_used_stands_before_nobody() {
    let harness = faulty(&json!({}));
    let mut serving = serving(&harness);
    let misspelt = entry("branch", &ldap_provider(), &json!({ "host": "ldap://127.0.0.1:1", "bse_dn": "dc=example" }));
    let dead = entry("branch", &ldap_provider(), &json!({ "host": "ldap://127.0.0.1:1", "base_dn": "dc=example" }));
    for (entry, reason) in [(misspelt, "setting_invalid"), (dead, "connect_failed")] {
        configure(&harness, &[entry, corp()]);
        let (told, reloaded) = reload(&mut serving);
        assert_eq!((&told[0]["event"], &told[0]["provider"]), (&json!("not_started"), &json!("branch")), "{told:?}");
        assert_eq!(told[0]["reason"], reason, "{told:?}");
        assert!(told[0]["message"].as_str().expect("a text").contains("left out until the next reload"), "{told:?}");
        assert_eq!((&told[1]["event"], &told[1]["provider"]), (&json!("swapped"), &json!("corp")), "{told:?}");
        assert_eq!((told.len(), &reloaded["complete"]), (2, &json!(false)), "{told:?}");
        assert_alice_gets_in(&mut serving, reason);
    }
}

#[test]
fn nobody_is_removed_for_a_new_name_that_cannot_be_used() {
    let harness = faulty(&json!({}));
    let mut serving = serving(&harness);
    let renamed = |settings: &Value| entry("head-office", &built("libfaulty.so"), settings);
    configure(&harness, &[renamed(&json!({ "at": { "configure": "panic" } }))]);
    let (told, reloaded) = reload(&mut serving);
    let events: Vec<&str> = told.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!((events, &reloaded["complete"]), (vec!["not_started", "kept"], &json!(false)), "{told:?}");
    assert!(told[1]["message"].as_str().expect("a text").contains("head-office"), "{told:?}");
    assert_eq!((&told[0]["reason"], &told[1]["reason"]), (&json!("internal"), &json!("internal")), "{told:?}");
    assert_alice_gets_in(&mut serving, "1");
    configure(&harness, &[renamed(&json!({}))]);
    assert_eq!(reload(&mut serving).1["complete"], true);
    serving.login("2", "bob", "right");
    assert_eq!(serving.answer("2")["provider"], "head-office");
}

/// A provider that was in force from the start without ever having been configured.
fn broken_from_the_start(broken: Value) -> (Harness, Serving) {
    let harness = Harness::unconfigured();
    configure(&harness, &[corp(), broken]);
    let mut serving = serving(&harness);
    assert_eq!(serving.event("not_started")["provider"], "branch");
    (harness, serving)
}

#[test]
fn nobody_is_removed_for_a_name_that_could_not_be_used_from_the_start_and_still_cannot() {
    let broken = |settings: &Value| entry("branch", &ldap_provider(), settings);
    let misspelt = broken(&json!({ "host": "ldap://127.0.0.1:1", "bse_dn": "dc=example" }));
    let dead = broken(&json!({ "host": "ldap://127.0.0.1:1", "base_dn": "dc=example" }));
    let (harness, mut serving) = broken_from_the_start(misspelt.clone());
    for (entry, reason) in [(misspelt, "setting_invalid"), (dead, "connect_failed")] {
        configure(&harness, &[entry]);
        let (told, reloaded) = reload(&mut serving);
        let events: Vec<_> = told.iter().map(|event| (&event["event"], &event["provider"], &event["reason"])).collect();
        let expected =
            [("not_started", "branch"), ("kept", "corp")].map(|(event, of)| (json!(event), json!(of), json!(reason)));
        assert_eq!(events, expected.each_ref().map(|(event, of, reason)| (event, of, reason)), "{told:?}");
        assert!(told[0]["message"].as_str().expect("a text").contains("stays as it was"), "{told:?}");
        assert!(told[1]["message"].as_str().expect("a text").contains("branch"), "{told:?}");
        assert_eq!(reloaded["complete"], false);
        assert_alice_gets_in(&mut serving, reason);
    }
    configure(&harness, &[entry("branch", &built("libfaulty.so"), &json!({}))]);
    let (told, reloaded) = reload(&mut serving);
    let events: Vec<&str> = told.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!((events, &reloaded["complete"]), (vec!["started", "removed"], &json!(true)), "{told:?}");
    serving.login("1", "bob", "right");
    assert_eq!(serving.answer("1")["provider"], "branch");
}

#[test]
fn a_provider_that_was_never_configured_is_tried_by_logins_after_a_reload_that_did_not_help() {
    let harness = Harness::unconfigured();
    let plugin = harness.folder().join("plugin.so");
    let mut missing = entry("branch", &built("libfaulty.so"), &json!({}));
    missing["path"] = json!(plugin);
    configure(&harness, &[missing]);
    let mut serving = harness.serve(&["run"]);
    assert_eq!(serving.event("not_started")["reason"], "plugin_refused");
    configure(&harness, &[entry("branch", &built("libfaulty.so"), &json!({ "at": { "configure": "panic" } }))]);
    assert_eq!(reload(&mut serving).1["complete"], false);
    serving.login("1", "alice", "right");
    assert_eq!(serving.answer("1")["reason"], "plugin_refused");
    fs::copy(built("libfaulty.so"), &plugin).expect("in its place");
    serving.login("2", "alice", "right");
    assert_eq!(serving.answer("2")["outcome"], "accepted");
}

#[test]
fn a_file_without_providers_removes_nobody() {
    let harness = faulty(&json!({}));
    let mut serving = serving(&harness);
    harness.configure("");
    let (told, reloaded) = reload(&mut serving);
    assert_eq!((told.len(), &reloaded["complete"]), (0, &json!(false)), "{told:?}");
    assert!(reloaded["message"].as_str().expect("a text").contains("names no provider any more"), "{reloaded}");
    assert_alice_gets_in(&mut serving, "1");
}

#[test]
fn a_file_that_cannot_be_read_is_given_up_and_read_again_when_it_can() {
    let harness = faulty(&json!({}));
    let mut serving = serving(&harness);
    // As a disk that does not answer: whoever opens it waits.
    let file = harness.configuration_file();
    fs::remove_file(&file).expect("removed");
    assert!(Command::new("mkfifo").arg(&file).status().expect("mkfifo").success());
    serving.say(r#"{"command":"reload"}"#);
    assert_alice_gets_in(&mut serving, "1");
    let reloaded = serving.event("reloaded");
    assert_eq!(reloaded["complete"], false);
    assert!(reloaded["message"].as_str().expect("a text").contains("could not be read within 6 s"), "{reloaded}");
    fs::remove_file(&file).expect("removed");
    configure(&harness, &[corp()]);
    assert_eq!(reload(&mut serving).1["complete"], true);
    assert_alice_gets_in(&mut serving, "2");
    serving.close();
    assert_eq!(serving.end().0, 0);
}

#[test]
fn reloads_that_wait_become_one_and_stop_no_login() {
    let harness = faulty(&json!({ "at": { "validate": "nap" } }));
    let mut serving = serving(&harness);
    // More than logins are answered at a time.
    for _ in 0..2_000 {
        serving.say(r#"{"command":"reload"}"#);
    }
    assert_alice_gets_in(&mut serving, "1");
    serving.signal("HUP");
    serving.close();
    let (code, lines) = serving.end();
    let reloaded: Vec<&Value> = lines.iter().filter(|line| line["event"] == "reloaded").collect();
    assert!((1..100).contains(&reloaded.len()), "{}", reloaded.len());
    assert!(code == 0 && reloaded.iter().all(|event| event["complete"] == true), "{code}: {reloaded:?}");
}

#[test]
fn a_reload_that_is_asked_for_while_one_runs_reads_what_the_file_says_by_then() {
    let harness = faulty(&json!({ "at": { "configure": "nap" } }));
    let mut serving = serving(&harness);
    serving.say(r#"{"command":"reload"}"#);
    configure(&harness, &[entry("head-office", &built("libfaulty.so"), &json!({}))]);
    for _ in 0..3 {
        serving.say(r#"{"command":"reload"}"#);
    }
    // Also if nothing else is asked for any more.
    serving.close();
    let (code, lines) = serving.end();
    assert!(code == 0 && lines.iter().any(|line| line["provider"] == "head-office"), "{code}: {lines:?}");
}
