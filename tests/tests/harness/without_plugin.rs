//! The harness without the LDAP plugin: it neither contains LDAP nor needs it for what is its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use tests::harness::{Harness, Instance};
use tests::plugin;

#[test]
fn the_harness_depends_on_no_ldap_client_and_on_no_provider() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--locked",
            "-p",
            "host-harness",
            "-e",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--manifest-path",
        ])
        .arg(manifest)
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let packages: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(packages.contains(&"host-harness") && packages.contains(&"provider-api"), "{packages:?}");
    for foreign in ["ldap3", "ldap-provider", "wire-guard", "file-provider"] {
        assert!(!packages.contains(&foreign), "host-harness depends on {foreign}");
    }
}

/// A harness whose program lies alone in a folder, as after an installation that forgot the plugins.
fn alone(providers: &[Instance]) -> Harness {
    let harness = Harness::new(providers);
    let program = harness.folder().join("host-harness");
    fs::copy(plugin::host_harness(), &program).unwrap();
    harness.with_program(program)
}

#[test]
fn without_the_plugin_file_accounts_can_be_kept_and_a_login_says_what_is_missing() {
    let settings = json!({"host": "ldap.example.com", "base_dn": "dc=example,dc=com"});
    let harness = alone(&[Instance::of("corp", "libldap_provider.so", settings)]);
    harness.add_local_user("admin", "canary: local");
    let users = harness.run(&["--format", "json", "users"]);
    assert_eq!(users.code, 0, "{users:?}");
    assert_eq!(users.json_lines()[0]["name"], "admin");
    assert_eq!(harness.login("admin", "canary: local").code, 0);

    let login = harness.login("alice", "any");
    assert_eq!(login.code, 4, "{login:?}");
    let answer = login.json();
    assert_eq!((&answer["outcome"], &answer["reason"]), (&json!("misconfigured"), &json!("plugin_refused")));
    assert!(answer["message"].as_str().unwrap().contains("libldap_provider.so"), "which file? {answer}");
    let validate = harness.run(&["validate"]);
    assert_eq!(validate.code, 4, "{validate:?}");
}

#[test]
fn a_plugin_is_found_beside_the_program_when_it_is_not_beside_the_configuration() {
    // The name of this setting is the plugin's own knowledge, and so is that its value is wrong.
    let settings = json!({"host": "ldap.example.com", "base_dn": "nonsense"});
    let harness = alone(&[Instance::of("corp", "libldap_provider.so", settings)]);
    let elsewhere = tempfile::TempDir::new().unwrap();
    let program = elsewhere.path().join("host-harness");
    fs::copy(plugin::host_harness(), &program).unwrap();
    fs::copy(plugin::ldap_provider(), elsewhere.path().join("libldap_provider.so")).unwrap();
    let outcome = harness.with_program(program).login("alice", "any");
    let answer = outcome.json();
    assert_eq!((outcome.code, &answer["reason"]), (4, &json!("setting_invalid")), "{outcome:?}");
    assert!(answer["message"].as_str().unwrap().contains("base_dn"), "{answer}");
}
