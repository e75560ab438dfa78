//! `host-harness run`: logins in, answers out, new providers meanwhile.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use host_harness::threads::BLOCKING_THREADS;
use serde_json::{Value, json};
use tests::harness::Harness;
use tests::plugin::{built, file_provider, host_harness};
use tests::users_file::UsersFile;

fn sha256(file: &Path) -> String {
    let output = Command::new("sha256sum").arg(file).output().expect("sha256sum runs");
    String::from_utf8_lossy(&output.stdout)[..64].to_owned()
}

/// A provider's entry in the configuration, pinned as a server wants it.
pub(crate) fn entry(instance: &str, plugin: &Path, settings: &Value) -> Value {
    json!({ "instance": instance, "path": plugin, "sha256": sha256(plugin), "settings": settings })
}

pub(crate) fn configure(harness: &Harness, providers: &[Value]) {
    harness.configure(&toml::to_string(&json!({ "providers": providers })).expect("what TOML can say"));
}

/// A harness with a provider that does what its settings say.
pub(crate) fn faulty(settings: &Value) -> Harness {
    let harness = Harness::unconfigured();
    configure(&harness, &[entry("corp", &built("libfaulty.so"), settings)]);
    harness
}

#[test]
fn logins_are_answered_many_at_a_time_and_the_end_of_the_input_is_the_end() {
    let harness = faulty(&json!({ "at": { "authenticate": "nap" } }));
    let mut serving = harness.serve(&["run"]);
    assert_eq!(serving.event("started")["provider"], "corp");
    serving.event("ready");
    let begun = Instant::now();
    for number in 0..50 {
        serving.login(&format!("login-{number}"), &format!("user{number}"), "right");
    }
    serving.login("wrong", "alice", "wrong");
    serving.close();
    for number in 0..50 {
        let answer = serving.answer(&format!("login-{number}"));
        assert_eq!((&answer["outcome"], &answer["provider"]), (&json!("accepted"), &json!("corp")), "{answer}");
        assert_eq!(answer["identity"]["login"], format!("user{number}"));
    }
    assert_eq!(serving.answer("wrong")["reason"], "invalid_credentials");
    // One after the other they would nap for five seconds, and write fifty accounts besides.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(serving.end(), (0, vec![]));
}

