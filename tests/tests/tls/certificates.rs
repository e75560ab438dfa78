//! Certificates that must not be believed, whatever names they are for.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    NameConstraints, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use tests::tls_server::{Authority, Behaviour, Identity, OpensslAuthority, OpensslServer, RsaKey, leaf};

use crate::matrix::{Case, NAME, World};

/// Words by which webpki says that somebody signed who is no CA.
const NO_CA: &str = "end entity used as CA";

fn changed(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = leaf(&[NAME]);
    change(&mut params);
    params
}

fn over(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2001, 1, 1);
}

fn to_come(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(4000, 1, 1);
}

fn meant_for(purpose: ExtendedKeyUsagePurpose) -> CertificateParams {
    changed(|params| params.extended_key_usages = vec![purpose])
}

/// An extension of nobody's, which whoever does not know it has to refuse (RFC 5280 section 4.2).
fn unknown_critical(params: &mut CertificateParams) {
    let mut unknown = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 55_555], vec![5, 0]);
    unknown.set_criticality(true);
    params.custom_extensions = vec![unknown];
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_in_its_time_or_not_for_this_use_is_refused() {
    let world = World::new().await;
    let ca = &world.ca;
    let marked_as_ca = changed(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let cases = vec![
        Case::showing("expired", &ca.issue(&changed(over)), "expired"),
        Case::showing("not yet valid", &ca.issue(&changed(to_come)), "not valid yet"),
        Case::showing("meant for clients", &ca.issue(&meant_for(ExtendedKeyUsagePurpose::ClientAuth)), "usage"),
        Case::showing("meant for mail", &ca.issue(&meant_for(ExtendedKeyUsagePurpose::EmailProtection)), "usage"),
        Case::showing("meant for code", &ca.issue(&meant_for(ExtendedKeyUsagePurpose::CodeSigning)), "usage"),
        Case::showing("unknown critical extension", &ca.issue(&changed(unknown_critical)), "critical"),
        Case::showing("a CA's certificate as a server's", &ca.issue(&marked_as_ca), "CA used as end entity"),
        Case::showing("the CA itself, without the name", &ca.as_server(), NAME),
    ];
    world.check(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_trusted_vouches_for_is_refused() {
    let world = World::new().await;
    let ca = &world.ca;
    let ordinary = leaf(&[NAME]);
    let marked_as_ca = changed(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let stranger = Authority::new("CA of others");
    let namesake = Authority::new("CA of the tests");
    let with_its_root = stranger.issue(&ordinary);
    let with_its_root = with_its_root.showing(vec![with_its_root.chain[0].clone(), stranger.certificate().clone()]);
    let with_our_root = stranger.issue(&ordinary);
    let with_our_root = with_our_root.showing(vec![with_our_root.chain[0].clone(), ca.certificate().clone()]);
    let cases = vec![
        Case::showing("self-signed", &Identity::self_signed(&ordinary), "unknown issuer"),
        Case::showing("self-signed, marked as a CA's", &Identity::self_signed(&marked_as_ca), "CA used as end entity"),
        Case::showing("another CA", &stranger.issue(&ordinary), "unknown issuer"),
        Case::showing("another CA, which is shown as well", &with_its_root, "unknown issuer"),
        Case::showing("another CA, ours shown beside it", &with_our_root, "unknown issuer"),
        Case::showing("another CA of the same name", &namesake.issue(&ordinary), "signature"),
    ];
    world.check(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_with_a_fault_anywhere_is_refused() {
    let world = World::new().await;
    let ca = &world.ca;
    let ordinary = leaf(&[NAME]);
    let below = |change: fn(&mut CertificateParams)| ca.subordinate("Intermediate", change).issue(&ordinary);
    let missing = below(|_| ());
    let missing = missing.showing(missing.chain[..1].to_vec());
    let too_long = ca
        .subordinate("One below and no more", |params| {
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        })
        .subordinate("One too many", |_| ())
        .issue(&ordinary);
    let by_a_server = ca.subordinate("Server that signs", |params| *params = leaf(&["other.corp.test"]));
    let mixed_up = Authority::new("CA of others").subordinate("Intermediate", |_| ()).issue(&ordinary);
    let mixed_up = mixed_up.showing(vec![mixed_up.chain[0].clone(), below(|_| ()).chain[1].clone()]);
    let cases = vec![
        Case::showing("the intermediate is missing", &missing, "unknown issuer"),
        Case::showing("the intermediate is another of the same name", &mixed_up, "signature"),
        Case::showing("the intermediate says it is no CA", &below(|params| params.is_ca = IsCa::ExplicitNoCa), NO_CA),
        Case::showing("the intermediate does not say it is a CA", &below(|params| params.is_ca = IsCa::NoCa), NO_CA),
        Case::showing("a server's certificate as intermediate", &by_a_server.issue(&ordinary), NO_CA),
        Case::showing("the intermediate has expired", &below(over), "expired"),
        Case::showing("the intermediate is not valid yet", &below(to_come), "not valid yet"),
        Case::showing("the intermediate has an unknown critical extension", &below(unknown_critical), "critical"),
        Case::showing(
            "the intermediate is meant for clients",
            &below(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
            "usage",
        ),
        Case::showing("one intermediate too many", &too_long, "path"),
        Case::showing(
            "the intermediate is for other names",
            &below(|params| {
                params.name_constraints = Some(NameConstraints {
                    permitted_subtrees: vec![GeneralSubtree::DnsName("other.test".to_owned())],
                    excluded_subtrees: vec![],
                });
            }),
            "name constraint",
        ),
        Case::showing(
            "the intermediate is for all names but this",
            &below(|params| {
                params.name_constraints = Some(NameConstraints {
                    permitted_subtrees: vec![],
                    excluded_subtrees: vec![GeneralSubtree::DnsName("corp.test".to_owned())],
                });
            }),
            "name constraint",
        ),
    ];
    world.check(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_damaged_or_weak_or_of_another_key_is_refused() {
    let world = World::new().await;
    let ca = &world.ca;
    let good = ca.issue(&leaf(&[NAME]));
    let der = good.chain[0].to_vec();
    let showing = |der: Vec<u8>| good.showing(vec![CertificateDer::from(der)]);
    let of_another_key = good.showing(ca.issue(&leaf(&[NAME])).chain);
    let by_tls_1_2 = |identity: &Identity| Behaviour::speaking(&[&rustls::version::TLS12], identity);
    let mut corrupted = der.clone();
    *corrupted.last_mut().unwrap() ^= 1;
    let name_at = der.windows(NAME.len()).position(|part| part == NAME.as_bytes()).unwrap();
    let mut renamed = der.clone();
    renamed[name_at] ^= 1;
    let truncated = der[..der.len() / 2].to_vec();
    let prolonged = [&*der, b"\x05\x00"].concat();
    let (rsa_2048, rsa_1024) = (OpensslAuthority::below(ca, 2_048), OpensslAuthority::below(ca, 1_024));
    let extensions = format!("subjectAltName=DNS:{NAME}\nbasicConstraints=CA:FALSE\n");
    let with_name = Some(extensions.as_str());
    let cases = vec![
        Case::showing("the signature is corrupted", &showing(corrupted), "signature"),
        Case::showing("a name was changed after signing", &showing(renamed), "signature"),
        Case::showing("no certificate at all, but text", &showing(b"no certificate".to_vec()), "cannot be read"),
        Case::showing("half a certificate", &showing(truncated), "cannot be read"),
        Case::showing("a certificate and more", &showing(prolonged), "certificate"),
        Case::showing("an empty certificate", &showing(Vec::new()), "certificate"),
        Case::showing("an empty list of certificates", &good.showing(Vec::new()), "none"),
        Case::showing("a certificate of another key", &of_another_key, "signature"),
        Case::refused("an empty list, by TLS 1.2", by_tls_1_2(&good.showing(Vec::new())), "none"),
        Case::refused("a certificate of another key, by TLS 1.2", by_tls_1_2(&of_another_key), "signature"),
        Case::showing("signed with SHA-1", &OpensslAuthority::same_as(ca).issue("sha1", with_name), "signature"),
        Case::showing("signed with SHA-1 and RSA", &rsa_2048.issue("sha1", with_name), "signature"),
        Case::showing("signed with MD5", &rsa_2048.issue("md5", with_name), "signature"),
        Case::showing("signed with RSA of 1,024 bits", &rsa_1024.issue("sha256", with_name), "signature"),
        Case::showing("of the first version of X.509", &rsa_2048.issue("sha256", None), "version"),
        with_rsa_1024(ca),
        Case::accepted("signed with SHA-256 and RSA", Behaviour::showing(&rsa_2048.issue("sha256", with_name))),
    ];
    world.check(cases).await;
}

/// A server with an RSA key of 1,024 bits.
fn with_rsa_1024(ca: &Authority) -> Case {
    let key = RsaKey::generate(1_024);
    let certificate = ca.sign(&leaf(&[NAME]), &key);
    let server = OpensslServer::showing_rsa(&key, &certificate, &["-cipher", "ALL:@SECLEVEL=0"]);
    Case::refused("RSA with 1,024 bits", Behaviour::Openssl(Arc::new(server)), "signature")
}
