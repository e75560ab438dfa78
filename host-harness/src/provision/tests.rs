mod names;

use provider_api::{FaultKind, Identity, Secret};
use tempfile::TempDir;

use super::{AcceptedLogin, Admission, Provisioned, provision};
use crate::local_accounts::{self, NewLocalAccount};
use crate::store::{Link, Store, User};

/// A store in a real file; a second handle on the file stands for a second process.
struct Fixture {
    folder: TempDir,
    store: Store,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open("sqlite:users.db", folder.path()).await.expect("a store");
        Self { folder, store }
    }

    async fn another_handle(&self) -> Store {
        Store::open("sqlite:users.db", self.folder.path()).await.expect("the same store")
    }

    /// A login at the provider `corp` by the entry's own login.
    async fn login(&self, identity: &Identity) -> Provisioned {
        self.admit(login_at("corp", identity)).await.account
    }

    async fn admit(&self, login: AcceptedLogin) -> Admission {
        provision(&self.store, login).await.expect("the store works")
    }

    async fn add_local(&self, name: &str, email: Option<&str>) -> Result<User, local_accounts::AddError> {
        let account = NewLocalAccount {
            name: name.to_owned(),
            password: Secret::new("local password"),
            display_name: None,
            email: email.map(str::to_owned),
        };
        local_accounts::add(&self.store, account).await
    }

    async fn accounts(&self) -> Vec<(User, Vec<Link>)> {
        let read = self.store.read(|records| {
            let mut accounts = Vec::new();
            records.each_user(&mut |user, links| {
                accounts.push((user, links));
                true
            })?;
            Ok(accounts)
        });
        read.await.expect("the store works")
    }

    /// What the audit trail says, straight from the file.
    fn audit(&self) -> Vec<String> {
        self.audited("action")
    }

    fn audited(&self, column: &str) -> Vec<String> {
        let file = rusqlite::Connection::open(self.folder.path().join("users.db")).expect("the file");
        let mut statement = file.prepare(&format!("SELECT {column} FROM audit ORDER BY id")).expect("SQL");
        let actions = statement.query_map([], |row| row.get(0)).expect("rows");
        actions.collect::<Result<_, _>>().expect("texts")
    }

    fn set_status(&self, name: &str, status: &str) {
        let file = rusqlite::Connection::open(self.folder.path().join("users.db")).expect("the file");
        file.execute("UPDATE user SET status = ?2 WHERE name = ?1", [name, status]).expect("SQL");
    }
}

fn person(subject: &str, login: &str, email: &str) -> Identity {
    let mut identity = Identity::new(subject, "entryUUID", login);
    identity.display_name = Some(format!("{login} of the directory"));
    identity.email = Some(email.to_owned());
    identity
}

fn login_at(instance: &str, identity: &Identity) -> AcceptedLogin {
    AcceptedLogin { instance: instance.to_owned(), typed: identity.login.clone(), identity: identity.clone() }
}

fn reason(provisioned: &Provisioned) -> Option<&str> {
    match provisioned {
        Provisioned::Refused(rejection) => Some(rejection.reason.as_str()),
        _ => None,
    }
}

#[tokio::test]
async fn the_first_login_creates_and_the_next_one_refreshes() {
    let host = Fixture::new().await;
    let mut alice = person("u-1", "alice", "alice@example.com");
    let Provisioned::Created(created) = host.login(&alice).await else { panic!("a first login creates") };
    assert_eq!(host.login(&alice).await, Provisioned::Refreshed(created.clone()));
    alice.email = Some("alice@new.example.com".to_owned());
    alice.display_name = None;
    let Provisioned::Refreshed(refreshed) = host.login(&alice).await else { panic!("a later login refreshes") };
    assert_eq!(refreshed.id, created.id);
    assert_eq!(host.accounts().await[0].0, refreshed);
    assert_eq!((refreshed.email.as_deref(), refreshed.display_name), (Some("alice@new.example.com"), None));
    assert_eq!(host.audit(), ["user_created"]);
}

