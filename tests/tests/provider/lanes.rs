//! A crowd is on two threads of the provider, each with connections of its own.

use std::time::Duration;

use tests::directory::Directory;
use tests::fault_proxy::{Event, Mode, Then};
use tests::host::Host;
use tests::hostile::wire::Request;
use tokio::task::JoinSet;

use crate::proxied::{alice_gets_in, host_behind};

/// For who has to be let in, whatever the machine has to do besides.
const LONG: Duration = Duration::from_mins(1);

/// So many logins at a time, and whether each is let in.
fn logins(host: &Host, count: usize) -> JoinSet<bool> {
    let login = |_| {
        let provider = host.provider.clone();
        async move { alice_gets_in(&provider, LONG).await }
    };
    (0..count).map(login).collect()
}

/// So many logins at a time, all of which are let in.
async fn crowd(host: &Host, count: usize) {
    let let_in = logins(host, count).join_all().await.into_iter().filter(|let_in| *let_in).count();
    assert_eq!(let_in, count);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_more_connections_can_be_had_both_lanes_use_those_of_the_first() {
    let directory = Directory::start();
    let (host, proxy, wire) = host_behind(&directory).await;
    // One after the other, so that the first lane has one for searches and one for binds, and the other has none.
    for _ in 0..3 {
        assert!(alice_gets_in(&host.provider, LONG).await);
    }
    let opened = wire.connections();
    proxy.set(Mode::Refuse).await;
    crowd(&host, 40).await;
    assert_eq!(host.metric("connections_open").await, 2);
    assert_eq!(wire.connections(), opened);
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_binds_are_under_way_in_each_lane_and_each_has_a_connection_to_search_on() {
    let directory = Directory::start();
    let (host, proxy, wire) = host_behind(&directory).await;
    assert!(alice_gets_in(&host.provider, LONG).await);
    proxy.trap(|event| match event {
        Event::Request(Request::Bind { name, .. }) if name.starts_with(b"uid=alice,") => Then::Vanish,
        _ => Then::Pass,
    });
    wire.take_binds();
    let logins = logins(&host, 64);
    // None of them is answered. A lane alone has eight, and no more than nine connections.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let binds = wire.binds().into_iter().filter(|bind| bind.name.starts_with(b"uid=alice,")).count();
    assert_eq!(binds, 16);
    assert_eq!(host.metric("connections_open").await, 18);
    host.provider.shutdown(Duration::ZERO).await.expect("it answers");
    assert!(logins.join_all().await.into_iter().all(|let_in| !let_in));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_lanes_have_counted_is_told_together() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings()).await;
    crowd(&host, 64).await;
    for (name, count) in [("logins_accepted_total", 64), ("user_binds_total", 64), ("login_seconds_count", 64)] {
        assert_eq!(host.metric(name).await, count, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_provider_waits_for_both_lanes_and_cuts_both_off() {
    let directory = Directory::start();
    let (host, proxy, _wire) = host_behind(&directory).await;
    crowd(&host, 40).await;
    // From now on nobody is answered.
    proxy.set(Mode::Silent).await;
    let mut logins = logins(&host, 40);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(host.provider.shutdown(Duration::from_millis(200)).await.expect("it answers"), 40);
    let answered = tokio::time::timeout(Duration::from_secs(5), async {
        while let Some(let_in) = logins.join_next().await {
            assert!(!let_in.expect("no panic"));
        }
    });
    answered.await.expect("all are answered as soon as they are cut off");
}
