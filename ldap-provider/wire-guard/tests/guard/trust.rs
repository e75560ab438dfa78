use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;
use wire_guard::trust::{CaFileError, CertificateRefusal};
use wire_guard::{Connection, Host, SecureError, Security, Trust};

use crate::authority::{Authority, Identity, Period, self_signed, unusable, write};
use crate::{ample, connect, request};

async fn ldaps(address: SocketAddr, trust: Trust, name: &str) -> Result<Connection, SecureError> {
    let server_name = Host::parse(name).unwrap().server_name();
    connect(address, &Security::Ldaps { trust, server_name }, ample()).await
}

fn trusting(file: &Path) -> Trust {
    Trust::verified(Some(file)).unwrap()
}

async fn refusal(identity: &Identity, trust: Trust, name: &str) -> CertificateRefusal {
    match ldaps(identity.serve().await, trust, name).await {
        Err(SecureError::Certificate(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

async fn assert_binds(mut connection: Connection) {
    let response = connection.bind(request(), ample()).await.unwrap();
    assert!(response.is_success());
}

#[tokio::test]
async fn a_certificate_of_a_trusted_ca_is_accepted_by_name_and_by_address() {
    let ca = Authority::new();
    let address = ca.issue(&["ldap.test", "127.0.0.1", "::1"], &Period::Now).serve().await;
    for name in ["ldap.test", "LDAP.test", "127.0.0.1", "::1"] {
        let connection = ldaps(address, trusting(&ca.file()), name).await.unwrap();
        assert!(connection.protection().unwrap().starts_with("TLSv1_3"));
        assert_binds(connection).await;
    }
}

#[tokio::test]
async fn tls_1_2_is_still_spoken() {
    let ca = Authority::new();
    let address = ca.issue(&["ldap.test"], &Period::Now).serve_version(&rustls::version::TLS12).await;
    let connection = ldaps(address, trusting(&ca.file()), "ldap.test").await.unwrap();
    assert!(connection.protection().unwrap().starts_with("TLSv1_2"));
}

#[tokio::test]
async fn each_bad_certificate_is_refused_for_its_own_reason() {
    let ca = Authority::new();
    let other = Authority::named("Another CA");
    let namesake = Authority::new();
    let trust = || trusting(&ca.file());
    let names = &["ldap.test"];

    let unknown = refusal(&other.issue(names, &Period::Now), trust(), "ldap.test").await;
    assert_eq!(unknown, CertificateRefusal::UnknownIssuer);

    let forged = refusal(&namesake.issue(names, &Period::Now), trust(), "ldap.test").await;
    assert_eq!(forged, CertificateRefusal::BadSignature);

    let expired = refusal(&ca.issue(names, &Period::Over), trust(), "ldap.test").await;
    assert!(matches!(expired, CertificateRefusal::Expired { days: Some(365..) }), "{expired}");

    let early = refusal(&ca.issue(names, &Period::ToCome), trust(), "ldap.test").await;
    assert_eq!(early, CertificateRefusal::NotYetValid);

    let clients = refusal(&ca.issue_for_clients(names), trust(), "ldap.test").await;
    assert_eq!(clients, CertificateRefusal::WrongPurpose);

    for (wrong, names) in [
        ("other.test", vec!["ldap.test"]),
        ("127.0.0.1", vec!["ldap.test"]),
        ("127.0.0.1", vec!["127.0.0.2"]),
        ("a.b.test", vec!["*.test"]),
        ("test", vec!["*.test"]),
    ] {
        match refusal(&ca.issue(&names, &Period::Now), trust(), wrong).await {
            CertificateRefusal::NameMismatch { expected, presented } => {
                assert_eq!((expected.as_str(), presented), (wrong, names.iter().map(ToString::to_string).collect()));
            }
            refusal => panic!("{wrong}: {refusal}"),
        }
    }
}

#[tokio::test]
async fn the_servers_own_certificate_is_trusted_when_the_file_holds_exactly_it() {
    let folder = TempDir::new().unwrap();
    let identity = self_signed(&["ldap.test"], &Period::Now);
    let file = write(&folder, &identity.pem);
    assert_binds(ldaps(identity.serve().await, trusting(&file), "ldap.test").await.unwrap()).await;

    let wrong_name = refusal(&identity, trusting(&file), "other.test").await;
    assert!(matches!(wrong_name, CertificateRefusal::NameMismatch { .. }), "{wrong_name}");

    let same_name = refusal(&self_signed(&["ldap.test"], &Period::Now), trusting(&file), "ldap.test").await;
    assert!(matches!(same_name, CertificateRefusal::CaUsedAsServer | CertificateRefusal::UnknownIssuer), "{same_name}");
}

#[tokio::test]
async fn the_servers_own_certificate_is_not_trusted_outside_of_its_time() {
    let folder = TempDir::new().unwrap();
    for (period, expired) in [(Period::Over, true), (Period::ToCome, false)] {
        let identity = self_signed(&["ldap.test"], &period);
        let file = write(&folder, &identity.pem);
        let refusal = refusal(&identity, trusting(&file), "ldap.test").await;
        assert_eq!(matches!(refusal, CertificateRefusal::Expired { .. }), expired, "{refusal}");
        assert_eq!(matches!(refusal, CertificateRefusal::NotYetValid), !expired, "{refusal}");
    }
}

#[tokio::test]
async fn a_self_signed_certificate_that_nobody_named_is_refused() {
    let ca = Authority::new();
    let refusal = refusal(&self_signed(&["ldap.test"], &Period::Now), trusting(&ca.file()), "ldap.test").await;
    assert!(matches!(refusal, CertificateRefusal::CaUsedAsServer | CertificateRefusal::UnknownIssuer), "{refusal}");
}

#[tokio::test]
async fn without_verification_any_certificate_will_do_and_for_that_instance_alone() {
    let ca = Authority::new();
    let bad = [
        Authority::new().issue(&["ldap.test"], &Period::Now),
        ca.issue(&["other.test"], &Period::Now),
        ca.issue(&["ldap.test"], &Period::Over),
        self_signed(&["ldap.test"], &Period::Over),
    ];
    for identity in &bad {
        let address = identity.serve().await;
        let (careless, careful) = tokio::join!(
            ldaps(address, Trust::anything(), "ldap.test"),
            ldaps(address, trusting(&ca.file()), "ldap.test"),
        );
        assert_binds(careless.unwrap()).await;
        assert!(matches!(careful, Err(SecureError::Certificate(_))), "{careful:?}");
    }
}

#[test]
fn a_ca_file_that_cannot_be_used_is_refused_when_it_is_read() {
    let folder = TempDir::new().unwrap();
    for content in [
        "",
        "no PEM",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n",
    ] {
        let file = write(&folder, content);
        assert!(Trust::verified(Some(&file)).is_err(), "{content:?}");
    }
    assert!(matches!(Trust::verified(Some(&folder.path().join("missing"))), Err(CaFileError::Unreadable { .. })));
    assert!(matches!(Trust::verified(Some(folder.path())), Err(CaFileError::Unreadable { .. })));
}

#[test]
fn a_certificate_that_no_connection_could_use_is_refused_with_the_parsers_reason() {
    let (folder, good) = (TempDir::new().unwrap(), self_signed(&["ldap.test"], &Period::Now).pem);
    for bad in unusable() {
        let file = write(&folder, &[good.as_str(), &bad].concat());
        match Trust::verified(Some(&file)) {
            Err(CaFileError::Unusable { number: 2, reason, .. }) => assert!(!reason.is_empty()),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_servers_own_certificate_vouches_for_no_other_name() {
    let folder = TempDir::new().unwrap();
    let own = Authority::new().issue(&["a.test"], &Period::Now);
    let file = write(&folder, &own.pem);
    assert_binds(ldaps(own.serve().await, trusting(&file), "a.test").await.unwrap()).await;

    let forged = refusal(&own.abused_to_sign(&["b.test"]), trusting(&file), "b.test").await;
    assert_eq!(forged, CertificateRefusal::UnknownIssuer);
}

#[tokio::test]
async fn a_name_that_stands_in_the_common_name_alone_is_explained() {
    let ca = Authority::new();
    let refusal = refusal(&ca.issue_by_common_name("ldap.test"), trusting(&ca.file()), "ldap.test").await;
    assert!(matches!(refusal, CertificateRefusal::NameMismatch { .. }), "{refusal:?}");
    assert!(refusal.to_string().contains("no subject alternative name"), "{refusal}");
}

#[test]
fn a_ca_file_may_hold_several_certificates_and_other_text() {
    let (a, b) = (Authority::new(), Authority::new());
    let folder = TempDir::new().unwrap();
    let both = [
        "subject=CN = a\n",
        &std::fs::read_to_string(a.file()).unwrap(),
        "\n# b\n",
        &std::fs::read_to_string(b.file()).unwrap(),
    ];
    assert!(Trust::verified(Some(&write(&folder, &both.concat()))).is_ok());
}
