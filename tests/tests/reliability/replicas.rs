//! Directories with the same people in them, each behind a proxy.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde_json::{Value, json};
use tests::directory::{Directory, READER_DN, READER_PASSWORD, SUFFIX, bulk_login};
use tests::fault_proxy::{Fate, FaultProxy, Mode, Wire};
use tokio::task::block_in_place;

/// One directory and its proxy.
pub(crate) struct Replica {
    pub(crate) directory: Arc<Directory>,
    pub(crate) proxy: FaultProxy,
}

impl Replica {
    pub(crate) fn start(users: usize, wire: &Arc<Wire>, mode: Mode) -> Self {
        let directory = block_in_place(|| Directory::builder().bulk_users(users).for_measuring().replica().start());
        // Its own audit reads its log, which is empty; the wire's record is looked at instead.
        let proxy = FaultProxy::start_as(address(&directory), wire, mode);
        Self { directory: Arc::new(directory), proxy }
    }

    /// Where the provider finds it.
    pub(crate) fn url(&self) -> String {
        format!("ldap://{}", self.proxy.address())
    }

    /// Where the wire's record says that binds went.
    pub(crate) fn address(&self) -> SocketAddr {
        address(&self.directory)
    }

    /// The server dies of SIGKILL: its connections end, and its port is closed.
    pub(crate) async fn kill(&self) {
        block_in_place(|| self.directory.kill());
        self.proxy.set(Mode::Refuse).await;
        self.proxy.doom(Fate::Reset);
    }

    /// The server comes back, as it was.
    pub(crate) async fn restart(&self) {
        block_in_place(|| self.directory.restart());
        self.proxy.set(Mode::Pass).await;
    }
}

fn address(directory: &Directory) -> SocketAddr {
    (directory.host().parse::<Ipv4Addr>().unwrap(), directory.port()).into()
}

/// Settings for these servers, in order of preference.
pub(crate) fn settings(hosts: &[String], timeout: &str) -> Value {
    let host = match hosts {
        [one] => json!(one),
        several => json!(several),
    };
    json!({
        "host": host,
        "base_dn": format!("ou=bulk,{SUFFIX}"),
        "directory": "openldap",
        "username_attribute": "uid",
        "bind_dn": READER_DN,
        "bind_password": READER_PASSWORD,
        "timeout": timeout,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_was_killed_comes_back_as_it_was_with_the_ids_that_others_have() {
    let wire = Wire::new();
    let replicas = [Replica::start(1, &wire, Mode::Pass), Replica::start(1, &wire, Mode::Pass)];
    let person = format!("uid={},ou=bulk,{SUFFIX}", bulk_login(1));
    let of_person = |replica: &Replica, attribute| block_in_place(|| replica.directory.read(&person, attribute));
    let id = of_person(&replicas[0], "entryUUID");
    assert_eq!(id.len(), 1, "{id:?}");
    assert_eq!(id, of_person(&replicas[1], "entryUUID"));
    let change = format!("dn: {person}\nchangetype: modify\nreplace: sn\nsn: Changed\n");
    block_in_place(|| replicas[0].directory.change(&change));
    for _ in 0..2 {
        replicas[0].kill().await;
        replicas[0].restart().await;
    }
    assert_eq!((of_person(&replicas[0], "entryUUID"), of_person(&replicas[0], "sn")), (id, vec!["Changed".to_owned()]));
}
