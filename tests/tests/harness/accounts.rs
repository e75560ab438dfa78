//! Accounts: made at the first login, kept fresh by later ones, never linked by a name or a mail address.

mod names;

use rusqlite::Connection;
use serde_json::{Value, json};
use tests::directory::{Directory, SUFFIX, password_of};
use tests::harness::{Harness, Instance, Outcome};
use tests::users_file::UsersFile;

fn corp(directory: &Directory) -> Harness {
    Harness::new(&[Instance::ldap("corp", directory.settings())])
}

fn accepted(outcome: &Outcome) -> Value {
    assert_eq!(outcome.code, 0, "{outcome:?}");
    outcome.json()
}

fn accounts(harness: &Harness) -> Vec<Value> {
    harness.run(&["--format", "json", "users"]).json_lines()
}

#[test]
fn the_first_login_creates_the_account_and_later_ones_refresh_it() {
    let directory = Directory::start();
    let harness = corp(&directory);
    let first = accepted(&harness.login("alice", &password_of("alice")));
    directory.change(&format!(
        "dn: uid=alice,ou=people,{SUFFIX}\n\
         changetype: modify\n\
         replace: displayName\ndisplayName: Alice the Second\n-\n\
         replace: mail\nmail: a2@example.com\n"
    ));
    let second = accepted(&harness.login("alice", &password_of("alice")));
    assert_eq!((&first["provisioning"], &second["provisioning"]), (&json!("created"), &json!("refreshed")));
    assert_eq!(first["user"]["id"], second["user"]["id"]);
    assert_eq!(
        (&second["user"]["display_name"], &second["user"]["email"]),
        (&json!("Alice the Second"), &json!("a2@example.com"))
    );
    assert_eq!(accounts(&harness).len(), 1);
}

/// The host has the account; the directory has the last word each time.
#[test]
fn whoever_has_logged_in_before_is_refused_once_the_directory_no_longer_says_yes() {
    let person = format!("uid=alice,ou=people,{SUFFIX}");
    let no_longer = |what: &str, change: &dyn Fn(&Directory), expected: (i32, &str)| {
        let directory = Directory::start();
        let harness = corp(&directory);
        accepted(&harness.login("alice", &password_of("alice")));
        change(&directory);
        let outcome = harness.login("alice", &password_of("alice"));
        let answer = outcome.json();
        assert_eq!((outcome.code, &answer["reason"]), (expected.0, &json!(expected.1)), "{what}: {outcome:?}");
        assert_eq!((&answer["user"], &answer["provisioning"]), (&Value::Null, &Value::Null), "{what}: {answer}");
        assert_eq!(accounts(&harness).len(), 1, "{what}");
    };
    no_longer("stopped", &Directory::kill, (3, "connect_failed"));
    let delete = format!("dn: {person}\nchangetype: delete\n");
    no_longer("deleted", &|directory| directory.change(&delete), (1, "unknown_user"));
    let other_password =
        format!("dn: {person}\nchangetype: modify\nreplace: userPassword\nuserPassword: canary: another\n");
    no_longer("another password", &|directory| directory.change(&other_password), (1, "invalid_credentials"));
    let without = format!("dn: {person}\nchangetype: modify\ndelete: userPassword\n");
    no_longer("no password any more", &|directory| directory.change(&without), (1, "invalid_credentials"));
}

/// The file provider knows what it is to be disabled.
#[test]
fn whoever_has_logged_in_before_is_refused_once_the_entry_is_disabled() {
    let password = "canary: ada";
    let before = UsersFile::new().user("ada", password);
    let harness = Harness::new(&[Instance::file("staff", before.settings())]);
    accepted(&harness.login("ada", password));
    // Written anew in the same place, with the same id.
    let after = UsersFile::new().disabled_user("ada", password);
    after.replace(&before);
    let outcome = harness.login("ada", password);
    assert_eq!((outcome.code, &outcome.json()["reason"]), (1, &json!("account_disabled")), "{outcome:?}");
    assert_eq!(outcome.json()["user"], Value::Null);
}

