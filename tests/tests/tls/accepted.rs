//! Servers that must be believed. Without them, the others could be refused for a fault of the tests.

use std::sync::Arc;

use tests::tls_server::{Behaviour, OpensslServer, RsaKey, leaf};

use crate::matrix::{Case, NAME, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_good_server_is_believed_whatever_good_certificate_and_version_it_has() {
    let world = World::new().await;
    let ca = &world.ca;
    let ordinary = ca.issue(&leaf(&[NAME]));
    let showing = |name, identity| Case::accepted(name, Behaviour::showing(&identity));
    let below = ca.subordinate("Intermediate", |_| ());
    let far_below = below.subordinate("Intermediate below it", |_| ());
    let unordered = far_below.issue(&leaf(&[NAME]));
    let [server, lower, upper] = unordered.chain.as_slice() else { panic!("a chain of three") };
    let unordered = unordered.showing(vec![server.clone(), upper.clone(), lower.clone()]);
    let rsa = RsaKey::generate(2_048);
    let rsa_certificate = ca.sign(&leaf(&[NAME]), &rsa);
    let openssl = |arguments: &[&str]| {
        Behaviour::Openssl(Arc::new(OpensslServer::showing_rsa(&rsa, &rsa_certificate, arguments)))
    };
    let cases = vec![
        showing("one name", ordinary.clone()),
        showing("the name in capitals", ca.issue(&leaf(&["LDAP.Corp.Test"]))),
        showing("several names", ca.issue(&leaf(&["a.test", NAME, "127.0.0.2"]))),
        showing("a wildcard", ca.issue(&leaf(&["*.corp.test"]))),
        showing("an intermediate", below.issue(&leaf(&[NAME]))),
        showing("two intermediates", far_below.issue(&leaf(&[NAME]))),
        showing("two intermediates in the wrong order", unordered),
        showing("the root shown as well", ordinary.showing(vec![ordinary.chain[0].clone(), ca.certificate().clone()])),
        showing("the address, asked for by address", ca.issue(&leaf(&["127.0.0.1"]))).asked_for_the_address(),
        Case::accepted("TLS 1.3 alone", Behaviour::speaking(&[&rustls::version::TLS13], &ordinary)),
        Case::accepted("TLS 1.2 alone", Behaviour::speaking(&[&rustls::version::TLS12], &ordinary)),
        Case::accepted("OpenSSL with RSA of 2,048 bits", openssl(&[])),
        Case::accepted("OpenSSL with RSA and TLS 1.2", openssl(&["-tls1_2"])),
        Case::accepted(
            "OpenSSL with an elliptic curve",
            Behaviour::Openssl(Arc::new(OpensslServer::showing(&ordinary, &[]))),
        ),
    ];
    world.check(cases).await;
}
