//! What whoever holds the input and the output of `host-harness run` may rely on.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::json;
use tests::plugin::host_harness;

use super::run::faulty;

#[test]
fn answers_that_nobody_reads_are_no_success() {
    let harness = faulty(&json!({ "at": { "authenticate": "nap" } }));
    // Noticed while it reads, and only when it has ended reading.
    for ends in [false, true] {
        let mut process = Command::new(host_harness())
            .arg("--config")
            .arg(harness.configuration_file())
            .arg("run")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let output = process.stdout.take().expect("a pipe");
        let ready = BufReader::new(output).lines().any(|line| line.expect("text").contains("ready"));
        assert!(ready);
        // The reader of the output is gone with that.
        let mut input = process.stdin.take().expect("a pipe");
        writeln!(input, "{}", json!({ "id": "1", "name": "alice", "password": "right" })).expect("it reads");
        let input = (!ends).then_some(input);
        let ended = process.wait_with_output().expect("it ends");
        drop(input);
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(3), "{said}");
        assert!(said.lines().count() == 1 && said.contains("nobody reads standard output any more"), "{said}");
    }
}

#[test]
fn a_login_that_cannot_be_read_is_answered_by_its_id() {
    let harness = faulty(&json!({}));
    let mut serving = harness.serve(&["run"]);
    serving.event("ready");
    let long = json!({ "id": "long", "name": "alice", "password": "s3cret".repeat(10_000) }).to_string();
    for (id, line) in [
        ("long", &*long),
        ("lone", r#"{"id":"lone","name":"alice","password":"s3cret\ud800"}"#),
        ("misspelt", r#"{"name":"alice","pasword":"s3cret","id":"misspelt"}"#),
        ("cut", r#"{"id":"cut","name":"alice","password":"s3cret"#),
    ] {
        serving.say(line);
        let event = serving.answer(id);
        assert_eq!(event["event"], "bad_line");
        assert!(!event.to_string().contains("s3cret"), "{event}");
    }
    serving.say(r#"{"name":"alice"}"#);
    assert_eq!(serving.event("bad_line").get("id"), None);
    serving.login("1", "alice", "right");
    assert_eq!(serving.answer("1")["outcome"], "accepted");
}
