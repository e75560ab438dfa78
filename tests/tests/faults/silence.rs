//! A connection that worked, and then no longer does: no answer, no end, as when a network begins to drop packets.

use std::time::{Duration, Instant};

use provider_api::{Deadline, Fault, ListRequest, RequestContext, UnavailableReason};
use serde_json::json;
use tests::host::{Host, context};
use tests::hostile::wire::{Request, answer};
use tests::oracle::{Oracle, Reply, knows_nobody, knows_one};

use super::directory::{BASE_DN, PASSWORD, alice, settings};

/// The timeout of the settings.
const TIMEOUT: Duration = Duration::from_secs(1);

/// What a slow machine may take longer. A call that nobody ends would take the minute that its context has.
const MARGIN: Duration = Duration::from_secs(20);

fn assert_in_time(begun: Instant) {
    let elapsed = begun.elapsed();
    // Half of it, since a clock may be rounded on the way; an answer that did not wait comes within milliseconds.
    assert!((TIMEOUT / 2..TIMEOUT + MARGIN).contains(&elapsed), "the answer came after {elapsed:?}");
}

fn is_timeout(fault: &Fault) -> bool {
    matches!(fault, Fault::Unavailable { reason, .. } if *reason == UnavailableReason::TIMEOUT)
}

async fn host(oracle: &Oracle) -> Host {
    let mut settings = settings(oracle.address());
    settings["bind_dn"] = json!("cn=reader,dc=example,dc=com");
    settings["bind_password"] = json!("of the reader");
    Host::with_ldap(&settings).await
}

/// How much of the answer to a search still comes.
#[derive(Clone, Copy, Debug)]
enum Search {
    Nothing,
    HalfOfTheEntry,
    TheEntry,
}

#[tokio::test]
async fn a_login_whose_search_goes_silent_ends_at_its_deadline_and_sends_no_password() {
    for how in [Search::Nothing, Search::HalfOfTheEntry, Search::TheEntry] {
        let oracle = Oracle::start().await;
        oracle.answers(move |id, request| match request {
            Request::Search { .. } => {
                let mut entry = alice().message(id);
                match how {
                    Search::Nothing => entry.clear(),
                    Search::HalfOfTheEntry => entry.truncate(entry.len() / 2),
                    Search::TheEntry => {}
                }
                Reply::FallSilent(entry)
            }
            other => knows_nobody(id, other),
        });
        let host = host(&oracle).await;
        let begun = Instant::now();
        let fault = host.cannot_tell("alice", PASSWORD).await;
        assert!(is_timeout(&fault), "{how:?}: {fault}");
        assert_in_time(begun);
        let asked = oracle.asked();
        let [Ok(Request::Bind { name, .. }), Ok(Request::Search { .. })] = asked.as_slice() else {
            panic!("{how:?}: a bind as the service account and a search, not {asked:?}")
        };
        assert_eq!(name, b"cn=reader,dc=example,dc=com", "{how:?}");
        // Whoever is back is asked again within a second, and no connection of before stands in the way.
        oracle.answers(knows_one(alice()));
        let back = Instant::now() + MARGIN;
        while let Err(fault) = host.login("alice", PASSWORD).await {
            assert!(is_timeout(&fault) && Instant::now() < back, "{how:?}: {fault}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test]
async fn a_password_that_was_sent_into_silence_is_sent_once() {
    let oracle = Oracle::start().await;
    let found = knows_one(alice());
    oracle.answers(move |id, request| match request {
        Request::Bind { name, .. } if name.starts_with(b"uid=alice,") => Reply::FallSilent(Vec::new()),
        other => found(id, other),
    });
    let host = host(&oracle).await;
    let begun = Instant::now();
    let fault = host.cannot_tell("alice", PASSWORD).await;
    assert!(is_timeout(&fault), "{fault}");
    assert_in_time(begun);
    let asked = oracle.asked();
    let passwords = asked
        .iter()
        .filter(|asked| matches!(asked, Ok(Request::Bind { password, .. }) if password == PASSWORD.as_bytes()));
    assert_eq!(passwords.count(), 1, "{asked:?}");
}

#[tokio::test]
async fn a_listing_that_goes_silent_is_incomplete_and_keeps_what_came_before() {
    let oracle = Oracle::start().await;
    oracle.answers(|id, request| match request {
        Request::Search { paged: Some((_, cookie)), .. } if cookie.is_empty() => {
            Reply::Send([alice().message(id), answer::page_done(id, 0, b"more")].concat())
        }
        Request::Search { paged: Some(_), .. } => {
            let mut octets = bob(id);
            // One whole entry, and half of another.
            octets.extend(&octets.clone()[..octets.len() / 2]);
            Reply::FallSilent(octets)
        }
        other => knows_nobody(id, other),
    });
    let host = host(&oracle).await;
    // A listing has a deadline of its own, since it may take longer than a login.
    let context = RequestContext::new("silent listing", Deadline::after(TIMEOUT));
    let begun = Instant::now();
    let mut listing = host.provider.list_users(&context, &ListRequest::everybody());
    let mut users = Vec::new();
    let end = loop {
        match listing.next_page().await {
            Ok(Some(page)) => users.extend(page),
            Ok(None) => panic!("a listing that was cut short must not look complete"),
            Err(fault) => break fault,
        }
    };
    assert!(is_timeout(&end), "{end}");
    assert_in_time(begun);
    let logins: Vec<_> = users.iter().filter_map(|user| user.login.as_deref()).collect();
    assert!(logins.starts_with(&["alice"]), "{logins:?}");
}

#[tokio::test]
async fn a_validation_of_a_silent_directory_fails_at_its_deadline() {
    let oracle = super::black_hole::silent_server().await;
    let host = host(&oracle).await;
    let begun = Instant::now();
    let report = host.provider.validate(&context()).await.unwrap();
    assert_in_time(begun);
    assert!(!report.is_valid(), "{report:?}");
}

fn bob(id: i64) -> Vec<u8> {
    let dn = format!("uid=bob,{BASE_DN}");
    answer::entry(id, dn, &[("uid", vec!["bob"]), ("entryUUID", vec!["6f1c2c1e-6f0c-4c55-9a3e-0d3c1e1f0a02"])])
}