#[test]
fn a_login_whose_account_cannot_be_kept_is_refused_for_now_and_says_who_it_was() {
    let file = UsersFile::new().user("ada", "canary: ada");
    let harness = Harness::new(&[Instance::file("staff", file.settings())]);
    assert!(accounts(&harness).is_empty());
    let full = "CREATE TRIGGER full BEFORE INSERT ON user BEGIN SELECT RAISE(ABORT, 'no room'); END";
    Connection::open(harness.store_file()).unwrap().execute_batch(full).unwrap();
    let outcome = harness.login("ada", "canary: ada");
    let answer = outcome.json();
    assert_eq!(
        (outcome.code, &answer["outcome"], &answer["reason"]),
        (3, &json!("unavailable"), &json!("store_failed"))
    );
    assert_eq!((&answer["identity"]["login"], &answer["user"]), (&json!("ada"), &Value::Null), "{answer}");
    assert_eq!(answer["provisioning"], Value::Null);
}

#[test]
fn a_rename_and_a_move_in_the_directory_keep_the_account() {
    let directory = Directory::start();
    let harness = corp(&directory);
    let before = accepted(&harness.login("alice", &password_of("alice")));
    directory.change(&format!(
        "dn: uid=alice,ou=people,{SUFFIX}\n\
         changetype: modrdn\nnewrdn: uid=alicia\ndeleteoldrdn: 1\n\
         newsuperior: ou=engineers,ou=people,{SUFFIX}\n"
    ));
    let after = accepted(&harness.login("alicia", &password_of("alice")));
    assert_eq!(before["user"]["id"], after["user"]["id"]);
    assert_eq!((&after["provisioning"], &after["user"]["name"]), (&json!("refreshed"), &json!("alicia")));
    assert_eq!(accounts(&harness).len(), 1);
}

#[test]
fn a_new_entry_with_an_old_name_does_not_get_the_old_account() {
    let directory = Directory::start();
    let harness = corp(&directory);
    let old = accepted(&harness.login("carol", &password_of("carol")));
    directory.change(&format!(
        "dn: uid=carol,ou=people,{SUFFIX}\nchangetype: delete\n\n\
         dn: uid=carol,ou=people,{SUFFIX}\nchangetype: add\nobjectClass: inetOrgPerson\n\
         uid: carol\ncn: Another Carol\nsn: C\nuserPassword: canary: new carol\n"
    ));
    let new = accepted(&harness.login("carol", "canary: new carol"));
    assert_eq!((&new["provisioning"], &new["user"]["name"]), (&json!("created"), &json!("carol")));
    assert_ne!(new["user"]["id"], old["user"]["id"]);
    let accounts = accounts(&harness);
    assert_eq!(accounts.len(), 2);
    assert_eq!((&accounts[0]["id"], &accounts[0]["name"]), (&old["user"]["id"], &json!("carol (former, number 1)")));
    assert_ne!(accounts[0]["links"][0]["subject"], accounts[1]["links"][0]["subject"]);
}

/// OpenLDAP sees to it by itself that ids are unique, not logins.
#[test]
fn an_entry_that_only_claims_to_have_a_login_takes_no_name_from_anybody() {
    let directory = Directory::start();
    let harness = corp(&directory);
    accepted(&harness.login("alice", &password_of("alice")));
    directory.change(&format!(
        "dn: cn=Mallory,ou=people,{SUFFIX}\nchangetype: add\nobjectClass: inetOrgPerson\n\
         uid: alice\ncn: Mallory\nsn: M\nuserPassword: canary: mallory\n"
    ));
    for (typed, reason) in [("Mallory", "name_taken"), ("alice", "ambiguous_user")] {
        let refused = harness.login(typed, "canary: mallory");
        assert_eq!((refused.code, &refused.json()["reason"]), (1, &json!(reason)), "{typed}: {refused:?}");
    }
    let accounts = accounts(&harness);
    assert_eq!((accounts.len(), &accounts[0]["name"]), (1, &json!("alice")));
}

