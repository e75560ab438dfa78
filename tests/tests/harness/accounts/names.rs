//! Names change hands, and an administrator can change what is stuck.

use rusqlite::Connection;
use serde_json::{Value, json};
use tests::harness::{Harness, Instance, Outcome};
use tests::users_file::UsersFile;

use super::{accepted, accounts};

/// The staff, as a file says who they are. The password of each is that of their id.
struct Staff {
    file: UsersFile,
    harness: Harness,
}

impl Staff {
    fn new(people: &[(&str, &str)]) -> Self {
        let file = users(people);
        let harness = Harness::new(&[Instance::file("staff", file.settings())]);
        Self { file, harness }
    }

    /// From now on these are the people and their logins.
    fn become_those(&self, people: &[(&str, &str)]) {
        users(people).replace(&self.file);
    }

    fn login(&self, id: &str, name: &str) -> Outcome {
        self.harness.login(name, &password(id))
    }

    /// The number and name of the account of a login, which must be accepted.
    fn account(&self, id: &str, name: &str) -> (i64, String) {
        let answer = accepted(&self.login(id, name));
        (answer["user"]["id"].as_i64().unwrap(), answer["user"]["name"].as_str().unwrap().to_owned())
    }

    /// Number, name and the subject in the file of each account.
    fn accounts(&self) -> Vec<(i64, String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let read = |account: &Value| {
            (account["id"].as_i64().unwrap(), text(&account["name"]), text(&account["links"][0]["subject"]))
        };
        accounts(&self.harness).iter().map(read).collect()
    }

    fn audit(&self, action: &str) -> Vec<String> {
        let store = Connection::open(self.harness.store_file()).unwrap();
        let mut statement = store.prepare("SELECT detail FROM audit WHERE action = ?1 ORDER BY id").unwrap();
        let details = statement.query_map([action], |row| row.get(0)).unwrap();
        details.collect::<Result<_, _>>().unwrap()
    }

    fn users(&self, arguments: &[&str]) -> Outcome {
        self.harness.run(&[&["--format", "json", "users"], arguments].concat())
    }
}

fn password(id: &str) -> String {
    format!("canary: {id}")
}

fn users(people: &[(&str, &str)]) -> UsersFile {
    people.iter().fold(UsersFile::new(), |file, (id, name)| file.user_with_id(id, name, &password(id)))
}

fn said(number: i64, name: &str) -> (i64, String) {
    (number, name.to_owned())
}

fn is(number: i64, name: &str, subject: &str) -> (i64, String, String) {
    (number, name.to_owned(), subject.to_owned())
}

#[test]
fn two_people_swap_their_logins_and_keep_their_accounts() {
    let staff = Staff::new(&[("x-1", "xena"), ("y-1", "yuri")]);
    assert_eq!((staff.account("x-1", "xena"), staff.account("y-1", "yuri")), (said(1, "xena"), said(2, "yuri")));
    staff.become_those(&[("x-1", "yuri"), ("y-1", "xena")]);
    assert_eq!(staff.account("x-1", "yuri"), said(1, "yuri"));
    assert_eq!(staff.account("y-1", "xena"), said(2, "xena"));
    assert_eq!(staff.accounts(), [is(1, "yuri", "x-1"), is(2, "xena", "y-1")]);
    assert_eq!(staff.audit("name_released").len(), 1);
}

#[test]
fn somebody_who_is_hired_again_gets_the_old_name_and_a_new_account() {
    let staff = Staff::new(&[("b-1", "bob")]);
    staff.account("b-1", "bob");
    staff.become_those(&[("b-2", "bob")]);
    let outcome = staff.login("b-2", "BOB");
    assert_eq!(accepted(&outcome)["provisioning"], "created");
    assert!(outcome.stderr.contains("account 1 is called bob (former, number 1)"), "{outcome:?}");
    assert_eq!(staff.accounts(), [is(1, "bob (former, number 1)", "b-1"), is(2, "bob", "b-2")]);
    // And again, and the account of the first time comes back with another login.
    staff.become_those(&[("b-3", "bob"), ("b-1", "robert")]);
    assert_eq!((staff.account("b-3", "bob"), staff.account("b-1", "robert")), (said(3, "bob"), said(1, "robert")));
    assert_eq!(staff.accounts(), [is(1, "robert", "b-1"), is(2, "bob (former, number 2)", "b-2"), is(3, "bob", "b-3")]);
}

#[test]
fn a_login_is_passed_on_before_its_old_owner_logs_in_again() {
    let staff = Staff::new(&[("a-1", "alice")]);
    staff.account("a-1", "alice");
    staff.become_those(&[("a-1", "alice.lee"), ("a-2", "alice")]);
    assert_eq!(staff.account("a-2", "alice"), said(2, "alice"));
    assert_eq!(staff.account("a-1", "alice.lee"), said(1, "alice.lee"));
}

