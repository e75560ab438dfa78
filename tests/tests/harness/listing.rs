//! `list-users`: every user, a last line that says whether they are all, and an exit code that says the same.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tests::directory::{Directory, SUFFIX};
use tests::harness::{Harness, Instance, Outcome};
use tests::relay::Relay;

const COMMAND: [&str; 3] = ["--format", "json", "list-users"];

fn bulk(directory: &Directory) -> Harness {
    bulk_through(directory, directory.host(), directory.port())
}

fn bulk_through(directory: &Directory, host: &str, port: u16) -> Harness {
    let mut settings = directory.settings();
    settings["host"] = json!(host);
    settings["port"] = json!(port);
    settings["base_dn"] = json!(format!("ou=bulk,{SUFFIX}"));
    Harness::new(&[Instance::ldap("corp", settings)])
}

/// The users and the last line. However a listing ends, its lines are whole and its count is right.
fn read(outcome: &Outcome) -> (Vec<Value>, Value) {
    let mut lines = outcome.json_lines();
    let end = lines.pop().expect("a last line");
    assert_eq!(end["count"], lines.len(), "{end}");
    (lines, end)
}

#[test]
fn ten_thousand_users_are_listed_complete() {
    let directory = Directory::builder().bulk_users(10_000).start();
    let outcome = bulk(&directory).run(&COMMAND);
    let (users, end) = read(&outcome);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(end, json!({"complete": true, "reason": null, "count": 10_000}));
    assert!(users.iter().all(|user| user["login"].as_str().is_some_and(|login| login.starts_with("user"))));
}

#[test]
fn killing_the_server_half_way_ends_the_listing_incomplete_with_exit_code_3() {
    let directory = Directory::builder().bulk_users(10_000).start();
    // 10,000 users are about 2 MB.
    let relay = Relay::holding_after(&directory, 500_000);
    let running = bulk_through(&directory, "127.0.0.1", relay.port());
    let running = (running.start(&COMMAND), running);
    relay.wait_until_held();
    directory.kill();
    relay.release();
    let outcome = running.0.wait();
    assert_eq!(outcome.code, 3, "{}", outcome.stderr);
    let (users, end) = read(&outcome);
    assert_eq!((&end["complete"], &end["reason"]), (&json!(false), &json!("connection_lost")));
    assert!((1..10_000).contains(&users.len()), "{} users", users.len());
}

#[test]
fn an_interrupt_ends_the_listing_incomplete_with_exit_code_3() {
    let directory = Directory::builder().bulk_users(10_000).start();
    let relay = Relay::holding_after(&directory, 500_000);
    let harness = bulk_through(&directory, "127.0.0.1", relay.port());
    let running = harness.start(&COMMAND);
    relay.wait_until_held();
    let process = Pid::from_raw(i32::try_from(running.id()).unwrap()).unwrap();
    kill_process(process, Signal::INT).unwrap();
    let outcome = running.wait();
    assert_eq!(outcome.code, 3, "{}", outcome.stderr);
    let (_, end) = read(&outcome);
    assert_eq!((&end["complete"], &end["reason"]), (&json!(false), &json!("cancelled")));
}

#[test]
fn a_limit_ends_the_listing_early_without_an_error_and_without_calling_it_complete() {
    let directory = Directory::builder().bulk_users(2_000).start();
    let harness = bulk(&directory);
    let outcome = harness.run(&["--format", "json", "list-users", "--limit", "700"]);
    let (users, end) = read(&outcome);
    assert_eq!((outcome.code, users.len(), &end["complete"]), (0, 700, &json!(false)), "{end}");
    let everybody = harness.run(&["--format", "json", "list-users", "--limit", "2000"]);
    assert_eq!(read(&everybody).1["complete"], true, "nothing was cut off");
}

#[test]
fn a_directory_that_is_down_is_no_empty_directory() {
    let directory = Directory::start();
    directory.kill();
    let outcome = bulk(&directory).run(&COMMAND);
    let (_, end) = read(&outcome);
    assert_eq!((outcome.code, &end["complete"], &end["reason"]), (3, &json!(false), &json!("connect_failed")));
}
