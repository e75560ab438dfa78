//! Sessions that are resumed: whoever resumes one is not shown the certificate again.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustls::HandshakeKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::authority::{Authority, Period};
use super::{EACH_LOOKS, Host, Trust, at, trust};
use crate::trust::CertificateRefusal;

const REQUEST: [u8; 5] = [0x30, 3, 2, 1, 1];

/// How a handshake is done at `now`, or why the certificate is refused.
pub(super) async fn handshake(trust: &Trust, server: SocketAddr, now: Instant) -> Result<HandshakeKind, String> {
    let config = at(trust, now).await;
    let name = Host::parse("ldap.test").unwrap().server_name();
    let tcp = TcpStream::connect(server).await.unwrap();
    let mut tls = match TlsConnector::from(config).connect(name.clone(), tcp).await {
        Ok(tls) => tls,
        Err(error) => return Err(CertificateRefusal::of(&error, &name).unwrap().to_string()),
    };
    // What the next session can be resumed with comes before the answer.
    tls.write_all(&REQUEST).await.unwrap();
    tls.read_u8().await.unwrap();
    Ok(tls.get_ref().1.handshake_kind().unwrap())
}

fn has_expired(outcome: &Result<HandshakeKind, String>) {
    assert!(matches!(outcome, Err(refusal) if refusal.contains("expired")), "{outcome:?}");
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_noticed_within_ten_minutes_though_each_session_is_resumed() {
    const SECONDS: u64 = 3;
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let ca = Authority::new();
        let server = ca.issue(&["ldap.test"], &Period::Seconds(SECONDS)).serve_version(version).await;
        let trust = trust(&ca.file(), EACH_LOOKS);
        let began = Instant::now();
        let after = |minutes: u64| began + Duration::from_mins(minutes);
        assert_eq!(handshake(&trust, server, began).await, Ok(HandshakeKind::Full));
        for minute in 1..9 {
            assert_eq!(handshake(&trust, server, after(minute)).await, Ok(HandshakeKind::Resumed));
        }

        // The certificate's end is in whole seconds, and the last counts.
        tokio::time::sleep(Duration::from_secs(SECONDS + 2).saturating_sub(began.elapsed())).await;
        assert_eq!(handshake(&trust, server, after(9)).await, Ok(HandshakeKind::Resumed), "{version:?}");
        has_expired(&handshake(&trust.never_resuming(), server, after(9)).await);
        has_expired(&handshake(&trust, server, after(10)).await);
        has_expired(&handshake(&trust, server, after(11)).await);
    }
}

#[tokio::test]
async fn every_ten_minutes_one_handshake_looks_at_the_certificate_and_those_behind_it_resume() {
    let ca = Authority::new();
    let server = ca.issue(&["ldap.test"], &Period::Now).serve().await;
    let trust = trust(&ca.file(), EACH_LOOKS);
    let began = Instant::now();
    for seconds in [0, 599, 600, 601, 1_199, 1_200, 1_201, 36_000, 36_001] {
        let looks = [0, 600, 1_200, 36_000].contains(&seconds);
        let kind = handshake(&trust, server, began + Duration::from_secs(seconds)).await;
        assert_eq!(kind, Ok(if looks { HandshakeKind::Full } else { HandshakeKind::Resumed }), "{seconds}");
    }
}

#[tokio::test]
async fn who_never_resumes_leaves_the_sessions_of_the_others_alone() {
    let ca = Authority::new();
    let server = ca.issue(&["ldap.test"], &Period::Now).serve().await;
    let now = Instant::now();
    for trust in [trust(&ca.file(), EACH_LOOKS), Trust::anything()] {
        let careful = trust.never_resuming();
        assert_eq!(handshake(&careful, server, now).await, Ok(HandshakeKind::Full));
        assert_eq!(handshake(&trust, server, now).await, Ok(HandshakeKind::Full));
        assert_eq!(handshake(&careful, server, now).await, Ok(HandshakeKind::Full));
        assert_eq!(handshake(&trust, server, now).await, Ok(HandshakeKind::Resumed));
    }
}
