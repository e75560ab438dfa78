//! What is no verdict on the person: the administrator has to act, or the server has to come back.

use provider_api::{Fault, UserCode};
use serde_json::{Value, json};
use tests::directory::{BLIND_DN, BLIND_PASSWORD, Directory, SUFFIX, Transport, password_of};
use tests::host::Host;

async fn fault_of(settings: &Value) -> Fault {
    Host::with_ldap(settings).await.cannot_tell("alice", &password_of("alice")).await
}

fn changed(directory: &Directory, key: &str, value: Value) -> Value {
    let mut settings = directory.settings();
    settings[key] = value;
    settings
}

#[tokio::test]
async fn a_refused_service_account_is_the_administrators_matter() {
    let directory = Directory::start();
    let wrong_password = changed(&directory, "bind_password", json!("canary: wrong"));
    let wrong_dn = changed(&directory, "bind_dn", json!(format!("cn=nobody,{SUFFIX}")));
    for settings in [wrong_password, wrong_dn] {
        let fault = fault_of(&settings).await;
        assert!(matches!(fault, Fault::Misconfigured { .. }), "{fault:?}");
        assert_eq!(fault.code(), "service_credentials_refused", "{fault}");
        assert_eq!(fault.user_code(), UserCode::ASK_ADMINISTRATOR);
    }
    assert_eq!(directory.requests().binds_of(&format!("uid=alice,ou=people,{SUFFIX}")), 0);
}

#[tokio::test]
async fn a_base_that_is_not_there_is_not_an_unknown_user() {
    let directory = Directory::start();
    let fault = fault_of(&changed(&directory, "base_dn", json!(format!("ou=nowhere,{SUFFIX}")))).await;
    assert_eq!(fault.code(), "base_dn_not_found", "{fault}");
}

#[tokio::test]
async fn a_service_account_that_sees_nothing_is_not_an_unknown_user() {
    let directory = Directory::start();
    let mut settings = directory.settings();
    settings["bind_dn"] = json!(BLIND_DN);
    settings["bind_password"] = json!(BLIND_PASSWORD);
    let fault = fault_of(&settings).await;
    assert!(["base_dn_not_found", "no_permission"].contains(&fault.code()), "{fault}");
}

#[tokio::test]
async fn a_server_that_wants_tls_first_says_so() {
    let directory = Directory::builder().demanding_tls().start();
    assert_eq!(fault_of(&directory.settings()).await.code(), "tls_required_by_server");
    for transport in [Transport::StartTls, Transport::Ldaps] {
        Host::with_ldap(&directory.settings_over(transport)).await.accepts("alice", &password_of("alice")).await;
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_unavailable() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings()).await;
    directory.kill();
    let fault = host.cannot_tell("alice", &password_of("alice")).await;
    assert!(matches!(fault, Fault::Unavailable { .. }), "{fault:?}");
    assert_eq!(fault.code(), "connect_failed", "{fault}");
    assert_eq!(fault.user_code(), UserCode::TRY_AGAIN_LATER);
}

#[tokio::test]
async fn tls_spoken_to_a_plain_port_is_a_failure_of_tls() {
    let directory = Directory::start();
    let mut settings = directory.settings_over(Transport::Ldaps);
    settings["port"] = json!(directory.port());
    settings["timeout"] = json!("2s");
    let fault = fault_of(&settings).await;
    assert!(matches!(fault, Fault::Unavailable { .. }), "{fault:?}");
    assert!(["tls_failed", "timeout", "connection_lost"].contains(&fault.code()), "{fault}");
}
