//! The proxy does what its modes say, seen from a client of the standard library: a judge is judged first.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::{Event, Fate, FaultProxy, Mode, Then, Whose, Wire};
use crate::hostile::wire::ber::{element, number};
use crate::hostile::wire::{Request, answer};
use crate::oracle::Oracle;

const NOTHING: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(20);

fn bind(id: i64, name: &str, password: &str) -> Vec<u8> {
    let content = [number(2, 3), element(4, name.as_bytes()), element(0x80, password.as_bytes())].concat();
    element(0x30, &[number(2, id), element(0x60, &content)].concat())
}

async fn ask(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    client.write_all(&bind(1, "cn=x", "y")).await?;
    let mut octets = vec![0; answer::bind(1, 49).len()];
    client.read_exact(&mut octets).await?;
    Ok(octets)
}

async fn connect(address: SocketAddr) -> TcpStream {
    timeout(PATIENCE, TcpStream::connect(address)).await.expect("an answer").expect("a connection")
}

/// An oracle that refuses all binds, and a proxy in front.
async fn proxy() -> (Oracle, std::sync::Arc<Wire>, FaultProxy) {
    let oracle = Oracle::start().await;
    let wire = Wire::new();
    let proxy = FaultProxy::start(oracle.address(), &wire);
    (oracle, wire, proxy)
}

#[tokio::test]
async fn binds_are_recorded_with_their_answers() {
    let (_oracle, wire, proxy) = proxy().await;
    let mut client = connect(proxy.address()).await;
    let answered = ask(&mut client).await.unwrap();
    let binds = wire.binds();
    assert_eq!(binds.len(), 1, "{binds:?}");
    assert_eq!((binds[0].name.as_slice(), binds[0].password.as_slice()), (&b"cn=x"[..], &b"y"[..]));
    assert_eq!(answered[..], answer::bind(1, binds[0].code().unwrap())[..]);
    assert_eq!(wire.forbidden(), [""; 0]);
}

#[tokio::test]
async fn a_bind_that_proves_nothing_is_recorded_as_what_must_not_be() {
    let (_oracle, wire, proxy) = proxy().await;
    // It is not passed on: the oracle does not stand it either.
    proxy.trap(|_| Then::Reset);
    let mut client = connect(proxy.address()).await;
    client.write_all(&bind(2, "cn=x", "")).await.unwrap();
    client.read_u8().await.unwrap_err();
    assert_eq!(wire.forbidden().len(), 1);
}

