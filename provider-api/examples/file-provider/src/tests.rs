//! The trait is called directly: a provider can be tested without loading a library.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use provider_api::author::{AuthProvider, UserCursor};
use provider_api::{
    Credentials, Deadline, Decision, Fault, Identity, ListRequest, ListingEnd, RejectReason, Rejection, RequestContext,
    Secret, StageOutcome, UserCode,
};
use tempfile::TempDir;

use super::{FileProvider, Settings};

/// A hash at the lowest cost: most tests are not about the cost.
pub(crate) fn cheap_hash(password: &str) -> String {
    hash(password, Params::MIN_M_COST)
}

/// A hash at a cost in KiB.
fn hash(password: &str, cost: u32) -> String {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(cost, 1, 1, None).unwrap());
    argon2.hash_password(password.as_bytes()).unwrap().to_string()
}

fn user(id: &str, name: &str, password: &str, more: &str) -> String {
    let hash = cheap_hash(password);
    format!("[[users]]\nid = \"{id}\"\nname = \"{name}\"\npassword_hash = \"{hash}\"\n{more}\n")
}

fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("users.toml");
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn provider(text: &str) -> FileProvider {
    let (_folder, path) = file(text);
    FileProvider::configure(Settings { users_file: path }).unwrap()
}

fn two_people() -> FileProvider {
    let ada = user(
        "u-1",
        "ada",
        "engine",
        "display_name = \"Ada Lovelace\"\nemail = \"ada@example.com\"\nphone = \"+44 1\"\ngroups = [\"engineers\"]",
    );
    provider(&(ada + &user("u-2", "charles", "difference", "disabled = true")))
}

fn context() -> RequestContext {
    RequestContext::new("test", Deadline::after(Duration::from_mins(1)))
}

async fn login(provider: &FileProvider, name: &str, password: &str) -> Decision {
    provider.authenticate(&context(), Credentials::new(name, Secret::new(password))).await.unwrap()
}

async fn accepted(provider: &FileProvider, name: &str, password: &str) -> Identity {
    match login(provider, name, password).await {
        Decision::Accepted(accepted) => accepted.identity,
        Decision::Rejected(rejection) => panic!("{rejection:?}"),
    }
}

async fn rejected(provider: &FileProvider, name: &str, password: &str) -> Rejection {
    match login(provider, name, password).await {
        Decision::Accepted(accepted) => panic!("{accepted:?}"),
        Decision::Rejected(rejection) => rejection,
    }
}

#[tokio::test]
async fn the_right_password_gives_the_identity_of_the_file_and_not_what_was_typed() {
    let identity = accepted(&two_people(), "ADA", "engine").await;
    assert_eq!(
        (identity.subject.as_str(), identity.subject_attribute.as_str(), identity.login.as_str()),
        ("u-1", "id", "ada")
    );
    assert_eq!(identity.display_name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(identity.email.as_deref(), Some("ada@example.com"));
    assert_eq!(identity.phone.as_deref(), Some("+44 1"));
    assert_eq!(identity.groups.first().map(|group| group.name.as_str()), Some("engineers"));
}

#[tokio::test]
async fn each_refusal_has_its_reason_and_the_person_hears_nothing_of_it() {
    let provider = two_people();
    for (name, password, reason) in [
        ("ada", "Engine", RejectReason::INVALID_CREDENTIALS),
        ("ada", "engine ", RejectReason::INVALID_CREDENTIALS),
        ("grace", "engine", RejectReason::UNKNOWN_USER),
        ("ada", "", RejectReason::INVALID_CREDENTIALS),
    ] {
        let rejection = rejected(&provider, name, password).await;
        assert_eq!(rejection.reason, reason, "{name:?} {rejection:?}");
        assert_eq!(rejection.user_code, UserCode::INVALID_CREDENTIALS, "{name:?}");
    }
}

#[tokio::test]
async fn a_disabled_account_is_told_so_only_after_the_right_password() {
    let provider = two_people();
    let wrong = rejected(&provider, "charles", "guess").await;
    assert_eq!((wrong.reason, wrong.user_code), (RejectReason::INVALID_CREDENTIALS, UserCode::INVALID_CREDENTIALS));
    let right = rejected(&provider, "charles", "difference").await;
    assert_eq!((right.reason, right.user_code), (RejectReason::ACCOUNT_DISABLED, UserCode::ACCOUNT_DISABLED));
}

#[tokio::test]
async fn an_unknown_name_costs_the_work_of_a_hash() {
    // 32 MiB to fill: no machine does that within 3 ms, and a mere look into a table takes some microseconds.
    let costly = hash("engine", 32 * 1_024);
    let provider = provider(&format!("[[users]]\nid = \"1\"\nname = \"ada\"\npassword_hash = \"{costly}\"\n"));
    let start = Instant::now();
    rejected(&provider, "grace", "wrong").await;
    assert!(start.elapsed() > Duration::from_millis(3), "{:?}", start.elapsed());
}

#[tokio::test]
async fn everybody_is_listed_once_in_pages_of_500() {
    let hash = cheap_hash("x");
    let user = |n| {
        let disabled = n == 0;
        format!("[[users]]\nid = \"{n}\"\nname = \"user{n}\"\npassword_hash = \"{hash}\"\ndisabled = {disabled}\n")
    };
    let text = (0..1_001).map(user).collect::<Vec<_>>().concat();
    let mut pages = provider(&text).list_users(&context(), ListRequest::everybody()).await.unwrap();
    let (mut sizes, mut subjects) = (Vec::new(), std::collections::BTreeSet::new());
    loop {
        let page = pages.next_page(&context()).await.unwrap();
        sizes.push(page.users.len());
        for user in page.users {
            assert_eq!(user.refusal.is_some(), user.login.as_deref() == Some("user0"));
            subjects.insert(user.subject.unwrap());
        }
        if let Some(end) = page.end {
            assert_eq!(end, ListingEnd::Complete);
            break;
        }
    }
    assert_eq!((sizes, subjects.len()), (vec![500, 500, 1], 1_001));
}

#[tokio::test]
async fn a_validation_tells_a_file_that_changed_and_one_that_is_gone() {
    let ada = user("u-1", "ada", "engine", "");
    let (_folder, path) = file(&ada);
    let provider = FileProvider::configure(Settings { users_file: path.clone() }).unwrap();
    let report = provider.validate(&context()).await;
    assert!(report.is_valid() && report.stages.iter().all(|stage| stage.outcome == StageOutcome::Passed), "{report:?}");

    fs::write(&path, ada + &user("u-2", "grace", "compiler", "")).unwrap();
    let report = provider.validate(&context()).await;
    assert_eq!(report.stages.first().unwrap().code.as_deref(), Some("file_changed"));

    fs::remove_file(&path).unwrap();
    let report = provider.validate(&context()).await;
    assert!(!report.is_valid());
    accepted(&provider, "ada", "engine").await;
}

#[test]
fn settings_that_cannot_work_are_refused_by_name() {
    let (folder, path) = file("users = 7");
    for users_file in [folder.path().join("missing.toml"), folder.path().to_owned(), path] {
        match FileProvider::configure(Settings { users_file: users_file.clone() }) {
            Err(Fault::Misconfigured { setting: Some(key), message, .. }) => {
                assert_eq!(key, "users_file");
                assert!(message.starts_with(&users_file.display().to_string()), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn hashes_are_not_in_the_debug_output() {
    let provider = two_people();
    assert!(!format!("{provider:?}").contains("argon2"), "{provider:?}");
}
