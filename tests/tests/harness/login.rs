//! `login`: its answer for programs, its exit code, where the password may come from.

use std::fs;

use serde_json::{Value, json};
use tests::directory::{Directory, SUFFIX, Transport, password_of};
use tests::harness::{Harness, Instance, Outcome};

fn corp(settings: Value) -> Harness {
    Harness::new(&[Instance::ldap("corp", settings)])
}

fn told(outcome: &Outcome) -> (i32, Value, Value, Value) {
    let answer = outcome.json();
    (outcome.code, answer["outcome"].clone(), answer["reason"].clone(), answer["user_code"].clone())
}

#[test]
fn an_accepted_login_tells_who_it_is_and_creates_the_account() {
    let directory = Directory::start();
    for transport in [Transport::Plain, Transport::StartTls, Transport::Ldaps] {
        let harness = corp(directory.settings_over(transport));
        let outcome = harness.login("ALICE", &password_of("alice"));
        assert_eq!(outcome.code, 0, "{transport:?}: {outcome:?}");
        let subject = directory.read(&format!("uid=alice,ou=people,{SUFFIX}"), "entryUUID");
        let answer = outcome.json();
        assert_eq!(answer["outcome"], "accepted");
        assert_eq!(answer["reason"], Value::Null);
        assert_eq!(answer["user_code"], Value::Null);
        assert_eq!(answer["provider"], "corp");
        assert_eq!(answer["notices"], json!([]));
        assert_eq!(answer["provisioning"], "created");
        let identity = &answer["identity"];
        assert_eq!(identity["subject"], subject[0]);
        assert_eq!(identity["login"], "alice");
        assert_eq!(identity["display_name"], "Alice A.");
        assert_eq!(identity["email"], "alice@example.com");
        assert_eq!(identity["phone"], "+49 30 1234");
        assert!(identity["groups"].is_array() && identity["attributes"].is_object(), "{identity}");
        let user = &answer["user"];
        assert!(!user["id"].is_null());
        assert_eq!(
            (&user["name"], &user["display_name"], &user["email"]),
            (&json!("alice"), &json!("Alice A."), &json!("alice@example.com"))
        );
        assert_eq!((&user["status"], &user["origin"]), (&json!("active"), &json!("directory")));
    }
}

#[test]
fn each_rejection_has_its_reason_and_exit_code_1_and_creates_nothing() {
    let directory = Directory::start();
    let harness = corp(directory.settings());
    let right = password_of("alice");
    let cases = [
        ("alice", "wrong".to_owned(), "invalid_credentials"),
        ("alice", String::new(), "empty_password"),
        ("alice", format!("{right}\0"), "input_refused"),
        ("alice", "x".repeat(1_025), "input_refused"),
        ("nobody", right.clone(), "unknown_user"),
        ("twin", password_of("twin"), "ambiguous_user"),
        ("outsider", password_of("outsider"), "unknown_user"),
    ];
    for (name, password, reason) in cases {
        let outcome = harness.login(name, &password);
        assert_eq!(
            told(&outcome),
            (1, json!("rejected"), json!(reason), json!("invalid_credentials")),
            "{name}: {outcome:?}"
        );
        let answer = outcome.json();
        for key in ["identity", "user", "provisioning"] {
            assert_eq!(answer[key], Value::Null, "{key}: {answer}");
        }
        assert!(!answer["message"].as_str().unwrap().is_empty(), "{answer}");
    }
    assert_eq!(harness.run(&["--format", "json", "users"]).json_lines(), Vec::<Value>::new());
}

#[test]
fn a_password_file_that_is_not_utf_8_is_refused_and_nothing_is_sent() {
    let directory = Directory::start();
    let outcome = corp(directory.settings()).login_with(&[], "alice", b"\xff\xfe");
    assert_eq!(told(&outcome), (1, json!("rejected"), json!("input_refused"), json!("invalid_credentials")));
    assert_eq!(directory.requests().connections, 0);
}

#[test]
fn an_empty_password_sends_nothing() {
    let directory = Directory::start();
    let harness = corp(directory.settings());
    for password in ["", "\n"] {
        assert_eq!(harness.login("alice", password).json()["reason"], "empty_password");
    }
    assert_eq!(directory.requests().connections, 0);
}

#[test]
fn a_wrong_password_costs_exactly_one_bind() {
    let directory = Directory::start();
    corp(directory.settings()).login("alice", "wrong");
    assert_eq!(directory.requests().binds_of(&format!("uid=alice,ou=people,{SUFFIX}")), 1);
}

#[test]
fn a_directory_that_is_down_is_unavailable_and_exit_code_3() {
    let directory = Directory::start();
    directory.kill();
    let outcome = corp(directory.settings()).login("alice", &password_of("alice"));
    assert_eq!(
        told(&outcome),
        (3, json!("unavailable"), json!("connect_failed"), json!("try_again_later")),
        "{outcome:?}"
    );
}

