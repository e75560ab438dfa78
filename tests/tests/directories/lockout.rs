//! One typed password is one attempt at the server, so that nobody is locked out sooner than the server's policy says.

use serde_json::json;
use tests::deployment::{ALLOWED_FAILURES, Deployment, Ldif};
use tests::host::Host;
use tests::relay::Relay;

use crate::answer::Answer;
use crate::promise::{Promise, promise};
use crate::settings::host_with;
use crate::table;

pub(crate) fn promises() -> Vec<Promise> {
    vec![
        promise!(three_wrong_passwords_are_three_failures),
        promise!(three_wrong_passwords_are_three_failures_with_two_servers),
        promise!(three_wrong_passwords_are_three_failures_when_the_name_matches_in_several_attributes),
        promise!(three_wrong_passwords_that_are_not_ascii_are_three_failures),
        promise!(two_wrong_passwords_and_a_right_one_let_in_and_are_forgotten),
    ]
}

/// Types so many wrong passwords as lock an account, one after the other, and looks at what the server counts.
async fn mistype(server: &dyn Deployment, host: &Host, person: &tests::deployment::Person, wrong: &str) {
    for attempt in 1..=ALLOWED_FAILURES {
        let answer = Answer::of(host, &person.login, wrong).await;
        assert_eq!(answer, Answer::rejected("invalid_credentials"), "attempt {attempt}");
        assert_eq!(server.failed_attempts(person), attempt);
    }
    let answer = Answer::of(host, &person.login, &person.password).await;
    assert_eq!(answer, Answer::rejected("account_locked"), "the policy is in force");
}

async fn three_wrong_passwords_are_three_failures(server: &dyn Deployment) {
    let host = Host::with_ldap(&server.settings()).await;
    mistype(server, &host, &server.add_person("mistyped"), "wrong").await;
}

async fn three_wrong_passwords_are_three_failures_with_two_servers(server: &dyn Deployment) {
    let second = Relay::to(server.address());
    let settings = server.settings();
    let first = settings["host"].as_str().expect("one host").to_owned();
    let scheme = first.split_once("://").expect("a URL").0;
    let both = json!([first, format!("{scheme}://127.0.0.1:{}", second.port())]);
    for (login, hosts) in [("twice", both.clone()), ("twice-turned", json!([both[1], both[0]]))] {
        let host = host_with(server, json!({ "host": hosts })).await;
        mistype(server, &host, &server.add_person(login), "wrong").await;
    }
}

async fn three_wrong_passwords_are_three_failures_when_the_name_matches_in_several_attributes(server: &dyn Deployment) {
    let person = server.add_person("several");
    let attributes = table::several_attributes(server.kind());
    let mut ldif = Ldif::default();
    for attribute in attributes {
        ldif.replace(&person.dn, &[(attribute, "several")]);
    }
    server.client().change(&ldif);
    let own = table::login_attribute(server.kind());
    let attributes: Vec<&str> = attributes.iter().copied().chain([own]).collect();
    let host = host_with(server, json!({ "username_attribute": attributes })).await;
    mistype(server, &host, &person, "wrong").await;
}

async fn three_wrong_passwords_that_are_not_ascii_are_three_failures(server: &dyn Deployment) {
    let host = Host::with_ldap(&server.settings()).await;
    let person = server.add_person("jörg");
    assert!(!person.password.is_ascii());
    host.accepts("jörg", &person.password).await;
    mistype(server, &host, &person, "fälsch 密码 🔑").await;
}

async fn two_wrong_passwords_and_a_right_one_let_in_and_are_forgotten(server: &dyn Deployment) {
    let host = Host::with_ldap(&server.settings()).await;
    let person = server.add_person("almost");
    for _ in 1..ALLOWED_FAILURES {
        host.rejects("almost", "wrong").await;
    }
    assert_eq!(server.failed_attempts(&person), ALLOWED_FAILURES - 1);
    host.accepts("almost", &person.password).await;
    assert_eq!(server.failed_attempts(&person), 0);
}
