//! No password shows in what the program writes or in how it was started, at the finest log level and whatever goes
//! wrong.

use std::fs;

use serde_json::json;
use tests::directory::{Directory, Transport, password_of};
use tests::harness::{Harness, Instance};
use tests::relay::Relay;

/// Every password of the tests has this word in it.
const CANARY: &str = "canary";

#[test]
fn no_password_shows_in_any_output_at_the_finest_level() {
    let directory = Directory::start();
    let stopped = Directory::start();
    stopped.kill();
    let mut wrong_service_password = directory.settings();
    wrong_service_password["bind_password"] = json!("canary: wrong");
    let mut wrong_filter = directory.settings();
    wrong_filter["filter"] = json!("((");
    for settings in
        [directory.settings_over(Transport::Ldaps), wrong_service_password, wrong_filter, stopped.settings()]
    {
        let harness = Harness::new(&[Instance::ldap("corp", settings)]);
        harness.add_local_user("admin", "canary: local");
        for format in ["text", "json"] {
            let mut outcomes = vec![
                harness.run(&["--log", "trace", "--format", format, "validate"]),
                harness.run(&["--log", "trace", "--format", format, "list-users"]),
                harness.run(&["--log", "trace", "--format", format, "users"]),
            ];
            for (name, password) in [
                ("alice", password_of("alice")),
                ("alice", "canary: wrong".to_owned()),
                ("admin", "canary: local".to_owned()),
            ] {
                let file = harness.secret_file(password);
                let login =
                    ["--log", "trace", "--format", format, "login", "--password-file", file.to_str().unwrap(), name];
                outcomes.push(harness.run(&login));
            }
            for outcome in outcomes {
                assert!(!outcome.stdout.contains(CANARY) && !outcome.stderr.contains(CANARY), "{outcome:?}");
            }
        }
    }
}

#[test]
fn a_configuration_file_with_a_fault_is_not_quoted() {
    let harness = Harness::unconfigured();
    harness.configure("[[providers]]\npath = \"p.so\"\n[providers.settings]\nbind_password = \"canary\n");
    let outcome = harness.login("alice", "x");
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(!outcome.stderr.contains(CANARY), "{outcome:?}");
}

#[test]
fn no_password_is_kept_in_the_store_except_as_a_hash() {
    let directory = Directory::start();
    let harness = Harness::new(&[Instance::ldap("corp", directory.settings())]);
    harness.add_local_user("admin", "canary: local");
    assert_eq!(harness.login("alice", &password_of("alice")).code, 0);
    for entry in fs::read_dir(harness.folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains("users.db") {
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()), "{}", path.display());
        }
    }
}

#[test]
fn no_password_is_among_the_arguments_of_the_process() {
    let directory = Directory::start();
    let relay = Relay::holding_after(&directory, 0);
    let mut settings = directory.settings();
    settings["host"] = json!("127.0.0.1");
    settings["port"] = json!(relay.port());
    let harness = Harness::new(&[Instance::ldap("corp", settings)]);
    let file = harness.secret_file(password_of("alice"));
    let running = harness.start(&["login", "--password-file", file.to_str().unwrap(), "alice"]);
    relay.wait_until_held();
    let arguments = fs::read(format!("/proc/{}/cmdline", running.id())).unwrap();
    assert!(!String::from_utf8_lossy(&arguments).contains(CANARY));
    relay.release();
    assert_eq!(running.wait().code, 0);
}
