use provider_api::{Credentials, Deadline, Identity, RequestContext, Secret};
use std::time::Duration;
use tempfile::TempDir;

use super::{Called, ChangeError, local, rename, set_password, set_status};
use crate::local_accounts::{self, NewLocalAccount};
use crate::login::Host;
use crate::provision::{AcceptedLogin, Provisioned, provision};
use crate::store::{Status, Store, UserId};

/// A host with the local account `admin`, number 1, and the directory account `bob`, number 2.
struct Fixture {
    folder: TempDir,
    store: Store,
}

const ADMIN: UserId = UserId(1);
const BOB: UserId = UserId(2);

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open("sqlite:users.db", folder.path()).await.expect("a store");
        let admin = NewLocalAccount {
            name: "admin".to_owned(),
            password: Secret::new("first"),
            display_name: None,
            email: Some("root@example.com".to_owned()),
        };
        local_accounts::add(&store, admin).await.expect("added");
        let host = Self { folder, store };
        assert!(matches!(host.bob().await, Provisioned::Created(_)));
        host
    }

    async fn bob(&self) -> Provisioned {
        let mut identity = Identity::new("u-2", "entryUUID", "bob");
        identity.email = Some("bob@example.com".to_owned());
        let login = AcceptedLogin { instance: "corp".to_owned(), typed: "bob".to_owned(), identity };
        provision(&self.store, login).await.expect("the store works").account
    }

    /// The reason for which a local login is refused, if it is.
    async fn local_login(&self, name: &str, password: &str) -> Option<String> {
        let context = RequestContext::new("test", Deadline::after(Duration::from_mins(1)));
        let host = Host::new(self.store.clone(), Vec::new());
        host.login(&context, Credentials::new(name, Secret::new(password))).await.reason
    }

    fn audit(&self) -> Vec<String> {
        let file = rusqlite::Connection::open(self.folder.path().join("users.db")).expect("the file");
        let sql = "SELECT action || ' ' || user_id || ': ' || detail FROM audit WHERE id > 2 ORDER BY id";
        let mut statement = file.prepare(sql).expect("SQL");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.collect::<Result<_, _>>().expect("texts")
    }
}

#[tokio::test]
async fn a_disabled_account_stays_out_until_it_is_enabled() {
    let host = Fixture::new().await;
    for number in [ADMIN, BOB] {
        for _ in 0..2 {
            let (user, links) = set_status(&host.store, number, Status::Disabled).await.expect("disabled");
            assert_eq!((user.id, user.status, links.len()), (number, Status::Disabled, usize::from(number == BOB)));
        }
    }
    assert_eq!(host.local_login("admin", "first").await.as_deref(), Some("account_disabled"));
    assert!(matches!(host.bob().await, Provisioned::Refused(_)));
    for number in [ADMIN, BOB] {
        assert_eq!(set_status(&host.store, number, Status::Active).await.expect("enabled").0.status, Status::Active);
    }
    assert_eq!(host.local_login("admin", "first").await, None);
    assert!(matches!(host.bob().await, Provisioned::Refreshed(_)));
    let audit = host.audit();
    assert_eq!(audit[0], "user_disabled 1: an administrator has disabled admin");
    assert_eq!(audit[1], "user_disabled 2: an administrator has disabled bob", "what changes nothing is not noted");
    assert_eq!(
        audit[3..],
        ["user_enabled 1: an administrator has enabled admin", "user_enabled 2: an administrator has enabled bob"]
    );
}

