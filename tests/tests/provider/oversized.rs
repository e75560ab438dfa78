//! Entries that are larger than what is taken, beside the logins of people who have nothing to do with them.

use std::sync::Arc;

use tests::directory::{Directory, SUFFIX, password_of};
use tests::host::Host;
use tokio::task::JoinSet;

/// How often each of them logs in.
const TIMES: usize = 20;

/// A directory in which two people have written more into their own entries than is taken.
fn directory() -> Directory {
    let directory = Directory::start();
    let many = (0..17_000).map(|number| format!("mail: c{number}@example.com\n")).collect::<Vec<_>>().concat();
    let long = format!("mail: {}@example.com\n", "b".repeat(1_200_000));
    for (login, mail) in [("carol", many), ("bob", long)] {
        directory.change(&format!("dn: uid={login},ou=people,{SUFFIX}\nchangetype: modify\nreplace: mail\n{mail}"));
    }
    directory
}

/// Whoever types such a name hears what is wrong with the entry, whatever the password.
async fn is_told_why(host: &Host, login: &str) {
    let fault = host.cannot_tell(login, "any password").await;
    assert_eq!(fault.code(), "protocol_violation", "{fault}");
    let limit = if login == "carol" { "16384 elements" } else { "1048576 that are accepted" };
    assert!(fault.message().contains(limit), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_is_too_large_keeps_nobody_else_out() {
    let directory = directory();
    let host = Arc::new(Host::with_ldap(&directory.settings()).await);
    // When nobody is connected yet, too.
    for _ in 0..3 {
        is_told_why(&host, "carol").await;
        is_told_why(&host, "bob").await;
    }
    let alone = directory.requests();
    assert!(alone.connections <= 3, "{} connections for six logins, one after the other", alone.connections);
    let mut logins = JoinSet::new();
    for login in ["carol", "bob", "carol", "bob"] {
        let host = Arc::clone(&host);
        logins.spawn(async move {
            for _ in 0..TIMES {
                is_told_why(&host, login).await;
            }
        });
    }
    for login in ["alice", "deep", "#leading hash"] {
        let host = Arc::clone(&host);
        logins.spawn(async move {
            for _ in 0..TIMES {
                host.accepts(login, &password_of(login)).await;
            }
        });
    }
    logins.join_all().await;
    let requests = directory.requests();
    // Three from before; two for searches; in each of the two lanes one for each bind that is under way; and what was dialled
    // beside those.
    assert!(requests.connections <= 14, "{} connections", requests.connections);
    assert_eq!(requests.binds_of(&format!("uid=carol,ou=people,{SUFFIX}")), 0, "there is no entry to bind as");
    let metrics = host.provider.metrics(&tests::host::context()).await.expect("metrics");
    assert!(
        metrics.iter().all(|metric| !metric.name.starts_with("breaker_open") || metric.value == 0.0),
        "the server is not to blame: {metrics:?}"
    );
}
