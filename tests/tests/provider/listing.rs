//! Listing users: everybody, or the plain word that somebody is missing.

use std::collections::BTreeSet;

use provider_api::{ListRequest, ListedUser};
use serde_json::{Value, json};
use tests::directory::{Directory, HARD_NAMES, PEOPLE, Paging, SUFFIX};
use tests::host::{Host, context};
use tests::relay::Relay;

fn of_the_bulk(directory: &Directory) -> Value {
    let mut settings = directory.settings();
    settings["base_dn"] = json!(format!("ou=bulk,{SUFFIX}"));
    settings["username_attribute"] = json!("uid");
    settings
}

fn logins(users: &[ListedUser]) -> BTreeSet<&str> {
    users.iter().filter_map(|user| user.login.as_deref()).collect()
}

#[tokio::test]
async fn ten_thousand_users_are_listed_from_a_server_that_gives_500_at_once() {
    let directory = Directory::builder().bulk_users(10_000).start();
    let (users, end) = Host::with_ldap(&of_the_bulk(&directory)).await.list().await;
    assert_eq!(end, Ok(()));
    assert_eq!(users.len(), 10_000);
    let expected: Vec<String> = (1..=10_000).map(|number| format!("user{number:05}")).collect();
    assert_eq!(logins(&users), expected.iter().map(String::as_str).collect());
    let subjects: BTreeSet<_> = users.iter().filter_map(|user| user.subject.as_deref()).collect();
    assert_eq!(subjects.len(), 10_000, "each has a subject of its own");
}

#[tokio::test]
async fn a_listing_names_who_could_log_in_and_what_is_known_of_them() {
    let directory = Directory::start();
    let mut settings = directory.settings();
    settings["username_attribute"] = json!("uid");
    let host = Host::with_ldap(&settings).await;
    let (users, end) = host.list().await;
    assert_eq!(end, Ok(()), "the referral in the tree neither is followed nor breaks the listing");
    let people = PEOPLE.iter().filter(|person| person.unit.ends_with("ou=people"));
    let expected: BTreeSet<&str> = people.map(|person| person.login).chain(HARD_NAMES.iter().copied()).collect();
    assert_eq!(logins(&users), expected);
    let alice = users.iter().find(|user| user.login.as_deref() == Some("alice")).unwrap();
    assert_eq!(alice.email.as_deref(), Some("alice@example.com"));
    assert_eq!(alice.display_name.as_deref(), Some("Alice A."));
    let subject = directory.read(&format!("uid=alice,ou=people,{SUFFIX}"), "entryUUID");
    assert_eq!(alice.subject, subject.first().cloned());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_half_way_leaves_the_listing_incomplete() {
    let directory = Directory::builder().bulk_users(10_000).start();
    // 10,000 users are about 2 MB.
    let relay = Relay::holding_after(&directory, 500_000);
    let mut settings = of_the_bulk(&directory);
    settings["host"] = json!("127.0.0.1");
    settings["port"] = json!(relay.port());
    let host = Host::with_ldap(&settings).await;
    let listing = tokio::spawn(async move { host.list().await });
    tokio::task::block_in_place(|| relay.wait_until_held());
    directory.kill();
    relay.release();
    let (users, end) = listing.await.unwrap();
    let fault = end.expect_err("a listing cut short must never look complete");
    assert_eq!(fault.code(), "connection_lost", "{fault}");
    assert!(users.len() < 10_000, "{} users", users.len());
}

#[tokio::test]
async fn a_server_that_limits_the_total_leaves_the_listing_incomplete() {
    let directory = Directory::builder().bulk_users(1_500).paging(Paging::Total(1_000)).start();
    let (users, end) = Host::with_ldap(&of_the_bulk(&directory)).await.list().await;
    let fault = end.expect_err("500 are missing");
    assert_eq!(fault.code(), "size_limit", "{fault}");
    assert!(users.len() <= 1_000, "{} users", users.len());
}

#[tokio::test]
async fn a_server_that_refuses_to_page_leaves_the_listing_incomplete() {
    let directory = Directory::builder().bulk_users(600).paging(Paging::Refused).start();
    let (users, end) = Host::with_ldap(&of_the_bulk(&directory)).await.list().await;
    let fault = end.expect_err("without pages the server gives 500 of the 600");
    assert_eq!(fault.code(), "paging_refused", "{fault}");
    assert!(users.len() < 600, "{} users", users.len());
}

#[tokio::test]
async fn a_listing_that_is_dropped_early_does_no_harm() {
    let directory = Directory::builder().bulk_users(2_000).start();
    let host = Host::with_ldap(&of_the_bulk(&directory)).await;
    let mut listing = host.provider.list_users(&context(), &ListRequest::everybody());
    assert!(listing.next_page().await.unwrap().is_some());
    drop(listing);
    let (users, end) = host.list().await;
    assert_eq!((users.len(), end), (2_000, Ok(())));
}

#[tokio::test]
async fn a_refused_service_account_is_no_empty_directory() {
    let directory = Directory::start();
    let mut settings = of_the_bulk(&directory);
    settings["bind_password"] = json!("canary: wrong");
    let (users, end) = Host::with_ldap(&settings).await.list().await;
    assert_eq!(users, Vec::new());
    assert_eq!(end.expect_err("nothing could be read").code(), "service_credentials_refused");
}