#[tokio::test]
async fn a_name_given_by_an_administrator_holds_for_a_local_account_and_until_the_next_login_of_another() {
    let host = Fixture::new().await;
    let (user, links) = rename(&host.store, ADMIN, " Root ").await.expect("renamed");
    assert_eq!((user.name.as_str(), links.len()), ("Root", 0));
    assert_eq!(rename(&host.store, ADMIN, "ROOT").await.expect("its own name in another spelling").0.name, "ROOT");
    assert_eq!(host.local_login("root", "first").await, None);
    assert_eq!(host.local_login("admin", "first").await.as_deref(), Some("unknown_user"));
    let (user, links) = rename(&host.store, BOB, "bob-2").await.expect("renamed");
    assert_eq!((user.name.as_str(), links[0].login.as_str()), ("bob-2", "bob"));
    let Provisioned::Refreshed(bob) = host.bob().await else { panic!("bob has an account") };
    assert_eq!((bob.id, bob.name.as_str()), (BOB, "bob"));
    let audit = host.audit();
    assert_eq!(audit[0], "user_renamed 1: an administrator has renamed admin to Root");
    assert_eq!(audit.len(), 4);
}

#[tokio::test]
async fn a_name_that_is_taken_or_names_nobody_is_given_to_nobody() {
    let host = Fixture::new().await;
    for (number, name) in [(ADMIN, "ＢＯＢ"), (ADMIN, "bob@example.com"), (BOB, " Admin"), (BOB, "root@example.com")]
    {
        let refused = rename(&host.store, number, name).await.expect_err(name);
        assert!(matches!(refused, ChangeError::Taken(_)), "{name}: {refused}");
    }
    for name in ["", " ", "\u{200b}", "a\nb", "\u{202e}admin", &"x".repeat(257)] {
        let refused = rename(&host.store, BOB, name).await.expect_err(name);
        assert!(matches!(refused, ChangeError::Input(_)), "{name:?}: {refused}");
    }
    assert!(host.audit().is_empty());
}

#[tokio::test]
async fn a_new_password_is_that_of_a_local_account_alone() {
    let host = Fixture::new().await;
    for (called, password) in [("ＡＤＭＩＮ", "second"), ("1", "third")] {
        let user = local(&host.store, Called::new(called)).await.expect("a local account");
        set_password(&host.store, &user, Secret::new(password)).await.expect("set");
        assert_eq!(host.local_login("admin", password).await, None);
        assert_eq!(host.local_login("admin", "first").await.as_deref(), Some("invalid_credentials"));
    }
    let admin = local(&host.store, Called::Number(ADMIN)).await.expect("a local account");
    for password in ["", "a\0b"] {
        let refused = set_password(&host.store, &admin, Secret::new(password)).await.expect_err("no password");
        assert!(matches!(refused, ChangeError::Input(_)), "{refused}");
    }
    for called in ["bob", "2"] {
        let refused = local(&host.store, Called::new(called)).await.expect_err(called);
        assert!(matches!(refused, ChangeError::NotLocal(_)), "{refused}");
        assert!(refused.to_string().contains("bob (number 2)"), "{refused}");
    }
    assert_eq!(host.local_login("admin", "third").await, None);
    let audit = host.audit();
    assert_eq!(audit, ["local_password_set 1: an administrator has set the password of the local account admin"; 2]);
}

#[tokio::test]
async fn an_account_that_is_not_there_is_said_to_be_missing() {
    let host = Fixture::new().await;
    let nobody = UserId(7);
    for refused in [
        set_status(&host.store, nobody, Status::Disabled).await.expect_err("nobody"),
        rename(&host.store, nobody, "x").await.expect_err("nobody"),
        local(&host.store, Called::new("7")).await.expect_err("nobody"),
        local(&host.store, Called::new("seven")).await.expect_err("nobody"),
    ] {
        assert!(refused.to_string().starts_with("unknown_user: no account has the n"), "{refused}");
    }
}

#[test]
fn digits_are_a_number_and_all_else_is_a_name() {
    assert_eq!(Called::new("42"), Called::Number(UserId(42)));
    for name in ["+42", "-42", "4 2", "admin", "", "99999999999999999999"] {
        assert_eq!(Called::new(name), Called::Name(name.to_owned()));
    }
}
