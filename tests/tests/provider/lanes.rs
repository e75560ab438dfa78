//! A crowd is on two threads of the provider, each with connections of its own.

use std::time::Duration;

use provider_api::host::Provider;
use provider_api::{Credentials, Deadline, Decision, RequestContext, Secret};
use serde_json::json;
use tests::directory::{Directory, password_of};
use tests::fault_proxy::{Event, FaultProxy, Mode, Then, Wire};
use tests::host::Host;
use tests::hostile::wire::Request;
use tokio::task::JoinSet;

async fn alice_gets_in(provider: &Provider) -> bool {
    let context = RequestContext::new("lanes", Deadline::after(Duration::from_mins(1)));
    let credentials = Credentials::new("alice", Secret::new(password_of("alice")));
    matches!(provider.authenticate(&context, &credentials).await, Ok(Decision::Accepted(_)))
}

async fn metric(host: &Host, name: &str) -> i64 {
    let metrics = host.provider.metrics(&tests::host::context()).await.expect("metrics");
    let value = metrics.iter().find(|metric| metric.name == name).expect("it is counted").value;
    #[expect(clippy::cast_possible_truncation, reason = "what is counted here is whole and small")]
    let whole = value as i64;
    whole
}

/// So many logins at a time, all of which are let in.
async fn crowd(host: &Host, count: usize) {
    let logins: JoinSet<_> = (0..count)
        .map(|_| {
            let provider = host.provider.clone();
            async move { alice_gets_in(&provider).await }
        })
        .collect();
    let let_in = logins.join_all().await.into_iter().filter(|let_in| *let_in).count();
    assert_eq!(let_in, count);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_more_connections_can_be_had_both_lanes_use_those_of_the_first() {
    let directory = Directory::start();
    let wire = Wire::new();
    let server = format!("127.0.0.1:{}", directory.port()).parse().expect("an address");
    let proxy = FaultProxy::start(server, &wire);
    let mut settings = directory.settings();
    settings["host"] = json!(format!("ldap://{}", proxy.address()));
    settings.as_object_mut().expect("settings").remove("port");
    let host = Host::with_ldap(&settings).await;
    // One after the other, so that the first lane has one for searches and one for binds, and the other has none.
    for _ in 0..3 {
        assert!(alice_gets_in(&host.provider).await);
    }
    let opened = wire.connections();
    proxy.set(Mode::Refuse).await;
    crowd(&host, 40).await;
    assert_eq!(metric(&host, "connections_open").await, 2);
    assert_eq!(wire.connections(), opened);
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_binds_are_under_way_in_each_lane_and_each_has_a_connection_to_search_on() {
    let directory = Directory::start();
    let wire = Wire::new();
    let server = format!("127.0.0.1:{}", directory.port()).parse().expect("an address");
    let proxy = FaultProxy::start(server, &wire);
    let mut settings = directory.settings();
    settings["host"] = json!(format!("ldap://{}", proxy.address()));
    settings.as_object_mut().expect("settings").remove("port");
    let host = Host::with_ldap(&settings).await;
    assert!(alice_gets_in(&host.provider).await);
    proxy.trap(|event| match event {
        Event::Request(Request::Bind { name, .. }) if name.starts_with(b"uid=alice,") => Then::Vanish,
        _ => Then::Pass,
    });
    wire.take_binds();
    let logins: JoinSet<_> = (0..64)
        .map(|_| {
            let provider = host.provider.clone();
            async move { alice_gets_in(&provider).await }
        })
        .collect();
    // None of them is answered. A lane alone has eight, and no more than nine connections.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let binds = wire.binds().into_iter().filter(|bind| bind.name.starts_with(b"uid=alice,")).count();
    assert_eq!(binds, 16);
    assert_eq!(metric(&host, "connections_open").await, 18);
    host.provider.shutdown(Duration::ZERO).await.expect("it answers");
    assert!(logins.join_all().await.into_iter().all(|let_in| !let_in));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_lanes_have_counted_is_told_together() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings()).await;
    crowd(&host, 64).await;
    for (name, count) in [("logins_accepted_total", 64), ("user_binds_total", 64), ("login_seconds_count", 64)] {
        assert_eq!(metric(&host, name).await, count, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_provider_waits_for_both_lanes_and_cuts_both_off() {
    let directory = Directory::start();
    let wire = Wire::new();
    let server = format!("127.0.0.1:{}", directory.port()).parse().expect("an address");
    let proxy = FaultProxy::start(server, &wire);
    let mut settings = directory.settings();
    settings["host"] = json!(format!("ldap://{}", proxy.address()));
    settings.as_object_mut().expect("settings").remove("port");
    let host = Host::with_ldap(&settings).await;
    crowd(&host, 40).await;
    // From now on nobody is answered.
    proxy.set(Mode::Silent).await;
    let mut logins: JoinSet<_> = (0..40)
        .map(|_| {
            let provider = host.provider.clone();
            async move { alice_gets_in(&provider).await }
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(host.provider.shutdown(Duration::from_millis(200)).await.expect("it answers"), 40);
    let answered = tokio::time::timeout(Duration::from_secs(5), async {
        while let Some(let_in) = logins.join_next().await {
            assert!(!let_in.expect("no panic"));
        }
    });
    answered.await.expect("all are answered as soon as they are cut off");
}
