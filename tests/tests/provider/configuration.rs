//! Settings that cannot work are refused at once, by name, without a word to any server.

use std::fs;

use provider_api::Fault;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::directory::{Directory, SUFFIX, Transport};
use tests::host::Host;

/// Settings that would do, for a server that is never asked.
fn settings() -> Value {
    json!({
        "host": "ldap.example.com",
        "base_dn": SUFFIX,
        "bind_dn": format!("cn=reader,{SUFFIX}"),
        "bind_password": "canary: never shown",
    })
}

/// Changes one thing about the settings and gives the key that is then refused, and the message.
async fn refusal(change: impl FnOnce(&mut Value)) -> (String, String) {
    let mut settings = settings();
    change(&mut settings);
    match Host::try_ldap(&settings).await {
        Err(Fault::Misconfigured { reason, message, setting: Some(key) }) => {
            assert_eq!(reason.as_str(), "setting_invalid", "{message}");
            assert!(!message.contains("canary"), "a secret in a message: {message}");
            (key, message)
        }
        Err(other) => panic!("a refusal that names no setting: {other:?}"),
        Ok(_) => panic!("accepted"),
    }
}

#[tokio::test]
async fn good_settings_are_taken_without_asking_the_server() {
    let directory = Directory::start();
    for transport in [Transport::Plain, Transport::StartTls, Transport::Ldaps] {
        Host::with_ldap(&directory.settings_over(transport)).await;
    }
    assert_eq!(directory.requests().connections, 0);
    // This one does not even exist.
    Host::with_ldap(&settings()).await;
}

#[tokio::test]
async fn values_that_cannot_be_understood_are_refused_by_their_key() {
    let cases = [
        ("host", json!("")),
        ("host", json!("http://ldap.example.com")),
        ("host", json!("ldap://user@ldap.example.com")),
        ("port", json!(0)),
        ("port", json!(65_536)),
        ("port", json!("389")),
        ("base_dn", json!("not a dn")),
        ("bind_dn", json!("cn=reader,,")),
        ("bind_password", json!("")),
        ("scope", json!("base")),
        ("filter", json!("(age=28")),
        ("filter", json!("age=28)")),
        ("filter", json!("(&(age=28)(!(name=Bob))")),
        ("username_attribute", json!([])),
        ("username_attribute", json!("uid)(cn")),
        ("subject_attribute", json!("no attribute")),
        ("start_tls", json!("yes")),
        ("timeout", json!("soon")),
        ("timeout", json!("0s")),
    ];
    for (key, value) in cases {
        let (refused, message) = refusal(|settings| settings[key] = value.clone()).await;
        assert_eq!(refused.split(['[', '.']).next(), Some(key), "{key} = {value}: {message}");
    }
}

#[tokio::test]
async fn an_unknown_key_is_refused() {
    let (_, message) = refusal(|settings| settings["basedn"] = json!(SUFFIX)).await;
    assert!(message.contains("basedn"), "{message}");
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_refused() {
    let (key, _) = refusal(|settings| {
        settings["host"] = json!("ldaps://ldap.example.com");
        settings["start_tls"] = json!(true);
    })
    .await;
    assert_eq!(key, "start_tls");
    let (key, _) = refusal(|settings| settings["require_tls"] = json!(true)).await;
    assert_eq!(key, "require_tls");
    let (key, _) = refusal(|settings| {
        settings["start_tls"] = json!(true);
        settings["no_tls_verify"] = json!(true);
        settings["require_tls"] = json!(true);
    })
    .await;
    assert!(key == "require_tls" || key == "no_tls_verify", "{key}");
}

#[tokio::test]
async fn a_ca_file_that_is_no_certificate_is_refused() {
    let folder = TempDir::new().unwrap();
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    let garbage = folder.path().join("garbage.pem");
    fs::write(&garbage, "-----BEGIN CERTIFICATE-----\nthis is none\n-----END CERTIFICATE-----\n").unwrap();
    let text = folder.path().join("text.pem");
    fs::write(&text, "no PEM at all\n").unwrap();
    for file in [folder.path().join("missing.pem"), empty, garbage, text, folder.path().to_owned()] {
        let (key, message) = refusal(|settings| {
            settings["start_tls"] = json!(true);
            settings["ca_file"] = json!(file);
        })
        .await;
        assert_eq!(key, "ca_file", "{}: {message}", file.display());
        assert!(message.contains(file.to_str().unwrap()), "which file? {message}");
    }
}

#[tokio::test]
async fn a_secret_of_the_wrong_type_is_refused_without_being_shown() {
    let (key, message) = refusal(|settings| settings["bind_password"] = json!(4_711_815)).await;
    assert_eq!(key, "bind_password");
    assert!(!message.contains("4711815"), "{message}");
}

#[tokio::test]
async fn plain_ldap_and_unverified_tls_are_warned_of_when_configured() {
    let directory = Directory::start();
    let mut unverified = directory.settings_over(Transport::Ldaps);
    unverified["no_tls_verify"] = json!(true);
    for settings in [directory.settings(), unverified] {
        let host = Host::with_ldap(&settings).await;
        let warnings = host.log.records().into_iter().filter(|record| record.level == provider_api::LogLevel::Warn);
        assert_eq!(warnings.count(), 1, "{}", host.log.text());
    }
    let host = Host::with_ldap(&directory.settings_over(Transport::Ldaps)).await;
    assert!(!host.log.text().contains("Warn"), "{}", host.log.text());
}
