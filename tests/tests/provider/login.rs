//! Logins against a real slapd: who gets in, who does not and why, and what is sent for it.

use provider_api::{RejectReason, UnavailableReason};
use serde_json::json;
use tests::directory::{Directory, PEOPLE, READER_DN, SUFFIX, Transport, password_of};
use tests::host::Host;
use tests::relay::Relay;

fn alice_dn() -> String {
    format!("uid=alice,ou=people,{SUFFIX}")
}

#[tokio::test]
async fn the_right_password_is_accepted_over_plain_ldap() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings_over(Transport::Plain)).await;
    host.accepts("alice", &password_of("alice")).await;
    assert_eq!(directory.requests().tls_established, 0);
}

#[tokio::test]
async fn the_right_password_is_accepted_over_start_tls_and_travels_in_tls() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings_over(Transport::StartTls)).await;
    host.accepts("alice", &password_of("alice")).await;
    let requests = directory.requests();
    assert!(requests.connections > 0);
    assert_eq!(requests.start_tls, requests.connections, "{requests:?}");
    assert_eq!(requests.tls_established, requests.connections, "{requests:?}");
}

#[tokio::test]
async fn the_right_password_is_accepted_over_ldaps_and_travels_in_tls() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings_over(Transport::Ldaps)).await;
    host.accepts("alice", &password_of("alice")).await;
    let requests = directory.requests();
    assert!(requests.connections > 0);
    assert_eq!(requests.start_tls, 0);
    assert_eq!(requests.tls_established, requests.connections, "{requests:?}");
}

#[tokio::test]
async fn the_identity_is_what_the_entry_says_and_not_what_was_typed() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings()).await;
    let identity = host.accepts("ALICE", &password_of("alice")).await;
    assert_eq!([identity.subject.clone()].as_slice(), directory.read(&alice_dn(), "entryUUID"));
    assert_eq!(identity.subject_attribute.to_lowercase(), "entryuuid");
    assert_eq!(identity.login, "alice");
    assert_eq!(identity.display_name.as_deref(), Some("Alice A."));
    assert_eq!(identity.email.as_deref(), Some("alice@example.com"));
    assert_eq!(identity.phone.as_deref(), Some("+49 30 1234"));
}

#[tokio::test]
async fn an_entry_without_mail_or_phone_has_none() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings()).await;
    let identity = host.accepts("#leading hash", &password_of("#leading hash")).await;
    assert_eq!((identity.email, identity.phone), (None, None));
}

#[tokio::test]
async fn a_wrong_password_is_rejected_and_costs_exactly_one_bind() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings()).await;
    assert_eq!(host.rejects("alice", &password_of("bob")).await, RejectReason::INVALID_CREDENTIALS);
    assert_eq!(directory.requests().binds_of(&alice_dn()), 1);
    for dn in directory.requests().bind_dns {
        assert!(dn == READER_DN || dn == alice_dn(), "a bind as {dn:?}");
    }
}

#[tokio::test]
async fn a_right_password_costs_exactly_one_bind() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings()).await;
    host.accepts("alice", &password_of("alice")).await;
    assert_eq!(directory.requests().binds_of(&alice_dn()), 1);
}

#[tokio::test]
async fn an_empty_password_sends_nothing() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings()).await;
    assert_eq!(host.rejects("alice", "").await, RejectReason::EMPTY_PASSWORD);
    assert_eq!(directory.requests().connections, 0);
}

#[tokio::test]
async fn what_is_too_long_or_has_control_characters_is_refused_and_sends_nothing() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings()).await;
    let right = password_of("alice");
    let long_name = "a".repeat(257);
    let inputs = [
        ("alice", format!("{right}\0")),
        ("alice", format!("{right}\0junk")),
        ("alice", format!("\0{right}")),
        ("alice", "\0".to_owned()),
        ("alice", format!("{right}\n")),
        ("alice", "x".repeat(1_025)),
        ("alice", "é".repeat(513)),
        ("alice\0", right.clone()),
        ("ali\0ce", right.clone()),
        ("alice\n", right.clone()),
        (&long_name, right),
    ];
    for (name, password) in inputs {
        let reason = host.rejects(name, &password).await;
        assert_eq!(reason, RejectReason::INPUT_REFUSED, "{name:?} with {} bytes", password.len());
    }
    assert_eq!(directory.requests().connections, 0);
}

