//! What an administrator is told when the settings are tried: which stage failed, why, and what to do.

use provider_api::{StageOutcome, ValidationReport};
use serde_json::{Value, json};
use tests::directory::{Directory, SUFFIX, ServerCertificate, Transport};
use tests::host::Host;

fn told(report: &ValidationReport) -> Vec<(&str, StageOutcome, Option<&str>)> {
    report.stages.iter().map(|stage| (stage.id.as_str(), stage.outcome, stage.code.as_deref())).collect()
}

#[tokio::test]
async fn good_settings_over_tls_pass_every_stage() {
    let directory = Directory::start();
    for transport in [Transport::StartTls, Transport::Ldaps] {
        let report = Host::with_ldap(&directory.settings_over(transport)).await.validate().await;
        assert!(report.is_valid());
        for (stage, outcome, _) in told(&report) {
            assert_eq!(outcome, StageOutcome::Passed, "{stage}: {report:#?}");
        }
        let stages: Vec<&str> = report.stages.iter().map(|stage| stage.id.as_str()).collect();
        for expected in ["connect", "tls", "service_bind", "base", "users"] {
            assert!(stages.contains(&expected), "{expected} is not among {stages:?}");
        }
    }
}

#[tokio::test]
async fn plain_ldap_and_unverified_tls_are_valid_but_warned_of() {
    let directory = Directory::start();
    let mut unverified = directory.settings_over(Transport::Ldaps);
    unverified["no_tls_verify"] = json!(true);
    for settings in [directory.settings(), unverified] {
        let report = Host::with_ldap(&settings).await.validate().await;
        assert!(report.is_valid(), "{report:#?}");
        let warned: Vec<_> = report.stages.iter().filter(|stage| stage.outcome == StageOutcome::Warned).collect();
        assert_eq!(warned.len(), 1, "{report:#?}");
        assert!(warned[0].advice.is_some(), "what is to be done about it? {report:#?}");
    }
}

#[tokio::test]
async fn a_filter_that_finds_nobody_is_warned_of() {
    let directory = Directory::start();
    let mut settings = directory.settings_over(Transport::Ldaps);
    settings["filter"] = json!("(age=99)");
    let report = Host::with_ldap(&settings).await.validate().await;
    let users = report.stages.iter().find(|stage| stage.id == "users").unwrap();
    assert_eq!(users.outcome, StageOutcome::Warned, "{report:#?}");
    assert!(users.advice.is_some());
}

async fn first_failed(settings: &Value, stage: &str, code: &str) {
    let report = Host::with_ldap(settings).await.validate().await;
    assert!(!report.is_valid());
    let failed = report.first_failed().unwrap();
    assert_eq!((failed.id.as_str(), failed.code.as_deref()), (stage, Some(code)), "{report:#?}");
    assert!(failed.advice.is_some(), "what is to be done about it? {report:#?}");
    let after = report.stages.iter().skip_while(|stage| stage.outcome != StageOutcome::Failed).skip(1);
    for later in after {
        assert_eq!(later.outcome, StageOutcome::Skipped, "{report:#?}");
    }
    assert_eq!(report.stages.last().unwrap().id, "users", "stages that were not reached are told too: {report:#?}");
}

#[tokio::test]
async fn each_fault_fails_its_own_stage_and_the_later_ones_are_skipped() {
    let directory = Directory::start();
    let with = |key: &str, value: Value| {
        let mut settings = directory.settings_over(Transport::Ldaps);
        settings[key] = value;
        settings
    };
    first_failed(&with("ca_file", json!(directory.strange_ca_file())), "tls", "tls_failed").await;
    first_failed(&with("tls_server_name", json!("elsewhere.example.com")), "tls", "tls_failed").await;
    first_failed(&with("bind_password", json!("canary: wrong")), "service_bind", "service_credentials_refused").await;
    first_failed(&with("base_dn", json!(format!("ou=nowhere,{SUFFIX}"))), "base", "base_dn_not_found").await;
    let good = directory.settings_over(Transport::Ldaps);
    directory.kill();
    first_failed(&good, "connect", "connect_failed").await;
}

#[tokio::test]
async fn an_expired_certificate_fails_the_stage_of_tls() {
    let directory = Directory::builder().certificate(ServerCertificate::Expired).start();
    for transport in [Transport::StartTls, Transport::Ldaps] {
        first_failed(&directory.settings_over(transport), "tls", "tls_failed").await;
    }
}

#[tokio::test]
async fn a_validation_binds_nobody_but_the_service_account() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings()).await;
    host.validate().await;
    assert!(!directory.requests().bind_dns.is_empty());
    assert!(directory.requests().bind_dns.iter().all(|dn| dn == tests::directory::READER_DN));
}