#[tokio::test]
async fn whatever_a_directory_says_the_audit_trail_has_one_printable_line() {
    let host = Fixture::new().await;
    host.login(&person("u-1", "alice\n\u{1b}[2J", "a@example.com")).await;
    assert_eq!(host.audited("detail"), [r"first login as alice\u{a}\u{1b}[2J"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_first_logins_at_once_create_one_account() {
    let host = Fixture::new().await;
    let handles = [host.store.clone(), host.another_handle().await];
    let alice = person("u-1", "alice", "alice@example.com");
    let callers: Vec<_> = (0..200)
        .map(|number| {
            let (store, alice) = (handles[number % 2].clone(), login_at("corp", &alice));
            tokio::spawn(async move { provision(&store, alice).await })
        })
        .collect();
    let mut created = 0;
    for caller in callers {
        match caller.await.expect("no panic").expect("no error").account {
            Provisioned::Created(_) => created += 1,
            Provisioned::Refreshed(_) => {}
            refused => panic!("{refused:?}"),
        }
    }
    assert_eq!(created, 1);
    assert_eq!(host.accounts().await.len(), 1);
    assert_eq!(host.audit(), ["user_created"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_open_a_new_store_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let opening: Vec<_> = (0..16)
        .map(|_| {
            let folder = folder.path().to_owned();
            tokio::spawn(async move { Store::open("sqlite:users.db", &folder).await })
        })
        .collect();
    for opened in opening {
        opened.await.expect("no panic").expect("opened");
    }
}

#[tokio::test]
async fn a_directory_person_never_gets_the_account_of_a_local_one() {
    let host = Fixture::new().await;
    host.add_local("admin", Some("root@example.com")).await.expect("added");
    let before = host.accounts().await;
    for (login, email) in [
        ("admin", "x@example.com"),
        ("Admin", "x@example.com"),
        (" admin ", "x@example.com"),
        ("ａｄｍｉｎ", "x@example.com"),
        ("ad\u{200b}min", "x@example.com"),
        ("root@example.com", "x@example.com"),
        ("somebody", "root@example.com"),
        ("somebody", "ROOT@Example.com"),
        ("somebody", "admin"),
    ] {
        let refused = host.login(&person("u-1", login, email)).await;
        assert_eq!(reason(&refused), Some("local_account_exists"), "{login:?} {email:?}");
    }
    assert_eq!(host.accounts().await, before);
}

#[tokio::test]
async fn a_person_who_takes_the_mail_of_a_local_account_later_is_refused_and_nothing_changes() {
    let host = Fixture::new().await;
    host.add_local("admin", Some("root@example.com")).await.expect("added");
    host.login(&person("u-1", "alice", "alice@example.com")).await;
    let before = host.accounts().await;
    assert_eq!(reason(&host.login(&person("u-1", "alice", "root@example.com")).await), Some("local_account_exists"));
    assert_eq!(reason(&host.login(&person("u-1", "admin", "alice@example.com")).await), Some("local_account_exists"));
    assert_eq!(host.accounts().await, before);
}

#[tokio::test]
async fn a_rename_keeps_the_account() {
    let host = Fixture::new().await;
    let Provisioned::Created(created) = host.login(&person("u-1", "alice", "a@example.com")).await else {
        panic!("new")
    };
    let Provisioned::Refreshed(renamed) = host.login(&person("u-1", "alice.lee", "a@example.com")).await else {
        panic!("the same subject is the same account")
    };
    assert_eq!((renamed.id, renamed.name.as_str()), (created.id, "alice.lee"));
    let accounts = host.accounts().await;
    assert_eq!((accounts.len(), accounts[0].1[0].login.as_str()), (1, "alice.lee"));
    assert_eq!(host.audit(), ["user_created", "user_renamed"]);
    // The old name is free for somebody else.
    assert!(matches!(host.login(&person("u-2", "alice", "b@example.com")).await, Provisioned::Created(_)));
}

#[tokio::test]
async fn two_people_of_the_directory_may_share_a_mail_address() {
    let host = Fixture::new().await;
    for (subject, login) in [("u-1", "alice"), ("u-2", "bob")] {
        let first = host.login(&person(subject, login, "team@example.com")).await;
        assert!(matches!(first, Provisioned::Created(_)), "{first:?}");
    }
}

#[tokio::test]
async fn another_subject_attribute_is_refused_and_keys_nobody_anew() {
    let host = Fixture::new().await;
    host.login(&person("u-1", "alice", "alice@example.com")).await;
    let before = host.accounts().await;
    for subject in ["u-1", "u-2"] {
        let mut rekeyed = person(subject, "bob", "bob@example.com");
        rekeyed.subject_attribute = "uid".to_owned();
        let refused = host.login(&rekeyed).await;
        let Provisioned::Misfit(fault) = refused else { panic!("{refused:?}") };
        assert_eq!((fault.kind(), fault.code()), (FaultKind::Misconfigured, "setting_invalid"));
        assert!(fault.to_string().contains("subject_attribute") && fault.to_string().contains("entryUUID"), "{fault}");
    }
    assert_eq!(host.accounts().await, before);
    let mut other_case = person("u-1", "alice", "alice@example.com");
    other_case.subject_attribute = "ENTRYUUID".to_owned();
    assert!(matches!(host.login(&other_case).await, Provisioned::Refreshed(_)));
}

#[tokio::test]
async fn a_disabled_account_stays_out_whatever_the_directory_says() {
    let host = Fixture::new().await;
    let alice = person("u-1", "alice", "alice@example.com");
    host.login(&alice).await;
    host.set_status("alice", "disabled");
    let before = host.accounts().await;
    assert_eq!(reason(&host.login(&alice).await), Some("account_disabled"));
    assert_eq!(reason(&host.login(&person("u-1", "alice2", "x@example.com")).await), Some("account_disabled"));
    assert_eq!(host.accounts().await, before);
}

#[tokio::test]
async fn an_identity_of_nobody_gets_no_account() {
    let host = Fixture::new().await;
    for identity in [person("", "alice", "a@example.com"), person("u-1", " \u{200b}", "a@example.com")] {
        let refused = host.login(&identity).await;
        assert!(matches!(&refused, Provisioned::Misfit(fault) if fault.kind() == FaultKind::Internal), "{refused:?}");
    }
    assert!(host.accounts().await.is_empty());
}

#[tokio::test]
async fn a_local_account_takes_neither_a_name_nor_a_mail_address_that_is_in_use() {
    let host = Fixture::new().await;
    host.login(&person("u-1", "alice", "alice@example.com")).await;
    host.add_local("admin", None).await.expect("added");
    for (name, email) in [
        ("ALICE", None),
        ("ａｄｍｉｎ", None),
        ("alice@example.com", None),
        ("bob", Some("Alice@Example.com")),
        ("bob", Some("admin")),
    ] {
        let refused = host.add_local(name, email).await.expect_err(name);
        assert!(matches!(refused, local_accounts::AddError::Taken { .. }), "{refused}");
    }
    assert_eq!(host.accounts().await.len(), 2);
}

#[tokio::test]
async fn a_login_that_changes_nothing_needs_no_write() {
    let host = Fixture::new().await;
    let alice = person("u-1", "alice", "alice@example.com");
    host.login(&alice).await;
    let other = rusqlite::Connection::open(host.folder.path().join("users.db")).expect("the file");
    other.execute_batch("BEGIN IMMEDIATE").expect("the write lock");
    // Somebody else holds the write lock for as long as this takes.
    assert!(matches!(host.login(&alice).await, Provisioned::Refreshed(_)));
}
