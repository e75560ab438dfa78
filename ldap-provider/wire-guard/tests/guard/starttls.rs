use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wire_guard::{ExchangeError, Host, SecureError, Security, Trust, Violation};

use crate::authority::{Authority, Period};
use crate::script::{Server, Step, message, play, result};
use crate::{ample, connect, request, soon};

const EXTENDED_RESPONSE: u8 = 0x78;

fn start_tls(trust: Trust) -> Security {
    Security::StartTls { trust, server_name: Host::parse("ldap.test").unwrap().server_name() }
}

/// What came of it, and what the server was sent.
async fn against(steps: Vec<Step>) -> (SecureError, Server) {
    against_until(ample(), steps).await
}

async fn against_until(deadline: Instant, steps: Vec<Step>) -> (SecureError, Server) {
    let (address, server) = play(steps).await;
    let error = connect(address, &start_tls(Trust::anything()), deadline).await.unwrap_err();
    (error, server)
}

#[tokio::test]
async fn after_success_the_connection_is_tls() {
    let ca = Authority::new();
    let identity = ca.issue(&["ldap.test"], &Period::Now);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut request = [0; 31];
        tcp.read_exact(&mut request).await.unwrap();
        tcp.write_all(&message(1, EXTENDED_RESPONSE, &result(0))).await.unwrap();
        identity.take_over(tcp).await;
    });
    let trust = Trust::verified(Some(&ca.file())).unwrap();
    let mut connection = connect(address, &start_tls(trust), ample()).await.unwrap();
    assert!(connection.protection().is_some());
    assert!(connection.bind(request(), ample()).await.unwrap().is_success());
}

#[tokio::test]
async fn any_answer_but_success_is_an_error_and_nothing_more_is_said_in_the_clear() {
    for code in [1, 2, 10, 14, 52, 80] {
        let refused = vec![Step::Read, Step::Send(message(1, EXTENDED_RESPONSE, &result(code))), Step::ReadToEnd];
        let (error, server) = against(refused).await;
        assert!(matches!(error, SecureError::StartTlsRefused(ref result) if result.code == u32::from(code)), "{error}");
        assert_eq!(server.sent().await.len(), 31, "the StartTLS request and nothing else");
    }
}

#[tokio::test]
async fn an_answer_of_another_kind_or_to_another_request_is_a_violation() {
    for answer in [
        message(1, 0x61, &result(0)),
        message(1, 0x65, &result(0)),
        message(2, EXTENDED_RESPONSE, &result(0)),
        vec![0x30, 0],
    ] {
        let (error, _) = against(vec![Step::Read, Step::Send(answer), Step::Hang]).await;
        assert!(matches!(error, SecureError::StartTls(ExchangeError::Violation(_))), "{error}");
    }
}

#[tokio::test]
async fn data_in_the_clear_behind_the_answer_ends_the_connection() {
    let bind_success = message(2, 0x61, &result(0));
    let at_once = [message(1, EXTENDED_RESPONSE, &result(0)), bind_success.clone()].concat();
    let (error, _) = against(vec![Step::Read, Step::Send(at_once), Step::Hang]).await;
    assert!(matches!(error, SecureError::StartTls(ExchangeError::Violation(Violation::DataBehindStartTls))), "{error}");

    let apart = vec![
        Step::Read,
        Step::Send(message(1, EXTENDED_RESPONSE, &result(0))),
        Step::Pause,
        Step::Send(bind_success),
        Step::Hang,
    ];
    let (error, _) = against(apart).await;
    assert!(matches!(error, SecureError::Handshake(_)), "{error}");
}

#[tokio::test]
async fn silence_is_waited_for_until_the_deadline_and_no_longer() {
    for steps in [
        vec![Step::Hang],
        vec![Step::Read, Step::Hang],
        vec![Step::Read, Step::Send(vec![0x30, 0x0c, 2]), Step::Hang],
        vec![Step::Read, Step::Send(message(1, EXTENDED_RESPONSE, &result(0))), Step::Hang],
    ] {
        let started = Instant::now();
        let (error, _) = against_until(soon(), steps).await;
        assert!(matches!(error, SecureError::Timeout | SecureError::StartTls(ExchangeError::Timeout)), "{error}");
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_connection_that_ends_is_lost() {
    for steps in [vec![Step::Read], vec![Step::Read, Step::Send(vec![0x30, 0x0c, 2])]] {
        let (error, _) = against(steps).await;
        assert!(matches!(error, SecureError::StartTls(ExchangeError::Lost(_))), "{error}");
    }
}
