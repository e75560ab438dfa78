//! What an outage leaves behind: nothing.

use std::time::{Duration, Instant};

use provider_api::{Credentials, Deadline, RequestContext, Secret};
use serde_json::json;
use tests::directory::{Directory, Transport, password_of};
use tests::fault_proxy::{Event, Mode, Then, Wire};
use tests::host::Host;
use tests::hostile::wire::Request;
use tokio::task::JoinSet;

use crate::proxied::{alice_gets_in, behind, host_behind};

fn is_alice(name: &[u8]) -> bool {
    name.starts_with(b"uid=alice,")
}

/// Whether her password was tried there.
fn has_alice(wire: &Wire) -> bool {
    wire.binds().iter().any(|bind| is_alice(bind.name.as_ref()))
}

/// Many at a time, so that the provider has all the connections that it ever has.
async fn crowd(host: &Host) {
    let logins: JoinSet<_> = (0..60)
        .map(|_| {
            let provider = host.provider.clone();
            async move {
                let context = RequestContext::new("crowd", Deadline::after(Duration::from_mins(1)));
                let credentials = Credentials::new("alice", Secret::new(password_of("alice")));
                provider.authenticate(&context, &credentials).await.is_ok()
            }
        })
        .collect();
    assert!(logins.join_all().await.into_iter().all(|answered| answered));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_back_is_preferred_again_within_seconds() {
    let directory = Directory::start();
    let ((preferred, first), (other, second)) = (behind(&directory), behind(&directory));
    let mut settings = directory.settings();
    settings["host"] = json!([format!("ldap://{}", preferred.address()), format!("ldap://{}", other.address())]);
    settings["timeout"] = json!("4s");
    settings.as_object_mut().expect("settings").remove("port");
    let host = Host::with_ldap(&settings).await;
    crowd(&host).await;
    assert!(!has_alice(&second), "the other one is for when it is needed");

    // It answers all but binds of users.
    preferred.trap(|event| match event {
        Event::Request(Request::Bind { name, .. }) if is_alice(name) => Then::Vanish,
        _ => Then::Pass,
    });
    assert!(!alice_gets_in(&host.provider, Duration::from_secs(4)).await, "the bind may have been sent");
    first.take_binds();
    assert!(alice_gets_in(&host.provider, Duration::from_secs(8)).await);
    assert!(has_alice(&second) && !has_alice(&first), "the other one answers");

    // It is left alone for four to six seconds.
    preferred.disarm();
    let begun = Instant::now();
    while !has_alice(&first) {
        assert!(begun.elapsed() < Duration::from_secs(20), "it is not asked any more");
        assert!(alice_gets_in(&host.provider, Duration::from_secs(8)).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_gets_no_connection_keeps_nobody_from_logging_in() {
    let directory = Directory::start();
    let (host, proxy, _wire) = host_behind(&directory).await;
    crowd(&host).await;
    proxy.set(Mode::Refuse).await;
    let (_, end) = host.list().await;
    assert_eq!(end.expect_err("no connection").code(), "connect_failed");
    for _ in 0..3 {
        assert!(alice_gets_in(&host.provider, Duration::from_secs(8)).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_of_the_server_one_connection_does_for_the_next_login() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings_over(Transport::Ldaps)).await;
    for attempt in 1.. {
        // One connection for searches, and one for binds.
        for _ in 0..2 {
            host.accepts("alice", &password_of("alice")).await;
        }
        // Nothing is owed any more that would be dialled while the server is away.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let opened = host.metric("connections_opened_total").await;
        directory.stop();
        directory.restart();
        host.accepts("alice", &password_of("alice")).await;
        let opened = host.metric("connections_opened_total").await - opened;
        if opened == 1 {
            break;
        }
        // In the background one for searches follows within a second, which may pass just then.
        assert!(attempt < 5, "{opened} connections each time");
    }
}
