//! Whoever listens where TLS is expected and speaks something else, or nothing, or goes.

use tests::tls_server::{Behaviour, Then, leaf};

use crate::matrix::{Case, NAME, World};

fn says(octets: &[u8], then: Then) -> Behaviour {
    Behaviour::Octets(octets.to_vec(), then)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_speak_tls_is_refused() {
    let world = World::new().await;
    let notice = b"\x30\x24\x02\x01\x00\x78\x1f\x0a\x01\x02\x04\x00\x04\x00\x8a\x161.3.6.1.4.1.1466.20036";
    let bind_response = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00";
    let http = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    // A `SERVER-HELLO` that resumes a session: no certificate, no ciphers, 16 octets of a connection id.
    let ssl_2_hello = [&b"\x80\x1b\x04\x01\x00\x00\x02\x00\x00\x00\x00\x00\x10"[..], &[7; 16]].concat();
    let alert = b"\x15\x03\x03\x00\x02\x02\x28";
    let closing = b"\x15\x03\x03\x00\x02\x01\x00";
    let unknown_type = [&b"\x63\x03\x03\x00\x10"[..], &[0; 16]].concat();
    let application_data = [&b"\x17\x03\x03\x00\x20"[..], &[7; 32]].concat();
    let cases = vec![
        Case::refused("plain LDAP: a notice of disconnection", says(notice, Then::Close), "handshake"),
        Case::refused("plain LDAP: a bind that succeeds", says(bind_response, Then::Wait), "handshake"),
        Case::refused("SSL 2.0", says(&ssl_2_hello, Then::Wait), "handshake"),
        Case::refused("HTTP", says(http, Then::Close), "handshake"),
        Case::refused("SSH", says(b"SSH-2.0-OpenSSH_9.9\r\n", Then::Wait), "handshake"),
        Case::refused("an alert at once", says(alert, Then::Close), "handshake"),
        Case::refused("a closing alert at once", says(closing, Then::Close), "handshake"),
        Case::refused("application data at once", says(&application_data, Then::Wait), "handshake"),
        Case::refused("a record of no known type", says(&unknown_type, Then::Wait), "handshake"),
        Case::refused("a record that is too long", says(b"\x16\x03\x03\xff\xff\x02", Then::Wait), "handshake"),
        Case::refused("half a record, then the end", says(b"\x16\x03\x03\x00\x50\x02", Then::Close), "handshake"),
        Case::refused("the end at once", says(b"", Then::Close), "handshake"),
        Case::refused("a reset at once", says(b"", Then::Reset), "handshake"),
        Case::refused("a thousand zeros", says(&[0; 1_000], Then::Wait), "handshake"),
    ];
    world.check(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_after_the_handshake_is_a_connection_that_was_lost() {
    let world = World::new().await;
    let behaviour = Behaviour::closing_after_the_handshake(&world.ca.issue(&leaf(&[NAME])));
    // Not `tls_failed`: this server is believed, and has gone before it was asked anything.
    let cases = vec![Case::refused("closes after the handshake", behaviour, "").with_code("connection_lost")];
    world.check(cases).await;
}