#[tokio::test]
async fn a_proxy_refuses_drops_and_takes_connections_again() {
    let (_oracle, _, proxy) = proxy().await;
    for _ in 0..2 {
        proxy.set(Mode::Refuse).await;
        let refused = TcpStream::connect(proxy.address()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        proxy.set(Mode::Drop).await;
        assert!(timeout(NOTHING, TcpStream::connect(proxy.address())).await.is_err(), "nobody answers");
        proxy.set(Mode::Pass).await;
        ask(&mut connect(proxy.address()).await).await.unwrap();
    }
}

#[tokio::test]
async fn silence_comes_over_new_connections_and_over_those_that_are_there() {
    let (_oracle, wire, proxy) = proxy().await;
    for mode in [Mode::Silent, Mode::Deaf, Mode::Drop] {
        proxy.set(Mode::Pass).await;
        let mut old = connect(proxy.address()).await;
        ask(&mut old).await.unwrap();
        proxy.set(mode).await;
        assert!(timeout(NOTHING, ask(&mut old)).await.is_err(), "{mode:?}");
        if mode != Mode::Drop {
            let mut new = connect(proxy.address()).await;
            assert!(timeout(NOTHING, ask(&mut new)).await.is_err(), "{mode:?}");
        }
    }
    assert_eq!(wire.binds().iter().filter(|bind| bind.code().is_some()).count(), 3, "the others were not passed on");
}

#[tokio::test]
async fn connections_that_are_there_are_swallowed_reset_or_closed_and_new_ones_pass() {
    let (_oracle, _, proxy) = proxy().await;
    for fate in [Fate::Swallowed, Fate::Reset, Fate::Closed] {
        let mut old = connect(proxy.address()).await;
        ask(&mut old).await.unwrap();
        proxy.doom(fate);
        let mut octet = [0];
        match (fate, timeout(NOTHING, old.read(&mut octet)).await) {
            (Fate::Swallowed, Err(_)) | (Fate::Closed, Ok(Ok(0))) => {}
            (Fate::Reset, Ok(Err(error))) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
            (_, other) => panic!("{fate:?}: {other:?}"),
        }
        ask(&mut connect(proxy.address()).await).await.unwrap();
    }
}

#[tokio::test]
async fn answers_drip_come_late_break_off_or_do_not_come() {
    let (_oracle, _, proxy) = proxy().await;
    let begun = Instant::now();
    proxy.set(Mode::Delay(NOTHING)).await;
    ask(&mut connect(proxy.address()).await).await.unwrap();
    assert!(begun.elapsed() >= NOTHING);
    proxy.set(Mode::Drip(Duration::from_millis(20))).await;
    let begun = Instant::now();
    let answered = ask(&mut connect(proxy.address()).await).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(20) * u32::try_from(answered.len() - 1).unwrap());
    proxy.set(Mode::ResetMidAnswer).await;
    let broken = ask(&mut connect(proxy.address()).await).await.unwrap_err();
    assert_eq!(broken.kind(), ErrorKind::ConnectionReset);
    proxy.set(Mode::HalfClose).await;
    let mut client = connect(proxy.address()).await;
    assert_eq!(ask(&mut client).await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    client.write_all(b"still taken").await.unwrap();
}

#[tokio::test]
async fn a_trap_sees_requests_and_answers_and_decides() {
    let (_oracle, wire, proxy) = proxy().await;
    proxy.trap(|event| match event {
        Event::Request(Request::Bind { name, .. }) if name == b"cn=x" => Then::Reset,
        _ => Then::Pass,
    });
    assert_eq!(ask(&mut connect(proxy.address()).await).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    proxy.trap(|event| if matches!(event, Event::Answer(0x61)) { Then::Vanish } else { Then::Pass });
    let mut client = connect(proxy.address()).await;
    assert!(timeout(NOTHING, ask(&mut client)).await.is_err());
    proxy.disarm();
    ask(&mut connect(proxy.address()).await).await.unwrap();
    assert_eq!(wire.binds().len(), 3);
}

#[tokio::test]
async fn connections_are_told_apart_by_what_was_done_on_them() {
    let (_oracle, _, proxy) = proxy().await;
    let mut binds = connect(proxy.address()).await;
    ask(&mut binds).await.unwrap();
    let mut searches = connect(proxy.address()).await;
    // Everything below an empty base: presence of objectClass, nothing in particular.
    let filter = element(0x87, b"objectClass");
    let numbers = [number(0x0a, 0), number(0x0a, 0), number(2, 1), number(2, 0), element(1, &[0])].concat();
    let content = [element(4, b""), numbers, filter, element(0x30, b"")].concat();
    searches.write_all(&element(0x30, &[number(2, 1), element(0x63, &content)].concat())).await.unwrap();
    searches.read_u8().await.unwrap();
    proxy.doom_those(Whose::Binds, Fate::Closed);
    assert!(matches!(timeout(PATIENCE, binds.read_u8()).await, Ok(Err(_))), "closed");
    let mut rest = [0; 1_024];
    let answered = searches.read(&mut rest).await.unwrap();
    assert!(answered > 0 && timeout(NOTHING, searches.read(&mut rest)).await.is_err(), "open");
    proxy.doom_those(Whose::Searches, Fate::Closed);
    assert!(matches!(timeout(PATIENCE, searches.read(&mut rest)).await, Ok(Ok(0))), "closed");
}
