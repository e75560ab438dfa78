//! Names change hands in a directory; accounts do not.

use provider_api::{RejectReason, UserCode};

use super::{AcceptedLogin, Fixture, Provisioned, login_at, person, provision, reason};

impl Fixture {
    /// The names of the accounts, by number.
    async fn names(&self) -> Vec<String> {
        self.accounts().await.into_iter().map(|(user, _)| user.name).collect()
    }

    /// The account of a login, which must have one.
    async fn account(&self, subject: &str, login: &str) -> (i64, String) {
        match self.login(&person(subject, login, "x@example.com")).await {
            Provisioned::Created(user) | Provisioned::Refreshed(user) => (user.id.0, user.name),
            other => panic!("{subject} as {login}: {other:?}"),
        }
    }
}

fn said(number: i64, name: &str) -> (i64, String) {
    (number, name.to_owned())
}

#[tokio::test]
async fn a_re_created_entry_takes_the_name_and_nothing_else() {
    let host = Fixture::new().await;
    host.login(&person("u-1", "alice", "old@example.com")).await;
    let admission = host.admit(login_at("corp", &person("u-2", "Alice", "new@example.com"))).await;
    let Provisioned::Created(new) = &admission.account else { panic!("{admission:?}") };
    assert_eq!((new.id.0, new.name.as_str()), (2, "Alice"));
    let accounts = host.accounts().await;
    let (former, links) = &accounts[0];
    assert_eq!((former.id.0, former.name.as_str()), (1, "alice (former, number 1)"));
    assert_eq!((former.email.as_deref(), links[0].subject.as_str()), (Some("old@example.com"), "u-1"));
    assert_eq!(accounts[1].1.len(), 1);
    let released = admission.released.expect("a name was released").to_string();
    assert!(released.contains("account 1 is called alice (former, number 1)"), "{released}");
    assert_eq!(host.audit(), ["user_created", "name_released", "user_created"]);
    assert_eq!(host.audited("ifnull(subject, '')"), ["u-1", "u-1", "u-2"]);
}

#[tokio::test]
async fn two_people_may_swap_their_logins() {
    let host = Fixture::new().await;
    assert_eq!(host.account("x-1", "xena").await, said(1, "xena"));
    assert_eq!(host.account("y-1", "yuri").await, said(2, "yuri"));
    assert_eq!(host.account("x-1", "yuri").await, said(1, "yuri"));
    assert_eq!(host.names().await, ["yuri", "yuri (former, number 2)"]);
    assert_eq!(host.account("y-1", "xena").await, said(2, "xena"));
    assert_eq!(host.names().await, ["yuri", "xena"]);
}

#[tokio::test]
async fn a_login_that_is_passed_on_has_its_new_owner_before_the_old_one_comes_back() {
    let host = Fixture::new().await;
    host.account("u-1", "alice").await;
    assert_eq!(host.account("u-2", "alice").await, said(2, "alice"));
    assert_eq!(host.account("u-1", "alice.lee").await, said(1, "alice.lee"));
    assert_eq!(host.names().await, ["alice.lee", "alice"]);
}

#[tokio::test]
async fn a_name_may_change_hands_again_and_again() {
    let host = Fixture::new().await;
    for round in 0..3 {
        for (number, subject) in [(1, "u-1"), (2, "u-2"), (3, "u-3")] {
            assert_eq!(host.account(subject, "bob").await, said(number, "bob"), "round {round}");
        }
    }
    assert_eq!(host.names().await, ["bob (former, number 1)", "bob (former, number 2)", "bob"]);
}

#[tokio::test]
async fn the_name_of_a_former_holder_is_unique_whoever_has_it_already() {
    let host = Fixture::new().await;
    host.account("u-1", "bob").await;
    host.account("u-2", "BOB (Former, Number 1)").await;
    host.account("u-3", "bob").await;
    assert_eq!(host.names().await, ["bob (former, number 1) (former, number 1)", "BOB (Former, Number 1)", "bob"]);
    // That name is one like any other.
    assert_eq!(host.account("u-4", "bob (former, number 1)").await, said(4, "bob (former, number 1)"));
    assert_eq!(host.names().await[1], "BOB (Former, Number 1) (former, number 2)");
}

#[tokio::test]
async fn a_disabled_account_gives_its_name_away_and_stays_disabled() {
    let host = Fixture::new().await;
    host.account("u-1", "bob").await;
    host.set_status("bob", "disabled");
    assert_eq!(host.account("u-2", "bob").await, said(2, "bob"));
    assert_eq!(reason(&host.login(&person("u-1", "bob", "x@example.com")).await), Some("account_disabled"));
    assert_eq!(host.names().await, ["bob (former, number 1)", "bob"]);
}

#[tokio::test]
async fn the_name_of_a_local_account_stays_with_it() {
    let host = Fixture::new().await;
    host.add_local("admin", Some("root@example.com")).await.expect("added");
    for (login, email, remedy) in [
        ("admin", "x@example.com", "users rename 1 NEW-NAME"),
        ("x", "root@example.com", "give the entry another one in the directory"),
    ] {
        let refused = host.login(&person("u-1", login, email)).await;
        let Provisioned::Refused(rejection) = refused else { panic!("{refused:?}") };
        assert_eq!(rejection.reason, RejectReason::LOCAL_ACCOUNT_EXISTS);
        assert!(rejection.message.contains(remedy), "{}", rejection.message);
    }
    assert_eq!(host.names().await, ["admin"]);
}

