//! Whose certificate is believed. A refused one is "cannot tell", and nothing secret has been sent by then.

use provider_api::Fault;
use serde_json::{Value, json};
use tests::directory::{Directory, ServerCertificate, Transport, password_of};
use tests::host::Host;

const OVER_TLS: [Transport; 2] = [Transport::StartTls, Transport::Ldaps];

async fn refused(directory: &Directory, settings: &Value) -> Fault {
    let host = Host::with_ldap(settings).await;
    let fault = host.cannot_tell("alice", &password_of("alice")).await;
    assert!(matches!(fault, Fault::Unavailable { .. }), "{fault:?}");
    assert_eq!(fault.code(), "tls_failed", "{fault}");
    assert_eq!(
        directory.requests().bind_dns,
        Vec::<String>::new(),
        "a password was sent to a server that is not trusted"
    );
    fault
}

async fn accepted(settings: &Value) {
    Host::with_ldap(settings).await.accepts("alice", &password_of("alice")).await;
}

fn unverified(mut settings: Value) -> Value {
    settings["no_tls_verify"] = json!(true);
    settings
}

#[tokio::test]
async fn a_certificate_of_another_ca_is_refused_unless_verification_is_off() {
    let directory = Directory::start();
    for transport in OVER_TLS {
        let directory_settings = directory.settings_over(transport);
        let mut settings = directory_settings.clone();
        settings["ca_file"] = json!(directory.strange_ca_file());
        refused(&directory, &settings).await;
        settings.as_object_mut().unwrap().remove("ca_file");
        refused(&directory, &settings).await;
    }
    for transport in OVER_TLS {
        let mut settings = unverified(directory.settings_over(transport));
        settings.as_object_mut().unwrap().remove("ca_file");
        accepted(&settings).await;
    }
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused_unless_verification_is_off() {
    let directory = Directory::builder().certificate(ServerCertificate::WrongHost).start();
    for transport in OVER_TLS {
        let fault = refused(&directory, &directory.settings_over(transport)).await;
        assert!(fault.message().contains(directory.host()), "which name was looked for? {fault}");
    }
    for transport in OVER_TLS {
        accepted(&unverified(directory.settings_over(transport))).await;
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused_unless_verification_is_off() {
    let directory = Directory::builder().certificate(ServerCertificate::Expired).start();
    for transport in OVER_TLS {
        let fault = refused(&directory, &directory.settings_over(transport)).await;
        assert!(fault.message().to_lowercase().contains("expired"), "what is wrong with it? {fault}");
    }
    for transport in OVER_TLS {
        accepted(&unverified(directory.settings_over(transport))).await;
    }
}

#[tokio::test]
async fn verification_is_off_for_the_one_instance_that_says_so() {
    let directory = Directory::builder().certificate(ServerCertificate::Expired).start();
    let settings = directory.settings_over(Transport::Ldaps);
    let careless = Host::with_ldap(&unverified(settings.clone())).await;
    refused(&directory, &settings).await;
    careless.accepts("alice", &password_of("alice")).await;
}

#[tokio::test]
async fn the_certificate_may_be_for_another_name_when_the_settings_give_that_name() {
    let directory = Directory::builder().certificate(ServerCertificate::WrongHost).start();
    for transport in OVER_TLS {
        let mut settings = directory.settings_over(transport);
        settings["tls_server_name"] = json!("elsewhere.example.com");
        accepted(&settings).await;
    }
}

#[tokio::test]
async fn a_host_given_by_name_is_checked_by_name() {
    let directory = Directory::start();
    let mut settings = directory.settings_over(Transport::Ldaps);
    settings["host"] = json!("ldaps://localhost");
    accepted(&settings).await;
    settings["host"] = json!("localhost");
    settings["port"] = json!(directory.port());
    settings["start_tls"] = json!(true);
    accepted(&settings).await;
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_when_it_is_the_ca_file() {
    let directory = Directory::builder().certificate(ServerCertificate::SelfSigned).start();
    for transport in OVER_TLS {
        refused(&directory, &directory.settings_over(transport)).await;
    }
    for transport in OVER_TLS {
        let mut settings = directory.settings_over(transport);
        settings["ca_file"] = json!(directory.certificate_file());
        accepted(&settings).await;
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_for_its_own_names_alone() {
    let directory = Directory::builder().certificate(ServerCertificate::SelfSigned).start();
    let mut settings = directory.settings_over(Transport::Ldaps);
    settings["ca_file"] = json!(directory.certificate_file());
    settings["tls_server_name"] = json!("elsewhere.example.com");
    refused(&directory, &settings).await;
}
