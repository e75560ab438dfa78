//! A directory that is not there, and one that comes back.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use host_harness::login::{Host, LoginAnswer, Outcome};
use host_harness::providers::ProviderHandle;
use host_harness::store::Store;
use provider_api::{Credentials, Secret};
use tests::host::context;
use tests::local_account;
use tests::oracle::{Oracle, knows_one};

use super::directory::{PASSWORD, alice, provider, settings};

/// Far longer than a directory that is back is not looked for.
const PATIENCE: Duration = Duration::from_secs(20);

/// An address at which nobody listens. Clients have another one (127.0.0.1), so that none of them gets this port.
fn nobody(last: u8) -> SocketAddr {
    TcpListener::bind((Ipv4Addr::new(127, 0, 2, last), 0)).unwrap().local_addr().unwrap()
}

async fn directory_at(address: SocketAddr) -> Oracle {
    let directory = Oracle::start_on(address).await;
    directory.answers(knows_one(alice()));
    directory
}

/// A host with a local account and the directories at these addresses, under the names of the instances.
async fn host(store: &Store, directories: &[(&str, SocketAddr)]) -> Host {
    let mut providers = Vec::new();
    for &(instance, address) in directories {
        providers.push(ProviderHandle::ready(instance, provider(&settings(address)).await));
    }
    // With the password of everybody else here: it must not be asked for elsewhere all the same.
    local_account::add(store, PASSWORD).await;
    Host::new(store.clone(), providers)
}

async fn login(host: &Host, name: &str) -> LoginAnswer {
    host.login(&context(), Credentials::new(name, Secret::new(PASSWORD))).await
}

async fn is_in(host: &Host, name: &str, provider: Option<&str>) {
    let answer = login(host, name).await;
    assert_eq!((answer.outcome, answer.provider.as_deref()), (Outcome::Accepted, provider), "{answer:?}");
}

/// The same of a directory that has just come back: whoever comes while it is being looked for is told to try again, which
/// takes a busy machine longer than a quiet one.
async fn is_in_again(host: &Host, name: &str, provider: Option<&str>) {
    let begun = Instant::now();
    loop {
        let answer = login(host, name).await;
        if answer.outcome != Outcome::Unavailable || begun.elapsed() > PATIENCE {
            assert_eq!((answer.outcome, answer.provider.as_deref()), (Outcome::Accepted, provider), "{answer:?}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn is_out_for_now(host: &Host, name: &str) {
    let answer = login(host, name).await;
    assert_eq!(
        (answer.outcome, answer.reason.as_deref()),
        (Outcome::Unavailable, Some("connect_failed")),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_host_starts_without_its_directory_and_uses_it_as_soon_as_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open("sqlite:users.db", folder.path()).await.unwrap();
    let address = nobody(1);
    let host = host(&store, &[("corp", address)]).await;
    is_in(&host, local_account::NAME, None).await;
    is_out_for_now(&host, "alice").await;
    for _ in 0..3 {
        let directory = directory_at(address).await;
        is_in_again(&host, "alice", Some("corp")).await;
        is_in(&host, local_account::NAME, None).await;
        directory.stop().await;
        is_out_for_now(&host, "alice").await;
        is_in(&host, local_account::NAME, None).await;
    }
}

#[tokio::test]
async fn a_directory_that_is_configured_is_not_asked_before_somebody_logs_in() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open("sqlite:users.db", folder.path()).await.unwrap();
    let mut directory = directory_at(nobody(2)).await;
    let host = host(&store, &[("corp", directory.address())]).await;
    is_in(&host, local_account::NAME, None).await;
    assert_eq!((directory.connections().await, directory.asked()), (0, vec![]));
    is_in(&host, "alice", Some("corp")).await;
    assert_ne!(directory.connections().await, 0);
}

/// The one that is down may know the person, so its silence is no reason to show the password to another.
#[tokio::test]
async fn a_directory_that_is_down_does_not_pass_a_password_on_and_stops_no_other_from_being_used() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open("sqlite:users.db", folder.path()).await.unwrap();
    let down = nobody(3);
    let mut up = directory_at(nobody(4)).await;
    let both = host(&store, &[("first", down), ("second", up.address())]).await;
    is_out_for_now(&both, "alice").await;
    assert_eq!((up.connections().await, up.asked()), (0, vec![]));
    is_in(&both, local_account::NAME, None).await;
    let second = Host::new(store, vec![ProviderHandle::ready("second", provider(&settings(up.address())).await)]);
    is_in(&second, "alice", Some("second")).await;
}