#[test]
fn a_name_of_another_provider_is_freed_by_the_command_that_the_refusal_names() {
    let (staff, guests) = (users(&[("b-1", "bob")]), users(&[("b-1", "bob")]));
    let harness =
        Harness::new(&[Instance::file("staff", staff.settings()), Instance::file("guests", guests.settings())]);
    accepted(&harness.login("bob", &password("b-1")));
    let at_guests = || harness.login_with(&["--provider", "guests"], "bob", password("b-1").as_bytes());
    let refused = at_guests();
    assert_eq!((refused.code, &refused.json()["reason"]), (1, &json!("name_taken")), "{refused:?}");
    assert!(refused.json()["message"].as_str().unwrap().contains("`host-harness users rename 1 NEW-NAME`"));
    let renamed = harness.run(&["users", "rename", "1", "bob of the staff"]);
    assert_eq!(renamed.code, 0, "{renamed:?}");
    assert!(renamed.stdout.starts_with("account 1 is called bob of the staff until its person logs in"), "{renamed:?}");
    assert!(renamed.stdout.contains("they may be refused as name_taken"), "{renamed:?}");
    assert_eq!(accepted(&at_guests())["user"]["id"], 2);
    let whose_it_was = harness.login("bob", &password("b-1"));
    assert_eq!((whose_it_was.code, &whose_it_was.json()["reason"]), (1, &json!("name_taken")), "{whose_it_was:?}");
}

#[test]
fn an_administrator_disables_and_enables_an_account() {
    let staff = Staff::new(&[("b-1", "bob")]);
    staff.account("b-1", "bob");
    let disabled = accepted(&staff.users(&["disable", "1"]));
    assert_eq!(
        (&disabled["status"], &disabled["name"], &disabled["links"][0]["subject"]),
        (&json!("disabled"), &json!("bob"), &json!("b-1"))
    );
    let refused = staff.login("b-1", "bob");
    assert_eq!((refused.code, &refused.json()["reason"]), (1, &json!("account_disabled")), "{refused:?}");
    assert_eq!(accepted(&staff.users(&["enable", "1"]))["status"], "active");
    assert_eq!(staff.account("b-1", "bob"), said(1, "bob"));
    assert_eq!(staff.audit("user_disabled"), ["an administrator has disabled bob"]);
    let told = staff.harness.run(&["users", "disable", "1"]);
    assert_eq!(told.stdout, "account 1 (bob) is disabled\n");
}

#[test]
fn an_administrator_renames_a_local_account_and_sets_its_password() {
    let staff = Staff::new(&[("b-1", "bob")]);
    staff.harness.add_local_user("bob", "canary: local");
    assert_eq!(staff.login("b-1", "bob").json()["reason"], "invalid_credentials");
    let renamed = accepted(&staff.users(&["rename", "1", "admin"]));
    assert_eq!((&renamed["name"], &renamed["origin"]), (&json!("admin"), &json!("local")));
    assert_eq!(staff.account("b-1", "bob"), said(2, "bob"));
    let file = staff.harness.secret_file("canary: new\n");
    for called in ["Admin", "1"] {
        let set = staff.users(&["password", called, "--password-file", file.to_str().unwrap()]);
        assert_eq!(accepted(&set)["name"], "admin", "{set:?}");
        assert!(!set.stdout.contains("canary") && !set.stderr.contains("canary"), "{set:?}");
    }
    assert_eq!(accepted(&staff.harness.login("admin", "canary: new"))["user"]["id"], 1);
    assert_eq!(staff.harness.login("admin", "canary: local").json()["reason"], "invalid_credentials");
    assert!(staff.audit("local_password_set")[0].ends_with("of the local account admin"));
}

#[test]
fn a_change_that_cannot_be_made_is_refused_in_one_line_that_says_why() {
    let staff = Staff::new(&[("b-1", "bob")]);
    staff.harness.add_local_user("admin", "canary: local");
    staff.account("b-1", "bob");
    let before = staff.accounts();
    let file = staff.harness.secret_file("canary: new");
    let file = file.to_str().unwrap();
    for (arguments, complaint) in [
        (&["disable", "9"][..], "unknown_user: no account has the number 9"),
        (&["enable", "9"], "unknown_user"),
        (&["rename", "9", "x"], "unknown_user"),
        (&["rename", "2", "ADMIN"], "name_taken: the name is that of admin (number 1)"),
        (&["rename", "1", "bob@file.example.com"], "name_taken: the name is that of bob (number 2)"),
        (&["rename", "1", " "], "input_refused"),
        (&["password", "bob", "--password-file", file], "not_local: a directory answers for the password of bob"),
        (&["password", "nobody", "--password-file", file], "unknown_user: no account has the name nobody"),
    ] {
        let refused = staff.users(arguments);
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{arguments:?}: {refused:?}");
        assert_eq!(refused.stderr.lines().count(), 1, "{arguments:?}: {refused:?}");
        assert!(refused.stderr.contains(complaint), "{arguments:?}: {refused:?}");
    }
    assert_eq!(staff.users(&["password", "admin"]).code, 2, "nobody can be asked");
    assert_eq!(staff.accounts(), before);
}