#[test]
fn a_certificate_that_is_not_trusted_is_unavailable_and_exit_code_3() {
    let directory = Directory::start();
    let mut settings = directory.settings_over(Transport::Ldaps);
    settings["ca_file"] = json!(directory.strange_ca_file());
    let outcome = corp(settings.clone()).login("alice", &password_of("alice"));
    assert_eq!(told(&outcome), (3, json!("unavailable"), json!("tls_failed"), json!("try_again_later")), "{outcome:?}");
    settings["no_tls_verify"] = json!(true);
    assert_eq!(corp(settings).login("alice", &password_of("alice")).code, 0);
}

#[test]
fn a_refused_service_account_is_misconfigured_and_exit_code_4() {
    let directory = Directory::start();
    let mut settings = directory.settings();
    settings["bind_password"] = json!("canary: wrong");
    let outcome = corp(settings).login("alice", &password_of("alice"));
    let expected = (4, json!("misconfigured"), json!("service_credentials_refused"), json!("ask_administrator"));
    assert_eq!(told(&outcome), expected, "{outcome:?}");
}

#[test]
fn settings_that_are_refused_are_misconfigured_and_name_the_key() {
    let directory = Directory::start();
    let mut settings = directory.settings();
    settings["filter"] = json!("(age=28");
    let outcome = corp(settings).login("alice", &password_of("alice"));
    assert_eq!(
        told(&outcome),
        (4, json!("misconfigured"), json!("setting_invalid"), json!("ask_administrator")),
        "{outcome:?}"
    );
    assert!(outcome.json()["message"].as_str().unwrap().contains("filter"), "{outcome:?}");
}

#[test]
fn a_configuration_file_that_cannot_be_used_is_exit_code_2() {
    let harness = Harness::unconfigured();
    let missing = harness.login("alice", "x");
    assert_eq!(missing.code, 2, "{missing:?}");
    assert!(missing.stderr.contains("harness.toml"), "which file? {missing:?}");
    harness.configure("[[providers]]\npath = \"p.so\"\nsetings = {}\n[store]\nurl = \"sqlite:users.db\"\n");
    let unknown_key = harness.login("alice", "x");
    assert_eq!(unknown_key.code, 2, "{unknown_key:?}");
    assert!(unknown_key.stderr.contains("setings"), "which key? {unknown_key:?}");
    assert_eq!(harness.run(&["login", "--no-such-option"]).code, 2);
}

#[test]
fn a_password_comes_from_a_file_or_the_environment_but_never_from_an_argument() {
    let directory = Directory::start();
    let harness = corp(directory.settings());
    let right = password_of("alice");
    // One newline is an editor's, not the password's; two are not.
    assert_eq!(harness.login("alice", &format!("{right}\n")).code, 0);
    assert_eq!(harness.login("alice", &format!("{right}\n\n")).json()["reason"], "input_refused");
    let from_environment = ["--format", "json", "login", "--password-env", "TEST_PASSWORD", "alice"];
    assert_eq!(harness.run_in(&[("TEST_PASSWORD", &right)], &from_environment).code, 0);
    assert_eq!(harness.run(&["login", "alice", &right]).code, 2);
    assert_eq!(harness.run(&["login", "--password", &right, "alice"]).code, 2);
    // Nobody is there to be asked.
    assert_eq!(harness.run(&["login", "alice"]).code, 2);
}

#[test]
fn a_name_that_looks_like_an_option_is_a_name_after_two_dashes() {
    let directory = Directory::start();
    let outcome = corp(directory.settings()).login("--config", &password_of("alice"));
    assert_eq!((outcome.code, &outcome.json()["reason"]), (1, &json!("unknown_user")));
}

#[test]
fn the_service_password_may_be_in_a_file_or_the_environment() {
    let directory = Directory::start();
    let mut settings = directory.settings();
    let secret = settings.as_object_mut().unwrap().remove("bind_password").unwrap();
    let secret = secret.as_str().unwrap();
    let mut in_a_file = settings.clone();
    in_a_file["bind_password_file"] = json!("service-password");
    let harness = corp(in_a_file);
    fs::write(harness.folder().join("service-password"), format!("{secret}\n")).unwrap();
    assert_eq!(harness.login("alice", &password_of("alice")).code, 0);

    let mut in_the_environment = settings;
    in_the_environment["bind_password_env"] = json!("TEST_BIND_PASSWORD");
    let harness = corp(in_the_environment);
    let password = harness.secret_file(password_of("alice"));
    let login = ["--format", "json", "login", "--password-file", password.to_str().unwrap(), "alice"];
    assert_eq!(harness.run_in(&[("TEST_BIND_PASSWORD", secret)], &login).code, 0);
    let unset = harness.run(&login);
    let expected = (4, json!("misconfigured"), json!("setting_invalid"), json!("ask_administrator"));
    assert_eq!(told(&unset), expected, "{unset:?}");
    assert!(unset.json()["message"].as_str().unwrap().contains("bind_password_env"), "which key? {unset:?}");
}

#[test]
fn a_relative_ca_file_is_found_beside_the_configuration() {
    let directory = Directory::start();
    let mut settings = directory.settings_over(Transport::Ldaps);
    settings["ca_file"] = json!("ca.pem");
    let harness = corp(settings);
    fs::copy(directory.ca_file(), harness.folder().join("ca.pem")).unwrap();
    let outcome = harness.login("alice", &password_of("alice"));
    assert_eq!(outcome.code, 0, "{outcome:?}");
}