#[tokio::test]
async fn the_longest_password_and_the_longest_name_are_still_looked_at() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings()).await;
    assert_eq!(host.rejects("alice", &"x".repeat(1_024)).await, RejectReason::INVALID_CREDENTIALS);
    assert_eq!(host.rejects(&"é".repeat(256), "any").await, RejectReason::UNKNOWN_USER);
}

#[tokio::test]
async fn an_unknown_user_is_rejected_without_a_bind() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings()).await;
    assert_eq!(host.rejects("nobody", "any").await, RejectReason::UNKNOWN_USER);
    assert!(directory.requests().bind_dns.iter().all(|dn| dn == READER_DN));
}

#[tokio::test]
async fn a_name_that_two_entries_have_is_rejected_without_a_bind() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings()).await;
    // Both twins have this password: picking either would let somebody in.
    assert_eq!(host.rejects("twin", &password_of("twin")).await, RejectReason::AMBIGUOUS_USER);
    assert!(directory.requests().bind_dns.iter().all(|dn| dn == READER_DN));
}

#[tokio::test]
async fn a_user_outside_the_base_is_unknown_although_an_alias_and_a_referral_inside_point_there() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings()).await;
    assert_eq!(host.rejects("outsider", &password_of("outsider")).await, RejectReason::UNKNOWN_USER);
    let mut everywhere = directory.settings();
    everywhere["base_dn"] = json!(SUFFIX);
    Host::with_ldap(&everywhere).await.accepts("outsider", &password_of("outsider")).await;
}

#[tokio::test]
async fn an_anonymous_search_is_made_when_no_service_account_is_set() {
    let directory = Directory::start();
    let mut settings = directory.settings();
    let object = settings.as_object_mut().unwrap();
    object.remove("bind_dn");
    object.remove("bind_password");
    // This directory shows nothing to strangers; that is an administrator's matter and no verdict on alice.
    let fault = Host::with_ldap(&settings).await.cannot_tell("alice", &password_of("alice")).await;
    assert_eq!(fault.code(), "no_permission", "{fault}");
    assert_eq!(directory.requests().binds_of(&alice_dn()), 0);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_a_timeout_within_the_time_that_is_set() {
    let directory = Directory::start();
    let relay = Relay::holding_after(&directory, 0);
    let mut settings = directory.settings();
    settings["host"] = json!("127.0.0.1");
    settings["port"] = json!(relay.port());
    settings["timeout"] = json!("500ms");
    let host = Host::with_ldap(&settings).await;
    let begun = std::time::Instant::now();
    let fault = host.cannot_tell("alice", &password_of("alice")).await;
    assert_eq!(fault.code(), UnavailableReason::TIMEOUT.as_str(), "{fault}");
    assert!(begun.elapsed().as_secs() < 5, "took {:?}", begun.elapsed());
}

#[tokio::test]
async fn fifty_logins_at_once_get_their_own_answers() {
    let directory = Directory::start();
    let host = std::sync::Arc::new(Host::with_ldap(&directory.settings()).await);
    let mut logins = tokio::task::JoinSet::new();
    for round in 0..50 {
        let host = host.clone();
        let person = &PEOPLE[round % 3];
        logins.spawn(async move {
            let identity = host.accepts(person.login, &password_of(person.login)).await;
            assert_eq!(identity.login, person.login);
            let wrong = host.rejects(person.login, "wrong").await;
            assert_eq!(wrong, RejectReason::INVALID_CREDENTIALS);
        });
    }
    while let Some(finished) = logins.join_next().await {
        finished.unwrap();
    }
}
