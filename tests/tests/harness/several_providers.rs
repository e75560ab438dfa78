//! Several providers: asked in order, and a password goes on only when the one before does not know the name.

use serde_json::{Value, json};
use tests::directory::{Directory, password_of};
use tests::harness::{Harness, Instance};
use tests::users_file::UsersFile;

const OF_THE_FILE: &str = "canary: of the file";

fn harness(directory: &Directory, file: &UsersFile) -> Harness {
    Harness::new(&[Instance::ldap("corp", directory.settings()), Instance::file("contractors", file.settings())])
}

#[test]
fn the_next_provider_is_asked_after_unknown_user() {
    let (directory, file) = (Directory::start(), UsersFile::new().user("ada", OF_THE_FILE));
    let outcome = harness(&directory, &file).login("ada", OF_THE_FILE);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(outcome.json()["provider"], "contractors");
}

#[test]
fn the_next_provider_is_not_asked_after_a_wrong_password() {
    let (directory, file) = (Directory::start(), UsersFile::new().user("alice", OF_THE_FILE));
    let outcome = harness(&directory, &file).login("alice", OF_THE_FILE);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    let answer = outcome.json();
    assert_eq!((&answer["provider"], &answer["reason"]), (&json!("corp"), &json!("invalid_credentials")));
}

#[test]
fn the_next_provider_is_not_asked_when_the_one_before_cannot_tell() {
    let (directory, file) = (Directory::start(), UsersFile::new().user("ada", OF_THE_FILE));
    let harness = harness(&directory, &file);
    directory.kill();
    let outcome = harness.login("ada", OF_THE_FILE);
    assert_eq!(outcome.code, 3, "{outcome:?}");
    assert_eq!(outcome.json()["provider"], "corp");
}

#[test]
fn one_provider_can_be_chosen() {
    let (directory, file) = (Directory::start(), UsersFile::new().user("ada", OF_THE_FILE));
    let harness = harness(&directory, &file);
    assert_eq!(harness.login_with(&["--provider", "contractors"], "ada", OF_THE_FILE.as_bytes()).code, 0);
    assert_eq!(directory.requests().connections, 0);
    let elsewhere = harness.login_with(&["--provider", "corp"], "ada", OF_THE_FILE.as_bytes());
    assert_eq!((elsewhere.code, &elsewhere.json()["reason"]), (1, &json!("unknown_user")));
    let nowhere = harness.login_with(&["--provider", "nobody"], "ada", OF_THE_FILE.as_bytes());
    assert_eq!(nowhere.code, 2, "{nowhere:?}");
}

#[test]
fn a_name_that_nobody_knows_is_unknown() {
    let (directory, file) = (Directory::start(), UsersFile::new().user("ada", OF_THE_FILE));
    let outcome = harness(&directory, &file).login("nobody", OF_THE_FILE);
    assert_eq!((outcome.code, &outcome.json()["reason"]), (1, &json!("unknown_user")));
}

#[test]
fn one_name_in_two_providers_is_two_people_and_one_account() {
    let (directory, file) = (Directory::start(), UsersFile::new().user("alice", OF_THE_FILE));
    let harness = harness(&directory, &file);
    assert_eq!(harness.login("alice", &password_of("alice")).code, 0);
    // The other alice is somebody else: she gets neither this account nor one that looks the same.
    let other = harness.login_with(&["--provider", "contractors"], "alice", OF_THE_FILE.as_bytes());
    assert_eq!(other.code, 1, "{other:?}");
    assert_eq!(other.json()["reason"], "name_taken");
    assert_eq!(harness.run(&["--format", "json", "users"]).json_lines().len(), 1);
}

#[test]
fn two_instances_of_one_plugin_keep_their_own_settings() {
    let (one, two) = (Directory::start(), Directory::start());
    let mut engineers = two.settings();
    engineers["base_dn"] = json!(format!("ou=engineers,ou=people,{}", tests::directory::SUFFIX));
    let mut staff = one.settings();
    staff["scope"] = json!("one");
    let harness = Harness::new(&[Instance::ldap("staff", staff), Instance::ldap("engineers", engineers)]);
    let answer = |name: &str| -> Value { harness.login(name, &password_of(name)).json()["provider"].clone() };
    assert_eq!(answer("alice"), "staff");
    assert_eq!(answer("deep"), "engineers");
}