#[tokio::test]
async fn two_providers_with_the_same_name_or_subject_share_no_account() {
    let host = Fixture::new().await;
    host.account("u-1", "alice").await;
    let same_name = host.admit(login_at("branch", &person("u-9", "alice", "x@example.com"))).await;
    let Provisioned::Refused(rejection) = &same_name.account else { panic!("{same_name:?}") };
    assert_eq!((&rejection.reason, &rejection.user_code), (&RejectReason::NAME_TAKEN, &UserCode::ASK_ADMINISTRATOR));
    for part in ["provider instance corp", "users rename 1 NEW-NAME", "is then refused as name_taken"] {
        assert!(rejection.message.contains(part), "{}", rejection.message);
    }
    assert_eq!(host.names().await, ["alice"]);
    assert_eq!(host.audit(), ["user_created", "login_refused"]);
    let same_subject = host.admit(login_at("branch", &person("u-1", "bob", "x@example.com"))).await;
    assert!(matches!(same_subject.account, Provisioned::Created(_)), "{same_subject:?}");
}

/// Found by their full name, somebody may share the login with another entry, or have written it into their own.
#[tokio::test]
async fn a_login_that_was_not_typed_takes_no_name_from_anybody() {
    let host = Fixture::new().await;
    host.account("u-1", "alice").await;
    let by_full_name = |typed: &str| AcceptedLogin {
        typed: typed.to_owned(),
        ..login_at("corp", &person("u-2", "alice", "x@example.com"))
    };
    let refused = host.admit(by_full_name("Mallory Smith")).await;
    let Provisioned::Refused(rejection) = &refused.account else { panic!("{refused:?}") };
    assert_eq!(rejection.reason, RejectReason::NAME_TAKEN);
    assert!(rejection.message.contains("log in as alice once"), "{}", rejection.message);
    assert_eq!(host.names().await, ["alice"]);
    assert!(matches!(host.admit(by_full_name(" ALICE ")).await.account, Provisioned::Created(_)));
}

/// A directory that takes the two for different names says of both that they are one person's alone.
#[tokio::test]
async fn a_name_that_is_the_same_for_the_host_alone_is_not_taken_away() {
    let host = Fixture::new().await;
    host.account("u-1", "alice").await;
    for login in ["ａｌｉｃｅ", "al\u{200b}ice"] {
        let refused = host.login(&person("u-2", login, "x@example.com")).await;
        assert_eq!(reason(&refused), Some("name_taken"), "{login:?}");
    }
    assert_eq!(host.names().await, ["alice"]);
}

#[tokio::test]
async fn ids_of_two_attributes_do_not_prove_that_these_are_two_people() {
    let host = Fixture::new().await;
    host.account("u-1", "alice").await;
    // The instance knows both attributes, so a new one alone is no misfit.
    let file = rusqlite::Connection::open(host.folder.path().join("users.db")).expect("the file");
    host.account("u-2", "bob").await;
    file.execute("UPDATE identity_link SET subject_attribute = 'objectGUID' WHERE subject = 'u-1'", []).expect("SQL");
    assert_eq!(reason(&host.login(&person("u-3", "alice", "x@example.com")).await), Some("name_taken"));
    assert_eq!(host.names().await, ["alice", "bob"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn first_logins_at_once_release_a_name_once() {
    let host = Fixture::new().await;
    host.account("u-1", "alice").await;
    let handles = [host.store.clone(), host.another_handle().await];
    let callers: Vec<_> = (0..50)
        .map(|number| {
            let store = handles[number % 2].clone();
            let login = login_at("corp", &person("u-2", "alice", "x@example.com"));
            tokio::spawn(async move { provision(&store, login).await })
        })
        .collect();
    let (mut created, mut released) = (0, 0);
    for caller in callers {
        let admission = caller.await.expect("no panic").expect("no error");
        released += i32::from(admission.released.is_some());
        match admission.account {
            Provisioned::Created(_) => created += 1,
            Provisioned::Refreshed(_) => {}
            refused => panic!("{refused:?}"),
        }
    }
    assert_eq!((created, released), (1, 1));
    assert_eq!(host.names().await, ["alice (former, number 1)", "alice"]);
    assert_eq!(host.audit(), ["user_created", "name_released", "user_created"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_who_swap_may_come_at_once() {
    let host = Fixture::new().await;
    host.account("x-1", "xena").await;
    host.account("y-1", "yuri").await;
    let (one, other) = (host.store.clone(), host.another_handle().await);
    let x = login_at("corp", &person("x-1", "yuri", "x@example.com"));
    let y = login_at("corp", &person("y-1", "xena", "x@example.com"));
    let (x, y) = tokio::join!(provision(&one, x), provision(&other, y));
    for admission in [x.expect("no error"), y.expect("no error")] {
        assert!(matches!(admission.account, Provisioned::Refreshed(_)), "{admission:?}");
    }
    assert_eq!(host.names().await, ["yuri", "xena"]);
}
