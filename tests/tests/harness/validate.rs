//! `validate` and `inspect`: what an administrator sees before anybody logs in.

use serde_json::{Value, json};
use tests::directory::{Directory, SUFFIX, Transport};
use tests::harness::{Harness, Instance};
use tests::plugin;

fn validate(settings: Value) -> (i32, Value) {
    let outcome = Harness::new(&[Instance::ldap("corp", settings)]).run(&["--format", "json", "validate"]);
    let lines = outcome.json_lines();
    assert_eq!(lines.len(), 1, "{outcome:?}");
    (outcome.code, lines[0].clone())
}

#[test]
fn settings_that_work_are_valid_and_exit_code_0() {
    let directory = Directory::start();
    for transport in [Transport::Plain, Transport::StartTls, Transport::Ldaps] {
        let (code, report) = validate(directory.settings_over(transport));
        assert_eq!((code, &report["valid"]), (0, &json!(true)), "{report}");
        for stage in report["stages"].as_array().unwrap() {
            assert!(["passed", "warned", "skipped"].contains(&stage["outcome"].as_str().unwrap()), "{stage}");
            assert!(
                stage["id"].is_string() && stage["detail"].is_string() && stage["duration_ms"].is_number(),
                "{stage}"
            );
            assert!(stage.get("code").is_some() && stage.get("advice").is_some(), "{stage}");
        }
    }
}

#[test]
fn the_first_failed_stage_decides_the_exit_code() {
    let directory = Directory::start();
    let with = |key: &str, value: Value| {
        let mut settings = directory.settings_over(Transport::StartTls);
        settings[key] = value;
        settings
    };
    let stopped = Directory::start();
    stopped.kill();
    let cases = [
        (with("bind_password", json!("canary: wrong")), 4, "service_credentials_refused"),
        (with("base_dn", json!(format!("ou=nowhere,{SUFFIX}"))), 4, "base_dn_not_found"),
        (with("ca_file", json!(directory.strange_ca_file())), 3, "tls_failed"),
        (stopped.settings(), 3, "connect_failed"),
    ];
    for (settings, expected, reason) in cases {
        let (code, report) = validate(settings);
        assert_eq!((code, &report["valid"]), (expected, &json!(false)), "{report}");
        let failed = report["stages"].as_array().unwrap().iter().find(|stage| stage["outcome"] == "failed").unwrap();
        assert_eq!(failed["code"], reason, "{report}");
        assert!(failed["advice"].is_string(), "what is to be done about it? {report}");
    }
}

#[test]
fn settings_that_are_refused_are_exit_code_4() {
    let directory = Directory::start();
    let mut settings = directory.settings();
    settings["base_dn"] = json!("nonsense");
    let outcome = Harness::new(&[Instance::ldap("corp", settings)]).run(&["validate"]);
    assert_eq!(outcome.code, 4, "{outcome:?}");
    assert!(format!("{}{}", outcome.stdout, outcome.stderr).contains("base_dn"), "which setting? {outcome:?}");
}

#[test]
fn inspect_shows_a_plugin_and_its_settings_without_any_configuration() {
    let harness = Harness::unconfigured();
    let plugin = plugin::ldap_provider();
    let outcome = harness.run(&["--format", "json", "inspect", plugin.to_str().unwrap()]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(outcome.json()["id"], "ldap");
    assert!(outcome.stdout.contains("bind_password"));
    let no_plugin = harness.folder().join("text.so");
    std::fs::write(&no_plugin, "this is no library\n").unwrap();
    let refused = harness.run(&["inspect", no_plugin.to_str().unwrap()]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.stderr.contains("text.so"), "which file? {refused:?}");
}
