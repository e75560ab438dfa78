//! Versions, ciphers and signatures of TLS that are too weak, spoken by OpenSSL; and answers that choose what was not
//! offered, which only a liar gives.

use std::sync::Arc;

use tests::tls_server::{Behaviour, OpensslServer, RsaKey, Then, TlsServer, Way, handshake_of_a_lax_client, leaf};
use tokio::task::JoinSet;

use crate::matrix::{Case, NAME, World};

/// What OpenSSL is told to speak, alone, and what it then says that it speaks.
const WEAK: &[(&str, &[&str], &str)] = &[
    ("TLS 1.0", &["-tls1", "-cipher", "ALL:@SECLEVEL=0"], "version: TLSv1\n"),
    ("TLS 1.1", &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], "version: TLSv1.1\n"),
    ("anonymous Diffie-Hellman", &["-tls1_2", "-cipher", "ADH:@SECLEVEL=0"], "Ciphersuite: ADH-"),
    ("anonymous, on elliptic curves", &["-tls1_2", "-cipher", "AECDH:@SECLEVEL=0"], "Ciphersuite: AECDH-"),
    ("no encryption", &["-tls1_2", "-cipher", "NULL-SHA256:@SECLEVEL=0"], "Ciphersuite: NULL-SHA256"),
    (
        "no encryption, but forward secrecy",
        &["-tls1_2", "-cipher", "ECDHE-RSA-NULL-SHA:@SECLEVEL=0"],
        "Ciphersuite: ECDHE-RSA-NULL-SHA",
    ),
    ("no forward secrecy", &["-tls1_2", "-cipher", "AES256-GCM-SHA384"], "Ciphersuite: AES256-GCM-SHA384"),
    ("no forward secrecy and CBC", &["-tls1_2", "-cipher", "AES128-SHA"], "Ciphersuite: AES128-SHA"),
    ("CBC", &["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA"], "Ciphersuite: ECDHE-RSA-AES128-SHA"),
    ("CBC with SHA-2", &["-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA384"], "Ciphersuite: ECDHE-RSA-AES256-SHA384"),
    (
        "Diffie-Hellman without elliptic curves",
        &["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0"],
        "Ciphersuite: DHE-RSA-AES128-GCM-SHA256",
    ),
    ("a handshake signed with SHA-1", &["-tls1_2", "-sigalgs", "RSA+SHA1", "-cipher", "ALL:@SECLEVEL=0"], "SHA1"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_speaks_nothing_but_what_is_too_weak_is_refused() {
    let world = World::new().await;
    let key = RsaKey::generate(2_048);
    let certificate = world.ca.sign(&leaf(&[NAME]), &key);
    let (mut cases, mut lax_clients) = (Vec::new(), JoinSet::new());
    for &(name, arguments, speaks) in WEAK {
        let behaviour = Behaviour::Openssl(Arc::new(OpensslServer::showing_rsa(&key, &certificate, arguments)));
        cases.push(Case::refused(name, behaviour.clone(), "handshake"));
        for way in Way::BOTH {
            let server = TlsServer::start(way, behaviour.clone(), &world.directory).await;
            lax_clients.spawn(comes_through(name, way, server, speaks));
        }
    }
    lax_clients.join_all().await;
    world.check(cases).await;
}

/// The server does what it is told to: a client that takes anything comes through. What is refused after this is not
/// a server that does not work.
async fn comes_through(name: &str, way: Way, server: TlsServer, speaks: &str) {
    let spoken = handshake_of_a_lax_client(way, server.port()).await;
    let said = spoken.unwrap_or_else(|said| panic!("{name} by {way:?}: the server does not do it: {said}"));
    assert!(said.contains(speaks), "{name} by {way:?}: {said}");
    server.finish().await;
}

/// A cipher suite that is good enough, as TLS numbers it.
const ECDHE_ECDSA_AES_128_GCM: [u8; 2] = [0xc0, 0x2b];

/// A `ServerHello` in a record of its own: its version, the last octets of its random number, the cipher suite.
fn server_hello(version: [u8; 2], random_end: [u8; 8], cipher: [u8; 2]) -> Behaviour {
    let mut body = [&version[..], &[7; 24], &random_end, &[0], &cipher, &[0]].concat();
    let length = u8::try_from(body.len()).unwrap();
    body.splice(0..0, [2, 0, 0, length]);
    let record = [&[22][..], &version, &[0, length + 4], &body].concat();
    Behaviour::Octets(record, Then::Wait)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_chooses_what_was_not_offered_is_refused() {
    let world = World::new().await;
    let plain = [7; 8];
    // RFC 8446 section 4.1.3: a server that could do better says so in its random number, which is signed.
    let downgraded = *b"DOWNGRD\x01";
    let cases = vec![
        Case::refused("SSL 3.0", server_hello([3, 0], plain, [0, 0x0a]), "handshake"),
        Case::refused("TLS 1.0 chosen", server_hello([3, 1], plain, ECDHE_ECDSA_AES_128_GCM), "handshake"),
        Case::refused("TLS 1.1 chosen", server_hello([3, 2], plain, ECDHE_ECDSA_AES_128_GCM), "handshake"),
        Case::refused("a version to come", server_hello([3, 9], plain, ECDHE_ECDSA_AES_128_GCM), "handshake"),
        Case::refused("no encryption chosen", server_hello([3, 3], plain, [0, 2]), "handshake"),
        Case::refused("no cipher chosen", server_hello([3, 3], plain, [0, 0]), "handshake"),
        Case::refused("RC4 chosen", server_hello([3, 3], plain, [0, 5]), "handshake"),
        Case::refused("3DES chosen", server_hello([3, 3], plain, [0, 0x0a]), "handshake"),
        Case::refused("export cipher chosen", server_hello([3, 3], plain, [0, 3]), "handshake"),
        Case::refused("a downgrade in sight", server_hello([3, 3], downgraded, ECDHE_ECDSA_AES_128_GCM), "handshake"),
    ];
    world.check(cases).await;
}
