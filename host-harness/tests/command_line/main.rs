//! The program itself, as far as it goes without a plugin: what scripts rely on.

#![allow(clippy::indexing_slicing, clippy::expect_used, reason = "a test may fail by panicking")]

mod interrupts;
mod store;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse";

/// A folder with a configuration file, and the program run in it.
struct Harness(TempDir);

impl Harness {
    fn new(configuration: &str) -> Self {
        let harness = Self(tempfile::tempdir().expect("a folder"));
        harness.write("harness.toml", configuration);
        harness.write("password", format!("{PASSWORD}\n"));
        harness
    }

    /// A host with a local account.
    fn with_admin(configuration: &str) -> Self {
        let harness = Self::new(configuration);
        assert_eq!(code(&harness.run(&["users", "add", "Admin", "--password-file", "password"])), 0);
        harness
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.file(name), text).expect("written");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_host-harness"));
        command.current_dir(self.0.path()).args(arguments).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program runs")
    }

    fn login(&self, name: &str, password_file: &str) -> (i32, Value) {
        let output = self.run(&["--format", "json", "login", "--password-file", password_file, "--", name]);
        (code(&output), objects(&output).remove(0))
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("the program ended by itself")
}

fn objects(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect()
}

fn complaint(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).expect("UTF-8");
    assert_eq!(text.lines().count(), 1, "one line: {text}");
    text
}

#[test]
fn a_local_account_is_added_listed_and_logged_in_without_any_provider() {
    let harness = Harness::with_admin("");
    let (exit, answer) = harness.login("ａｄｍｉｎ", "password");
    assert_eq!((exit, &answer["outcome"], &answer["user"]["name"]), (0, &json!("accepted"), &json!("Admin")));
    let users = objects(&harness.run(&["users", "--format", "json"]));
    assert_eq!(
        users,
        [json!({"id": 1, "name": "Admin", "display_name": null, "email": null, "status": "active", "origin": "local",
               "links": []})]
    );
    assert_eq!(code(&harness.run(&["users", "add", "ADMIN", "--password-file", "password"])), 1);
}

#[test]
fn a_rejected_login_ends_with_1_and_its_reason() {
    let harness = Harness::with_admin("");
    for (file, text, name, reason) in [
        ("wrong", &b"wrong"[..], "admin", "invalid_credentials"),
        ("two-newlines", b"correct horse\n\n", "admin", "input_refused"),
        ("empty", b"\n", "admin", "empty_password"),
        ("nul", b"correct horse\0junk", "admin", "input_refused"),
        ("latin1", b"p\xe4ssword", "admin", "input_refused"),
        ("long", &[b'x'; 1_025], "admin", "input_refused"),
        ("huge", &vec![b'x'; 200_000], "admin", "input_refused"),
        ("password", b"correct horse", "nobody", "unknown_user"),
    ] {
        harness.write(file, text);
        let (exit, answer) = harness.login(name, file);
        assert_eq!((exit, &answer["outcome"], &answer["reason"]), (1, &json!("rejected"), &json!(reason)), "{file}");
        assert_eq!((&answer["user"], &answer["identity"]), (&Value::Null, &Value::Null));
    }
}

#[test]
fn without_its_plugin_users_works_and_login_says_what_is_missing() {
    let harness = Harness::with_admin("[[providers]]\npath = \"libabsent.so\"\n");
    assert_eq!(code(&harness.run(&["users"])), 0);
    assert_eq!(harness.login("admin", "password").0, 0);
    let (exit, answer) = harness.login("alice", "password");
    assert_eq!((exit, &answer["outcome"], &answer["reason"]), (4, &json!("misconfigured"), &json!("plugin_refused")));
    assert!(answer["message"].as_str().expect("text").contains("libabsent.so"), "{answer}");
    let validated = harness.run(&["validate", "--format", "json"]);
    assert_eq!((code(&validated), &objects(&validated)[0]["valid"]), (4, &json!(false)));
    let listed = harness.run(&["list-users", "--format", "json"]);
    assert_eq!(code(&listed), 4);
    assert_eq!(objects(&listed), [json!({"complete": false, "reason": "plugin_refused", "count": 0})]);
    assert_eq!(code(&harness.run(&["inspect", "libabsent.so"])), 4);
}

