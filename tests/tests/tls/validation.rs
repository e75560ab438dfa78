//! What an administrator is told about a server that is not believed: that it is TLS, why, and what to do.

use provider_api::{Stage, StageOutcome};
use rcgen::date_time_ymd;
use tests::tls_server::{Authority, Behaviour, Identity, Then, TlsServer, Way, leaf};

use crate::matrix::{NAME, World, nothing_said};

/// Validates against a server that must not be believed. The failed stage.
async fn failed(world: &World, way: Way, behaviour: Behaviour) -> Stage {
    let server = TlsServer::start(way, behaviour, &world.directory).await;
    let host = world.host(&world.settings(&server, Some(NAME))).await;
    let report = host.validate().await;
    drop(host);
    assert_eq!(nothing_said(&server.finish().await), Ok(()), "{way:?}: {report:#?}");
    assert!(!report.is_valid());
    let later = report.stages.iter().skip_while(|stage| stage.outcome != StageOutcome::Failed).skip(1);
    for stage in later {
        assert_eq!(stage.outcome, StageOutcome::Skipped, "{way:?}: {report:#?}");
    }
    report.first_failed().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stage_of_tls_fails_and_says_why_and_what_to_do() {
    let world = World::new().await;
    let mut over = leaf(&[NAME]);
    over.not_before = date_time_ymd(2000, 1, 1);
    over.not_after = date_time_ymd(2001, 1, 1);
    let http = Behaviour::Octets(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), Then::Close);
    let cases = [
        (Behaviour::showing(&world.ca.issue(&over)), "expired"),
        (Behaviour::showing(&world.ca.issue(&leaf(&["mail.corp.test"]))), "mail.corp.test"),
        (Behaviour::showing(&Authority::new("CA of others").issue(&leaf(&[NAME]))), "ca_file"),
        (Behaviour::showing(&Identity::self_signed(&leaf(&[NAME]))), "self-signed"),
        (http, "is TLS spoken on this port?"),
    ];
    for (behaviour, because) in cases {
        for way in Way::BOTH {
            let stage = failed(&world, way, behaviour.clone()).await;
            assert_eq!((stage.id.as_str(), stage.code.as_deref()), ("tls", Some("tls_failed")), "{stage:?}");
            let told = format!("{stage:?}");
            assert!(told.contains(because), "{because:?} by {way:?} is not told: {told}");
            let advice = stage.advice.as_deref().unwrap_or_default();
            assert!(advice.contains("ca_file") && advice.contains("tls_server_name"), "what is to be done? {stage:?}");
        }
    }
    assert_eq!(world.directory.requests().connections, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_from_a_server_that_is_not_believed_is_incomplete_and_empty() {
    let world = World::new().await;
    for way in Way::BOTH {
        let behaviour = Behaviour::showing(&Identity::self_signed(&leaf(&[NAME])));
        let server = TlsServer::start(way, behaviour, &world.directory).await;
        let host = world.host(&world.settings(&server, Some(NAME))).await;
        let (users, end) = host.list().await;
        drop(host);
        assert_eq!(users.len(), 0);
        assert_eq!(end.unwrap_err().code(), "tls_failed");
        assert_eq!(nothing_said(&server.finish().await), Ok(()), "{way:?}");
    }
}
