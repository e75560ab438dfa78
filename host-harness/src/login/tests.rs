use std::time::Duration;

use provider_api::{Credentials, Deadline, RequestContext, Secret};
use tempfile::TempDir;
use tokio::time::Instant;

use super::{Host, LoginAnswer, Outcome};
use crate::config::Configuration;
use crate::exit::Exit;
use crate::local_accounts::{self, NewLocalAccount};
use crate::log::Log;
use crate::providers;
use crate::store::{Store, UserId};

const PASSWORD: &str = "correct horse";

struct Fixture {
    folder: TempDir,
    host: Host,
}

/// A host with the local account `admin` and these providers.
async fn host(configuration: &str) -> Fixture {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("harness.toml");
    std::fs::write(&file, configuration).expect("written");
    let configuration = Configuration::read(&file).expect("a configuration");
    let store = Store::open(&configuration.store_url, folder.path()).await.expect("a store");
    let handles = providers::from_configuration(&configuration, Log::silent()).await.expect("providers");
    let account = NewLocalAccount {
        name: "admin".to_owned(),
        password: Secret::new(PASSWORD),
        display_name: Some("The Administrator".to_owned()),
        email: None,
    };
    local_accounts::add(&store, account).await.expect("added");
    Fixture { folder, host: Host::new(store, handles) }
}

const MISSING_PLUGIN: &str = "[[providers]]\ninstance = \"corp\"\npath = \"libnot_built.so\"\n";

impl Fixture {
    async fn login(&self, name: &str, password: &str) -> LoginAnswer {
        // A debug build takes long for a hash.
        let context = RequestContext::new("test", Deadline::after(Duration::from_mins(1)));
        self.host.login(&context, Credentials::new(name, Secret::new(password))).await
    }

    fn sql(&self, sql: &str) {
        rusqlite::Connection::open(self.folder.path().join("users.db"))
            .expect("the file")
            .execute_batch(sql)
            .expect("SQL");
    }
}

#[tokio::test]
async fn a_local_account_logs_in_while_no_provider_can_be_loaded() {
    let fixture = host(MISSING_PLUGIN).await;
    for spelling in ["admin", "ADMIN", " admin", "ａｄｍｉｎ"] {
        let answer = fixture.login(spelling, PASSWORD).await;
        assert_eq!((answer.outcome, answer.exit()), (Outcome::Accepted, Exit::Done), "{answer:?}");
        assert_eq!((answer.provider, answer.identity, answer.provisioning), (None, None, None));
        assert_eq!(answer.user.expect("an account").name, "admin");
    }
}

#[tokio::test]
async fn a_local_account_logs_in_while_another_program_holds_the_store() {
    let fixture = host("").await;
    let other = rusqlite::Connection::open(fixture.folder.path().join("users.db")).expect("the file");
    other.execute_batch("BEGIN IMMEDIATE").expect("the write lock");
    assert_eq!(fixture.login("admin", PASSWORD).await.outcome, Outcome::Accepted);
}

#[tokio::test]
async fn a_wrong_password_of_a_local_account_asks_no_provider() {
    let fixture = host(MISSING_PLUGIN).await;
    let answer = fixture.login("Admin", "wrong").await;
    assert_eq!((answer.outcome, answer.reason.as_deref()), (Outcome::Rejected, Some("invalid_credentials")));
    assert_eq!((answer.provider.as_deref(), answer.user), (None, None));
}

/// How long a login takes that is answered like this, in time that passes only while everybody waits for it.
async fn time_of(fixture: &Fixture, (name, password): (&str, &str), timeout: Duration, expected: Outcome) -> Duration {
    // First: a deadline is of the system's clock, which goes on while tokio's stands still.
    let context = RequestContext::new("test", Deadline::after(timeout));
    tokio::time::pause();
    let begun = Instant::now();
    let answer = fixture.host.login(&context, Credentials::new(name, Secret::new(password))).await;
    assert_eq!(answer.outcome, expected, "{answer:?}");
    let took = begun.elapsed();
    tokio::time::resume();
    took
}

#[tokio::test]
async fn a_rejected_login_takes_as_long_whether_the_name_is_a_local_accounts_or_nobodys() {
    let fixture = host("").await;
    for wrong in [("admin", "wrong"), ("alice", "wrong")] {
        let took = time_of(&fixture, wrong, Duration::from_mins(1), Outcome::Rejected).await;
        // The clock of tokio counts milliseconds.
        assert!((100..=101).contains(&took.as_millis()), "{wrong:?}: {took:?}");
    }
}

#[tokio::test]
async fn input_that_is_refused_before_anybody_is_asked_is_answered_at_once() {
    let fixture = host("").await;
    for refused in [("admin", ""), ("alice", ""), ("a\0b", "x")] {
        let took = time_of(&fixture, refused, Duration::from_mins(1), Outcome::Rejected).await;
        assert_eq!(took, Duration::ZERO, "{refused:?}");
    }
}