#[test]
fn a_provider_that_there_is_not_is_told_before_the_password_is_asked_for() {
    let harness = Harness::new("[[providers]]\ninstance = \"a\"\npath = \"a.so\"\n");
    let output = harness.run(&["login", "--provider", "b", "--password-file", "absent", "alice"]);
    assert_eq!(code(&output), 2);
    assert!(complaint(&output).contains("no provider is called b"), "{}", complaint(&output));
}

#[test]
fn a_password_may_come_through_a_pipe_that_has_a_name() {
    let harness = Harness::with_admin("");
    assert!(Command::new("mkfifo").arg(harness.file("pipe")).status().expect("mkfifo runs").success());
    let feed = ["-c", "cat password >pipe"];
    let mut writer = Command::new("sh").args(feed).current_dir(harness.0.path()).spawn().expect("sh");
    assert_eq!(harness.login("admin", "pipe").0, 0);
    assert!(writer.wait().expect("ended").success());
}

#[test]
fn a_wrong_command_line_or_configuration_file_ends_with_2_and_one_line() {
    let harness = Harness::new("[[providers]]\npath = \"a.so\"\nsetings = 1\n");
    let output = harness.run(&["login", "alice", "--password-file", "password"]);
    assert_eq!(code(&output), 2);
    assert!(complaint(&output).contains("harness.toml:3: unknown key setings"), "{}", complaint(&output));
    let several =
        "[[providers]]\ninstance = \"a\"\npath = \"a.so\"\n[[providers]]\ninstance = \"b\"\npath = \"b.so\"\n";
    harness.write("harness.toml", several);
    for arguments in [
        &["list-users"][..],
        &["list-users", "--provider", "c"],
        &["login", "alice"],
        &["login", "alice", "--password-file", "absent"],
        &["login", "alice", "--password-env", "NO_SUCH_VARIABLE_HERE"],
        &["users", "--config", "absent.toml"],
        &["users", "add", "alice"],
    ] {
        let output = harness.run(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(complaint(&output).starts_with("host-harness: "), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    for url in ["postgres://u:hunter2@db/users", "sqlite:no/such/folder/users.db", "sqlite:harness.toml"] {
        harness.write("harness.toml", format!("[store]\nurl = \"{url}\"\n"));
        let output = harness.run(&["users"]);
        assert_eq!(code(&output), 2, "{url}");
        assert!(!complaint(&output).contains("hunter2"), "{url}");
    }
    assert_eq!(code(&harness.run(&["lgoin"])), 2);
    assert_eq!(code(&harness.run(&["list-users", "--provider", "a", "--limit", "0"])), 2);
    assert_eq!(code(&harness.run(&["--help"])), 0);
    assert_eq!(code(&harness.run(&["--version"])), 0);
}

#[test]
fn a_password_on_standard_input_or_in_the_environment_logs_in() {
    let harness = Harness::with_admin("");
    let mut child = harness
        .command(&["login", "--password-stdin", "admin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("runs");
    child.stdin.take().expect("a pipe").write_all(b"correct horse\r\n").expect("written");
    assert_eq!(child.wait().expect("ended").code(), Some(0));
    let by_variable = harness
        .command(&["login", "--password-env", "HARNESS_PASSWORD", "admin"])
        .env("HARNESS_PASSWORD", PASSWORD)
        .output()
        .expect("runs");
    assert_eq!(code(&by_variable), 0);
}

#[test]
fn no_output_holds_the_password() {
    let harness = Harness::with_admin("");
    for arguments in [
        &["--log", "trace", "login", "--password-file", "password", "admin"][..],
        &["--log", "trace", "--format", "json", "login", "--password-file", "password", "alice"],
        &["--log", "trace", "users", "add", "bob", "--password-file", "password"],
        &["--log", "trace", "--format", "json", "users"],
    ] {
        let output = harness.run(arguments);
        let all = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!all.contains(PASSWORD) && !all.contains("argon2"), "{arguments:?}");
    }
}

#[test]
fn a_result_that_cannot_be_written_is_no_success_and_a_reader_that_leaves_is_no_failure() {
    let harness = Harness::with_admin("");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("every Linux has one");
    let output = harness.command(&["users"]).stdout(full).output().expect("runs");
    assert_eq!(code(&output), 5);
    let mut child = harness.command(&["users"]).stdout(Stdio::piped()).spawn().expect("runs");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("ended").code(), Some(0));
}