#[test]
fn a_server_wants_a_pin_and_without_one_local_accounts_still_work() {
    let harness = Harness::unconfigured();
    configure(&harness, &[json!({ "instance": "corp", "path": built("libfaulty.so") })]);
    harness.add_local_user("admin", "of the local account");
    let mut serving = harness.serve(&["run"]);
    let event = serving.event("not_started");
    assert_eq!((&event["provider"], &event["reason"]), (&json!("corp"), &json!("plugin_refused")));
    assert!(event["message"].as_str().expect("a text").contains("no SHA-256 is pinned"), "{event}");
    serving.event("ready");
    serving.login("1", "admin", "of the local account");
    serving.login("2", "alice", "right");
    assert_eq!(serving.answer("1")["outcome"], "accepted");
    assert_eq!(serving.answer("2")["reason"], "plugin_refused");
    // Whoever repairs the file need not start the host again.
    configure(&harness, &[entry("corp", &built("libfaulty.so"), &json!({}))]);
    serving.say(r#"{"command":"reload"}"#);
    assert_eq!(serving.event("reloaded")["complete"], true);
    serving.login("3", "alice", "right");
    assert_eq!(serving.answer("3")["outcome"], "accepted");
}

#[test]
fn a_configuration_that_cannot_be_read_in_time_starts_no_server() {
    let harness = Harness::unconfigured();
    // As a disk that does not answer: whoever opens it waits.
    assert!(Command::new("mkfifo").arg(harness.configuration_file()).status().expect("mkfifo").success());
    let refused = harness.run(&["run"]);
    assert!(refused.code == 2 && refused.stderr.contains("could not be read within 6 s"), "{refused:?}");
}

#[test]
fn new_providers_take_over_on_hangup_while_the_old_file_is_overwritten() {
    let harness = Harness::unconfigured();
    let plugin = harness.folder().join("plugin.so");
    let copy = |from: PathBuf| {
        // As an installation does it: a finished file is moved into its place.
        let next = harness.folder().join("next.so");
        fs::copy(from, &next).expect("a copy");
        fs::rename(&next, &plugin).expect("moved");
    };
    copy(built("libfaulty.so"));
    configure(&harness, &[entry("corp", &plugin, &json!({ "at": { "authenticate": "nap" } }))]);
    let mut serving = harness.serve(&["run"]);
    serving.event("ready");
    serving.login("1", "alice", "right");
    assert_eq!(serving.answer("1")["identity"]["subject"], "id-of-alice");

    let users = UsersFile::new().user("alice", "right").user("bob", "builder");
    copy(file_provider());
    configure(&harness, &[entry("corp", &plugin, &users.settings())]);
    for number in 0..10 {
        serving.login(&format!("before-{number}"), &format!("user{number}"), "right");
    }
    serving.signal("HUP");
    let swapped = serving.event("swapped");
    assert_eq!((&swapped["provider"], &swapped["cut_off"]), (&json!("corp"), &json!(0)), "{swapped}");
    assert_eq!(serving.event("reloaded"), json!({ "event": "reloaded", "complete": true, "message": null }));
    for number in 0..10 {
        let answer = serving.answer(&format!("before-{number}"));
        // By the old provider, which takes any name, or by the new one: nobody is told of an outage.
        assert!(answer["outcome"] == "accepted" || answer["reason"] == "unknown_user", "{answer}");
    }
    fs::write(&plugin, "overwritten in place").expect("overwritten");
    serving.login("2", "bob", "builder");
    assert_eq!(serving.answer("2")["identity"]["subject"], "id-2");

    serving.signal("HUP");
    let kept = serving.event("kept");
    assert_eq!((&kept["provider"], &kept["reason"]), (&json!("corp"), &json!("plugin_refused")), "{kept}");
    assert_eq!(serving.event("reloaded")["complete"], false);
    fs::remove_file(&plugin).expect("deleted");
    serving.login("3", "bob", "builder");
    assert_eq!(serving.answer("3")["outcome"], "accepted");
}

#[test]
fn a_configuration_that_cannot_be_used_changes_nothing() {
    let harness = faulty(&json!({}));
    let mut serving = harness.serve(&["run"]);
    serving.event("ready");
    for (toml, said) in [
        ("[[providers]\n", "not TOML"),
        ("[[providers]]\ninstance = \"corp\"\n", "no path"),
        ("[[provider]]\npath = \"x\"\n", "unknown key provider"),
    ] {
        harness.configure(toml);
        serving.say(r#"{"command":"reload"}"#);
        let event = serving.event("reloaded");
        assert_eq!(event["complete"], false);
        assert!(event["message"].as_str().expect("a text").contains(said), "{event}");
    }
    configure(&harness, &[entry("corp", &built("libfaulty.so"), &json!({ "at": { "configure": "panic" } }))]);
    serving.say(r#"{"command":"reload"}"#);
    assert_eq!(serving.event("kept")["reason"], "internal");
    serving.login("1", "alice", "right");
    assert_eq!(serving.answer("1")["outcome"], "accepted");
}

#[test]
fn providers_come_and_go_with_the_configuration() {
    let harness = faulty(&json!({}));
    let mut serving = harness.serve(&["run"]);
    serving.event("ready");
    let users = UsersFile::new().user("bob", "builder");
    configure(&harness, &[entry("file", &file_provider(), &users.settings())]);
    serving.say(r#"{"command":"reload"}"#);
    assert_eq!(serving.event("started")["provider"], "corp");
    assert_eq!(serving.event("started")["provider"], "file");
    assert_eq!(serving.event("removed")["provider"], "corp");
    assert_eq!(serving.event("reloaded")["complete"], true);
    serving.login("1", "bob", "builder");
    serving.login("2", "alice", "right");
    assert_eq!(serving.answer("1")["provider"], "file");
    assert_eq!(serving.answer("2")["reason"], "unknown_user");
    serving.say(r#"{"command":"status"}"#);
    let status = serving.event("status");
    assert_eq!(status["providers"][0]["provider"], "file");
    assert_eq!(status["providers"].as_array().map(Vec::len), Some(1));
    assert_eq!((&status["providers"][0]["in_flight"], &status["providers"][0]["panics"]), (&json!(0), &json!(0)));
}

#[test]
fn a_provider_that_its_plugin_names_stays_when_the_plugin_cannot_be_loaded_any_more() {
    let harness = Harness::unconfigured();
    let plugin = harness.folder().join("plugin.so");
    fs::copy(built("libfaulty.so"), &plugin).expect("a copy");
    let unnamed = |path: &Path| json!({ "path": path, "sha256": sha256(&plugin) });
    let entry_of_now = unnamed(&plugin);
    configure(&harness, std::slice::from_ref(&entry_of_now));
    let mut serving = harness.serve(&["run"]);
    let name = serving.event("started")["provider"].clone();
    serving.event("ready");
    fs::write(&plugin, "half an installation").expect("overwritten");
    // The same entry; then one of another path, of which nobody can tell whether it is the same provider.
    configure(&harness, &[entry_of_now]);
    serving.say(r#"{"command":"reload"}"#);
    let kept = serving.event("kept");
    assert_eq!((&kept["provider"], &kept["reason"]), (&name, &json!("plugin_refused")), "{kept}");
    assert_eq!(serving.event("reloaded")["complete"], false);
    serving.login("1", "alice", "right");
    assert_eq!(serving.answer("1")["provider"], name);

    configure(&harness, &[unnamed(&harness.folder().join("elsewhere.so"))]);
    serving.say(r#"{"command":"reload"}"#);
    assert_eq!(serving.event("not_started")["reason"], "plugin_refused");
    let kept = serving.event("kept");
    assert_eq!(kept["provider"], name);
    assert!(kept["message"].as_str().expect("a text").contains("elsewhere.so"), "{kept}");
    assert_eq!(serving.event("reloaded")["complete"], false);
    // However often.
    serving.say(r#"{"command":"reload"}"#);
    assert_eq!(serving.event("reloaded")["complete"], false);
    serving.login("2", "alice", "right");
    assert_eq!(serving.answer("2")["provider"], name);
}

#[test]
fn ctrl_c_answers_what_is_under_way_and_ends_with_0() {
    for signal in ["INT", "TERM"] {
        let harness = faulty(&json!({ "at": { "authenticate": "nap" } }));
        let mut serving = harness.serve(&["run"]);
        serving.event("ready");
        serving.login("1", "alice", "right");
        while {
            serving.say(r#"{"command":"status"}"#);
            serving.event("status")["providers"][0]["in_flight"] == 0
        } {}
        serving.signal(signal);
        assert_eq!(serving.answer("1")["outcome"], "accepted");
        assert_eq!(serving.end().0, 0, "{signal}");
    }
}

#[test]
fn ctrl_c_cuts_off_what_hangs_and_says_so_with_3() {
    // Each of which waits until the one before it is written.
    let logins = 20;
    for how in ["wait", "block"] {
        let harness = faulty(&json!({ "at": { "authenticate": how, "metrics": "block" }, "kept_ms": 30_000 }));
        let mut serving = harness.serve(&["--metrics", "run", "--timeout", "30s"]);
        serving.event("ready");
        for number in 0..logins {
            serving.login(&format!("login-{number}"), &format!("user{number}"), "right");
        }
        while {
            serving.say(r#"{"command":"status"}"#);
            serving.event("status")["providers"][0]["in_flight"] == 0
        } {}
        let begun = Instant::now();
        serving.signal("INT");
        for number in 0..logins {
            let answer = serving.answer(&format!("login-{number}"));
            assert_eq!(answer["reason"], "shutting_down", "{how}: {answer}");
        }
        assert_eq!(serving.end().0, 3, "{how}");
        assert!(begun.elapsed() < Duration::from_secs(8), "{how}: {:?}", begun.elapsed());
    }
}

#[test]
fn ctrl_c_answers_logins_that_wait_for_a_provider_to_be_loaded() {
    let harness = faulty(&json!({}));
    let mut serving = harness.serve_in(&[("FAULTY_DESCRIBE", "block")], &["run", "--timeout", "30s"]);
    serving.event("ready");
    serving.login("1", "alice", "right");
    serving.say(r#"{"command":"status"}"#);
    serving.event("status");
    serving.signal("TERM");
    assert_eq!(serving.answer("1")["reason"], "shutting_down");
    assert_eq!(serving.end().0, 3);
}

#[test]
fn an_input_that_cannot_be_read_is_told_of_and_is_no_success() {
    let harness = faulty(&json!({}));
    let folder = fs::File::open(harness.folder()).expect("a folder");
    let output = Command::new(host_harness())
        .args([Path::new("--config"), &harness.configuration_file(), Path::new("run")])
        .stdin(folder)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("standard input cannot be read"), "{said}");
    assert_eq!(output.status.code(), Some(5));
}

#[test]
fn a_line_that_is_neither_login_nor_command_is_told_of_and_not_quoted() {
    let harness = faulty(&json!({}));
    let mut serving = harness.serve(&["run"]);
    serving.event("ready");
    let long = "s3cret".repeat(10_000);
    for (number, line) in ["s3cret", r#"{"name":"alice","pasword":"s3cret"}"#, &long].iter().enumerate() {
        serving.say(line);
        let event = serving.event("bad_line");
        assert_eq!(event["line"], number + 1);
        assert!(!event.to_string().contains("s3cret"), "{event}");
    }
    serving.login("1", "alice", "right");
    assert_eq!(serving.answer("1")["outcome"], "accepted");
}

#[test]
fn providers_that_hang_at_the_start_are_told_of_and_the_others_serve() {
    let harness = Harness::unconfigured();
    let users = UsersFile::new().user("bob", "builder");
    let mut providers = vec![entry("file", &file_provider(), &users.settings())];
    // Each in a file of its own: what a plugin may block is bounded for each file.
    for number in 0..3 {
        let plugin = harness.folder().join(format!("stuck-{number}.so"));
        fs::copy(built("libfaulty.so"), &plugin).expect("a copy");
        let settings = json!({ "at": { "configure": "block" }, "kept_ms": 30_000 });
        providers.push(entry(&format!("stuck-{number}"), &plugin, &settings));
    }
    configure(&harness, &providers);
    harness.add_local_user("admin", "of the local account");
    let begun = Instant::now();
    let mut serving = harness.serve(&["run"]);
    serving.event("ready");
    // One after the other they would take five seconds each.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(serving.event("started")["provider"], "file");
    for number in 0..3 {
        let event = serving.event("not_started");
        assert_eq!(event["provider"], format!("stuck-{number}"));
        assert!(event["message"].as_str().expect("a text").contains("did not answer within 5 s"), "{event}");
    }
    serving.login("1", "bob", "builder");
    serving.login("2", "admin", "of the local account");
    assert_eq!(serving.answer("1")["provider"], "file");
    assert_eq!(serving.answer("2")["outcome"], "accepted");
}

#[test]
fn plugins_that_hang_while_they_are_loaded_take_no_thread_that_logins_need() {
    let harness = Harness::unconfigured();
    let stuck = |instance: &str| entry(instance, &built("libfaulty.so"), &json!({}));
    // The second has no name before its plugin has given it one.
    let mut nameless = stuck("none");
    nameless.as_object_mut().expect("an object").remove("instance");
    configure(&harness, &[stuck("stuck"), nameless]);
    harness.add_local_user("admin", "of the local account");
    let environment = [("FAULTY_DESCRIBE", "block"), ("FAULTY_KEPT_MS", "60000")];
    let mut serving = harness.serve_in(&environment, &["run", "--timeout", "3s"]);
    serving.event("ready");
    for number in 0..500 {
        serving.login(&format!("stuck-{number}"), &format!("user{number}"), "right");
    }
    // More than there are threads to block on.
    for number in 0..10 {
        let begun = Instant::now();
        serving.login(&format!("local-{number}"), "admin", "of the local account");
        assert_eq!(serving.answer(&format!("local-{number}"))["outcome"], "accepted");
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    for number in 0..500 {
        assert_ne!(serving.answer(&format!("stuck-{number}"))["outcome"], "accepted");
    }
    assert!(serving.threads() <= BLOCKING_THREADS + 16, "{} threads", serving.threads());
}

#[test]
fn a_configuration_that_others_may_write_starts_no_server_and_replaces_nothing() {
    let harness = faulty(&json!({}));
    let set = |mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(harness.configuration_file(), mode).expect("a mode");
    };
    let mut serving = harness.serve(&["run"]);
    serving.event("started");
    serving.event("ready");
    set(0o666);
    serving.say(r#"{"command":"reload"}"#);
    let event = serving.event("reloaded");
    assert_eq!(event["complete"], false);
    let said = "harness.toml may be written by others (mode 666); chmod go-w it; whoever can change this file chooses";
    assert!(event["message"].as_str().expect("a text").contains(said), "{event}");
    serving.login("1", "alice", "right");
    assert_eq!(serving.answer("1")["outcome"], "accepted");
    serving.close();
    assert_eq!(serving.end(), (0, vec![]));

    let refused = harness.run(&["run"]);
    assert!(refused.code == 2 && refused.stderr.contains(said) && refused.stdout.is_empty(), "{refused:?}");
    // For one login it is a warning, unless the entry of the provider is strict.
    configure(&harness, &[json!({ "instance": "corp", "path": built("libfaulty.so") })]);
    set(0o666);
    let warned = harness.login("alice", "right");
    assert!(warned.code == 0 && warned.stderr.contains("harness.toml may be written by others"), "{warned:?}");
    let mut strict = entry("corp", &built("libfaulty.so"), &json!({}));
    strict["trust"] = json!("strict");
    configure(&harness, &[strict]);
    assert_eq!(harness.login("alice", "right").code, 0);
    set(0o666);
    let refused = harness.login("alice", "right");
    assert_eq!((refused.code, &refused.json()["reason"]), (4, &json!("plugin_refused")), "{refused:?}");
    assert!(refused.stdout.contains(said), "{refused:?}");
}