#[tokio::test]
async fn a_login_that_finds_its_local_account_crowded_is_told_as_a_wrong_password_and_as_late() {
    let fixture = host("").await;
    let crowd: Vec<_> = std::iter::from_fn(|| fixture.host.checks.begin(UserId(1)).ok()).collect();
    assert_eq!(crowd.len(), 8);
    let took = time_of(&fixture, ("admin", PASSWORD), Duration::from_mins(1), Outcome::Unavailable).await;
    assert!((100..=101).contains(&took.as_millis()), "{took:?}");
    let answer = fixture.login("admin", PASSWORD).await;
    assert_eq!(answer.reason.as_deref(), Some("overloaded"));
    assert_eq!(answer.user_code.expect("a code").as_str(), "invalid_credentials");
    drop(crowd);
    assert_eq!(fixture.login("admin", PASSWORD).await.outcome, Outcome::Accepted);
}

#[tokio::test]
async fn a_rejected_login_is_answered_by_its_deadline_and_an_accepted_one_at_once() {
    let fixture = host("").await;
    let took = time_of(&fixture, ("alice", "wrong"), Duration::from_millis(40), Outcome::Rejected).await;
    // Less if this thread stood still before the time did.
    assert!(took.as_millis() <= 41, "{took:?}");
    let took = time_of(&fixture, ("admin", PASSWORD), Duration::from_mins(1), Outcome::Accepted).await;
    assert_eq!(took, Duration::ZERO);
}

#[tokio::test]
async fn a_disabled_local_account_is_told_so_only_after_the_right_password() {
    let fixture = host("").await;
    fixture.sql("UPDATE user SET status = 'disabled'");
    let right = fixture.login("admin", PASSWORD).await;
    assert_eq!((right.outcome, right.reason.as_deref()), (Outcome::Rejected, Some("account_disabled")));
    assert_eq!(right.user, None);
    assert_eq!(fixture.login("admin", "wrong").await.reason.as_deref(), Some("invalid_credentials"));
}

#[tokio::test]
async fn a_local_account_without_a_password_lets_nobody_in() {
    let fixture = host("").await;
    fixture.sql("DELETE FROM local_password");
    assert_eq!(fixture.login("admin", PASSWORD).await.reason.as_deref(), Some("invalid_credentials"));
    fixture.sql("INSERT INTO local_password (user_id, phc) VALUES (1, 'not a hash')");
    assert_eq!(fixture.login("admin", "not a hash").await.reason.as_deref(), Some("invalid_credentials"));
}

#[tokio::test]
async fn a_missing_plugin_is_named_with_the_command_that_builds_it() {
    let answer = host(MISSING_PLUGIN).await.login("alice", "x").await;
    assert_eq!((answer.outcome, answer.exit()), (Outcome::Misconfigured, Exit::Misconfigured));
    assert_eq!((answer.reason.as_deref(), answer.provider.as_deref()), (Some("plugin_refused"), Some("corp")));
    assert!(answer.message.contains("libnot_built.so") && answer.message.contains("cargo build"), "{}", answer.message);
}

#[tokio::test]
async fn without_providers_a_stranger_is_unknown() {
    let answer = host("").await.login("alice", "x").await;
    assert_eq!((answer.outcome, answer.reason.as_deref()), (Outcome::Rejected, Some("unknown_user")));
    assert_eq!(answer.user_code.expect("a code").as_str(), "invalid_credentials");
}

#[tokio::test]
async fn input_that_cannot_be_right_reaches_neither_accounts_nor_providers() {
    let fixture = host(MISSING_PLUGIN).await;
    for (name, password, reason) in [
        ("alice", "", "empty_password"),
        ("admin", "", "empty_password"),
        ("alice", "right\0junk", "input_refused"),
        ("a\0b", "x", "input_refused"),
        ("", "x", "input_refused"),
    ] {
        let answer = fixture.login(name, password).await;
        assert_eq!((answer.outcome, answer.reason.as_deref()), (Outcome::Rejected, Some(reason)), "{name:?}");
    }
}

#[tokio::test]
async fn an_answer_has_every_key_that_scripts_rely_on() {
    let fixture = host("").await;
    let accepted = serde_json::to_value(fixture.login("admin", PASSWORD).await).expect("JSON");
    assert_eq!(
        accepted,
        serde_json::json!({
            "outcome": "accepted", "reason": null, "message": "the password of the local account admin is right",
            "user_code": null, "provider": null, "identity": null, "notices": [], "provisioning": null,
            "user": {"id": 1, "name": "admin", "display_name": "The Administrator", "email": null,
                     "status": "active", "origin": "local"}
        })
    );
}
