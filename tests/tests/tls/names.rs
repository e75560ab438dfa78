//! Certificates of the right CA for the wrong names. RFC 4513 section 3.1.3 and RFC 6125 section 6.4 say which is right.

use rcgen::{CertificateParams, CustomExtension, SanType};
use tests::tls_server::{leaf, named};

use crate::matrix::{Case, NAME, World};

const MISMATCH: &str = "is not valid for the name";

/// A certificate for one `dNSName`, as it stands here.
fn dns(name: &str) -> CertificateParams {
    let mut params = named("server of the tests");
    params.subject_alt_names = vec![SanType::DnsName(name.try_into().expect("ASCII"))];
    params
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_name_is_refused() {
    let world = World::new().await;
    let case = |name, params: &CertificateParams| Case::showing(name, &world.ca.issue(params), MISMATCH);
    let mut no_names = named(NAME);
    // `SubjectAltName ::= GeneralNames`, with none in it.
    no_names.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 17], vec![0x30, 0])];
    let mut mail = named("server of the tests");
    mail.subject_alt_names = vec![SanType::Rfc822Name(NAME.try_into().unwrap())];
    let mut uri = named("server of the tests");
    uri.subject_alt_names = vec![SanType::URI(format!("ldap://{NAME}").try_into().unwrap())];
    let cases = vec![
        case("another name", &dns("mail.corp.test")),
        case("another name, the right one as common name", &{
            let mut params = named(NAME);
            params.subject_alt_names = vec![SanType::DnsName("mail.corp.test".try_into().unwrap())];
            params
        }),
        case("a common name alone", &named(NAME)),
        case("an empty list of names", &no_names),
        case("the name as a mail address", &mail),
        case("the name in a URI", &uri),
        case("a longer name that begins with this", &dns("ldap.corp.test.evil.test")),
        case("a longer name that ends with this", &dns("evil-ldap.corp.test")),
        case("a name below this", &dns("a.ldap.corp.test")),
        case("the name above", &dns("corp.test")),
        case("this name, then NUL and another", &dns("ldap.corp.test\0.evil.test")),
        case("another, then NUL and this name", &dns("evil.test\0ldap.corp.test")),
    ];
    world.check(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wildcard_stands_for_one_whole_leftmost_label_and_nothing_else() {
    let world = World::new().await;
    let case = |name, pattern: &str| Case::showing(name, &world.ca.issue(&dns(pattern)), MISMATCH);
    let cases = vec![
        case("a wildcard over two labels", "*.test"),
        case("two wildcards", "*.*.test"),
        case("a wildcard in the middle", "ldap.*.test"),
        case("a wildcard at the end", "ldap.corp.*"),
        case("a wildcard after some letters", "ld*.corp.test"),
        case("a wildcard before some letters", "*ap.corp.test"),
        case("a wildcard among letters", "l*p.corp.test"),
        case("a wildcard below the name", "*.ldap.corp.test"),
        case("a wildcard and a dot", "*."),
        case("a wildcard alone", "*"),
        case("a wildcard alone, for a name of one label", "*").asked_for("ldap"),
        case("a wildcard for the name that it is below", "*.corp.test").asked_for("corp.test"),
        case("part of a label of one", "lo*").asked_for("localhost"),
    ];
    world.check(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_looked_for_among_addresses_alone() {
    let world = World::new().await;
    let case = |name, params: &CertificateParams| {
        Case::showing(name, &world.ca.issue(params), MISMATCH).asked_for_the_address()
    };
    let cases = vec![
        case("the name of the host, asked for by address", &leaf(&["localhost"])),
        case("another address", &leaf(&["127.0.0.2"])),
        case("the address mapped into IPv6", &leaf(&["::ffff:127.0.0.1"])),
        case("the address as a name", &dns("127.0.0.1")),
        case("a wildcard for the address", &dns("*.0.0.1")),
        case("the address as common name", &named("127.0.0.1")),
    ];
    world.check(cases).await;
}