#[test]
fn a_login_by_another_attribute_is_the_same_account_under_the_same_name() {
    let directory = Directory::start();
    let harness = corp(&directory);
    let by_uid = accepted(&harness.login("alice", &password_of("alice")));
    let by_cn = accepted(&harness.login("Alice Archer", &password_of("alice")));
    assert_eq!(by_uid["user"]["id"], by_cn["user"]["id"]);
    assert_eq!(by_cn["user"]["name"], "alice");
}

#[test]
fn a_local_account_logs_in_while_every_directory_is_down() {
    let directory = Directory::start();
    let harness = corp(&directory);
    harness.add_local_user("admin", "canary: local");
    directory.kill();
    for name in ["admin", "ADMIN", " admin ", "ａｄｍｉｎ"] {
        let answer = accepted(&harness.login(name, "canary: local"));
        assert_eq!((&answer["provider"], &answer["provisioning"]), (&Value::Null, &Value::Null), "{name}");
        assert_eq!((&answer["user"]["name"], &answer["user"]["origin"]), (&json!("admin"), &json!("local")), "{name}");
    }
    let wrong = harness.login("admin", "wrong");
    assert_eq!((wrong.code, &wrong.json()["reason"]), (1, &json!("invalid_credentials")));
    let empty = harness.login("admin", "");
    assert_eq!((empty.code, &empty.json()["reason"]), (1, &json!("empty_password")));
}

#[test]
fn the_password_of_a_local_account_is_never_shown_to_a_directory() {
    let directory = Directory::start();
    let harness = corp(&directory);
    harness.add_local_user("alice", "canary: local");
    accepted(&harness.login("alice", "canary: local"));
    // The directory's alice would be right with this one; but this name is the local account's.
    let outcome = harness.login("Alice", &password_of("alice"));
    assert_eq!((outcome.code, &outcome.json()["reason"]), (1, &json!("invalid_credentials")), "{outcome:?}");
    assert_eq!(directory.requests().connections, 0);
}

#[test]
fn an_entry_that_has_the_name_or_mail_of_a_local_account_is_refused_whatever_was_typed() {
    let directory = Directory::start();
    for (local, typed) in [("Alice", "Alice Archer"), ("ALICE@example.com", "alice")] {
        let harness = corp(&directory);
        harness.add_local_user(local, "canary: local");
        let outcome = harness.login(typed, &password_of("alice"));
        assert_eq!(outcome.code, 1, "{local}: {outcome:?}");
        let answer = outcome.json();
        assert_eq!(
            (&answer["reason"], &answer["provisioning"]),
            (&json!("local_account_exists"), &json!("refused")),
            "{local}"
        );
        let accounts = accounts(&harness);
        assert_eq!(accounts.len(), 1, "{local}");
        assert_eq!(accounts[0]["origin"], "local");
    }
}

#[test]
fn another_subject_attribute_is_refused_instead_of_making_everybody_anew() {
    let directory = Directory::start();
    let harness = corp(&directory);
    accepted(&harness.login("alice", &password_of("alice")));
    let mut settings = directory.settings();
    settings["subject_attribute"] = json!("uid");
    let configuration = json!({
        "providers": [{"instance": "corp", "path": tests::plugin::ldap_provider(), "settings": settings}],
        "store": {"url": "sqlite:users.db"},
    });
    harness.configure(&toml::to_string(&configuration).unwrap());
    let outcome = harness.login("alice", &password_of("alice"));
    assert_eq!(outcome.code, 4, "{outcome:?}");
    assert!(outcome.json()["message"].as_str().unwrap().contains("subject_attribute"), "{outcome:?}");
    assert_eq!(accounts(&harness).len(), 1);
}
