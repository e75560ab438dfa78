//! What is counted of logins.

use std::time::Duration;

use provider_api::{Credentials, Deadline, Decision, Fault, RequestContext, Secret};
use wire_guard::ber::wrap;

use super::authenticate;
use crate::directory::Directory;
use crate::scripted_directory::{Reply, Request, ScriptedDirectory, bound, done, entry, person};

const DN: &str = "uid=alice,dc=x";

/// A directory that lets alice in, finds a group, and does not do StartTLS.
async fn directory() -> ScriptedDirectory {
    ScriptedDirectory::start(|id, request| match request {
        Request::Search { .. } | Request::Entry { .. } => Reply::Send([person(id, DN, "alice"), done(id, 0)].concat()),
        Request::RootDse => Reply::Send([entry(id, "", &[]), done(id, 0)].concat()),
        Request::Bind { .. } => Reply::Send(bound(id, 0)),
        // An extended response with the result code protocolError.
        Request::Other => Reply::Send(wrap(0x30, &[&[2, 1, id][..], &wrap(0x78, &[0x0a, 1, 2, 4, 0, 4, 0])].concat())),
    })
    .await
}

async fn login(directory: &Directory) -> Result<Decision, Fault> {
    let context = RequestContext::new("test", Deadline::after(Duration::from_secs(20)));
    authenticate(directory, &context, Credentials::new("alice", Secret::new("right"))).await
}

fn count(directory: &Directory, name: &str) -> u64 {
    let metrics = directory.read_metrics();
    let metric = metrics.iter().find(|metric| metric.name == name).expect("it is counted");
    metric.value.to_string().parse().expect("a whole number")
}

#[tokio::test]
async fn a_connection_counts_as_reused_from_its_second_bind_on() {
    let scripted = directory().await;
    let directory = scripted.configured();
    for reused in 0..3 {
        assert!(matches!(login(&directory).await, Ok(Decision::Accepted(_))));
        assert_eq!(count(&directory, "connections_reused_total"), reused);
        assert_eq!(count(&directory, "searches_total"), reused + 1);
    }
}

#[tokio::test]
async fn a_connection_that_was_opened_for_binds_counts_as_reused_from_its_second_on() {
    // Where groups are looked for, one is opened beside the one for searches.
    let scripted = directory().await.with_groups();
    let directory = scripted.configured();
    for reused in 0..3 {
        assert!(matches!(login(&directory).await, Ok(Decision::Accepted(_))));
        assert_eq!(count(&directory, "connections_reused_total"), reused);
    }
}

#[tokio::test]
async fn searches_of_people_themselves_are_counted_too() {
    let scripted = directory().await;
    let directory = scripted.configured_with(|settings| settings["bind_template"] = "uid={username},dc=x".into());
    for searches in 1..=3 {
        assert!(matches!(login(&directory).await, Ok(Decision::Accepted(_))));
        assert_eq!(count(&directory, "searches_total"), searches);
        assert_eq!(count(&directory, "user_binds_total"), searches);
    }
}

#[tokio::test]
async fn searches_for_groups_are_counted_too() {
    let scripted = directory().await;
    for (template, searches) in [(None, 2), (Some("uid={username},dc=x"), 2)] {
        let directory = scripted.configured_with(|settings| {
            settings["groups"] = "search".into();
            settings["nested_groups"] = false.into();
            settings["bind_template"] = template.into();
        });
        let answer = login(&directory).await;
        assert_eq!(count(&directory, "searches_total"), searches, "{template:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_starttls_has_not_shaken_hands() {
    let scripted = directory().await;
    let directory = scripted.configured_with(|settings| settings["start_tls"] = true.into());
    login(&directory).await.expect_err("it has to be protected");
    assert!(scripted.requests().iter().any(|(_, request)| *request == Request::Other), "it was asked");
    assert_eq!(count(&directory, "tls_handshakes_total"), 0);
}
