//! What whoever holds the input and the output of `host-harness run` may rely on.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tests::harness::Harness;
use tests::plugin::{built, host_harness, ldap_provider};

use super::run::{configure, entry, faulty};

/// `host-harness run` with a pipe for everything.
fn start(harness: &Harness) -> Child {
    let mut command = Command::new(host_harness());
    command.arg("--config").arg(harness.configuration_file()).arg("run");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs")
}

#[test]
fn answers_that_nobody_reads_are_no_success() {
    let harness = faulty(&json!({ "at": { "authenticate": "nap" } }));
    // Noticed while it reads, and only when it has ended reading.
    for ends in [false, true] {
        let mut process = start(&harness);
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

#[test]
fn what_the_providers_have_counted_is_told_when_it_is_asked_for_and_in_the_end() {
    let harness = Harness::unconfigured();
    let silent = json!({ "at": { "metrics": "block" }, "kept_ms": 30_000 });
    let missing = json!({ "instance": "missing", "path": "none.so", "sha256": "0".repeat(64) });
    let counting = json!({ "host": "ldap://127.0.0.1:1", "base_dn": "dc=example" });
    let counting = entry("corp", &ldap_provider(), &counting);
    configure(&harness, &[counting.clone(), entry("silent", &built("libfaulty.so"), &silent), missing.clone()]);
    let mut serving = harness.serve(&["run"]);
    serving.event("ready");
    serving.login("1", "alice", "right");
    serving.answer("1");
    serving.say(r#"{"command":"metrics"}"#);
    // Nobody waits for a provider that does not answer.
    serving.login("2", "alice", "right");
    let of_silent = |line: &Value| line["event"] == "metrics" && line["provider"] == "silent";
    let first = serving.wait_for("either", |line| line["id"] == "2" || of_silent(line));
    assert_eq!(first["id"], "2", "{first}");
    let mut of =
        |provider: &str| serving.wait_for(provider, |line| line["event"] == "metrics" && line["provider"] == provider);
    let counted = of("corp");
    let text = counted["text"].as_str().expect("a text");
    assert!(text.lines().all(|line| line.contains("{provider=\"corp\"")) && !text.is_empty(), "{text}");
    for provider in ["silent", "missing"] {
        let event = of(provider);
        assert!(event["text"].is_null() && event["message"].is_string(), "{event}");
    }
    drop(serving);

    configure(&harness, &[counting, missing]);
    let outcome = harness.run(&["--metrics", "run"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("{provider=\"corp\"") && outcome.stderr.contains("missing"), "{outcome:?}");
}

#[test]
fn a_crowd_that_guesses_at_a_local_account_keeps_nobody_else_out_and_does_not_learn_that_it_is_one() {
    let harness = faulty(&json!({}));
    harness.add_local_user("admin", "of the local account");
    harness.add_local_user("deputy", "of the other one");
    // In a debug build a hash takes long, and no guess is to be answered by its deadline.
    let mut serving = harness.serve(&["run", "--timeout", "60s"]);
    serving.event("ready");
    let guesses = 1_500;
    for number in 0..guesses {
        if number == guesses / 2 {
            serving.login("alice", "alice", "right");
            serving.login("deputy", "deputy", "of the other one");
        }
        serving.login(&format!("guess-{number}"), "admin", "wrong");
    }
    assert_eq!(serving.answer("alice")["outcome"], "accepted");
    assert_eq!(serving.answer("deputy")["outcome"], "accepted");
    let mut refused = 0;
    for number in 0..guesses {
        let answer = serving.answer(&format!("guess-{number}"));
        assert_eq!(answer["user_code"], "invalid_credentials", "{answer}");
        match answer["reason"].as_str() {
            Some("overloaded") => refused += 1,
            other => assert_eq!(other, Some("invalid_credentials"), "{answer}"),
        }
    }
    assert!((1..guesses).contains(&refused), "{refused} of {guesses}");
    // There is room again.
    serving.login("admin", "admin", "of the local account");
    assert_eq!(serving.answer("admin")["outcome"], "accepted");
}

#[test]
fn an_answer_is_one_line_for_whoever_reads_it() {
    let harness = faulty(&json!({}));
    let mut process = start(&harness);
    let id = "a\u{85}b\u{2028}c\u{202e}d\u{9b}";
    let login = json!({ "id": id, "name": "alice", "password": "right" });
    writeln!(process.stdin.take().expect("a pipe"), "{login}").expect("it reads");
    let output = process.wait_with_output().expect("it ends").stdout;
    let output = String::from_utf8(output).expect("UTF-8");
    let answer = output.lines().last().expect("an answer");
    assert!(answer.contains(r"a\u0085b\u2028c\u202ed\u009b"), "{answer}");
    assert_eq!(serde_json::from_str::<Value>(answer).expect("JSON")["id"], id);
}

#[test]
fn a_server_without_providers_says_who_can_log_in() {
    let harness = Harness::unconfigured();
    harness.configure("");
    let outcome = harness.run(&["run"]);
    assert!(outcome.code == 0 && outcome.stderr.lines().count() == 1, "{outcome:?}");
    assert!(outcome.stderr.contains("only local accounts can log in"), "{outcome:?}");
    configure(&harness, &[entry("corp", &built("libfaulty.so"), &json!({}))]);
    let silent = harness.run(&["run"]);
    assert!(silent.code == 0 && silent.stderr.is_empty(), "{silent:?}");
}
