//! The proof that a password in the clear would be noticed wherever the server meant to speak TLS, or to say nothing:
//! clients that send one there.

use std::net::Ipv4Addr;
use std::sync::Arc;

use tests::hostile::directory::{ALICE, SERVICE_DN, SERVICE_PASSWORD};
use tests::hostile::script::{Act, Script, Step};
use tests::hostile::server::HostileServer;
use tests::hostile::transport::{Certificates, Transport};
use tests::hostile::wire::ber::{element, number};
use tests::hostile::wire::{START_TLS, answer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A record of a handshake that says nothing.
const HANDSHAKE: &[u8] = &[0x16, 3, 1, 0, 4, 1, 0, 0, 0];

/// What a client sends, each part when the server has answered the one before.
type Parts = Vec<Vec<u8>>;

pub(crate) async fn is_noticed(certificates: Arc<Certificates>) -> Result<(), String> {
    let bind = bind(SERVICE_DN, SERVICE_PASSWORD);
    let half = bind[..bind.len() - 3].to_vec();
    let user = self::bind(&ALICE.dn(), ALICE.password);
    let request = answer::message(1, 0x77, &element(0x80, START_TLS), None);
    let after = |octets: &[u8]| [HANDSHAKE, octets].concat();
    let (frozen, silent) = (Script::at(Step::Connect, freeze), Script::at(Step::Connect, |_| vec![Act::Silence]));
    let then_frozen = Script::at(Step::StartTls, |asked| vec![Act::Send(asked.last()), Act::Freeze]);
    let then_silent = Script::at(Step::StartTls, |asked| vec![Act::Send(asked.last()), Act::Silence]);
    let honest = Script::honest;
    let ways: Vec<(&str, Transport, Script, Parts)> = vec![
        ("at once", Transport::Ldaps, honest(), vec![bind.clone()]),
        ("a user's", Transport::Ldaps, honest(), vec![user.clone()]),
        ("without its last octets", Transport::Ldaps, honest(), vec![half.clone()]),
        ("in the handshake", Transport::Ldaps, honest(), vec![after(&bind)]),
        ("to a server that does not read", Transport::Ldaps, frozen.clone(), vec![bind.clone()]),
        ("to a server that does not answer", Transport::Ldaps, silent.clone(), vec![after(&bind)]),
        ("at once", Transport::StartTls, honest(), vec![bind.clone()]),
        ("without its last octets", Transport::StartTls, honest(), vec![half]),
        ("with the request for TLS", Transport::StartTls, honest(), vec![[&request[..], &bind].concat()]),
        ("instead of the handshake", Transport::StartTls, honest(), vec![request.clone(), bind.clone()]),
        ("in the handshake", Transport::StartTls, honest(), vec![request.clone(), after(&user)]),
        ("to a server that does not read", Transport::StartTls, frozen, vec![bind.clone()]),
        ("to a server that reads no more", Transport::StartTls, then_frozen, vec![request.clone(), user]),
        ("to a server that does not answer", Transport::StartTls, silent, vec![bind.clone()]),
        ("to one that answers no more", Transport::StartTls, then_silent, vec![request.clone(), after(&bind)]),
    ];
    for (what, transport, script, parts) in ways {
        let server = HostileServer::start(&certificates, transport, script);
        send(&server, &parts).await.map_err(|error| format!("{what}, over {transport}: {error}"))?;
        let (attack, life) = (server.finish(2).await, server.end(2).await);
        if attack.is_ok() || life.is_ok() {
            return Err(format!("a bind in the clear, {what}, over {transport} was not noticed: {attack:?}, {life:?}"));
        }
    }
    // And a client that asks for TLS and leaves is none of these.
    let server = HostileServer::start(&certificates, Transport::StartTls, Script::honest());
    send(&server, &[request, HANDSHAKE.to_vec()]).await.map_err(|error| error.to_string())?;
    server.finish(0).await?;
    server.end(0).await
}

fn freeze(_: tests::hostile::script::Asked) -> Vec<Act> {
    vec![Act::Freeze]
}

fn bind(name: &str, password: &str) -> Vec<u8> {
    let content = [number(2, 3), element(4, name.as_bytes()), element(0x80, password.as_bytes())].concat();
    answer::message(2, 0x60, &content, None)
}

async fn send(server: &HostileServer, parts: &[Vec<u8>]) -> std::io::Result<()> {
    let mut tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).await?;
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            // The answer to the request for TLS.
            let mut answer = [0; 64];
            let read = tcp.read(&mut answer).await?;
            assert!(read > 0, "the server answers the request for TLS");
        }
        tcp.write_all(part).await?;
    }
    tcp.shutdown().await?;
    // The system has taken the connection; the server takes it in a moment.
    while server.record().connections == 0 {
        tokio::task::yield_now().await;
    }
    Ok(())
}
