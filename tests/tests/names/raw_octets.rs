//! Names and passwords that are no text: the command line hands the program any octets, and what is not UTF-8 goes no
//! further.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::thread;

use serde_json::json;
use tests::harness::{Harness, Instance};
use tests::hostile::wire::{Filter, Request};
use tests::oracle::Oracle;
use tests::plugin;

use super::lane::settings;

/// The exit code for a command line that cannot be understood.
const USAGE: i32 = 2;
const REJECTED: i32 = 1;

/// Octets that are no UTF-8 together: cut short, in more octets than needed, halves of surrogate pairs, beyond the
/// last character.
const SEQUENCES: &[&[u8]] = &[
    b"alice\xff",
    b"\xc0\x80",
    b"\xc0\xaf",
    b"\xc0\xaa",
    b"ali\xe2\x82",
    b"\xe2\x28\xa1",
    b"\xe0\x80\xaa",
    b"\xf0\x80\x80\xaa",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xf4\x90\x80\x80",
    b"\xff\xfe",
    b"*\x80)(uid=*",
];

/// Each octet above 0x7f by itself at the start, in the middle and at the end; then the sequences.
fn names() -> Vec<Vec<u8>> {
    let single =
        (0x80..=0xff_u8).flat_map(|octet| [vec![octet, b'a', b'b'], vec![b'a', octet, b'b'], vec![b'a', b'b', octet]]);
    single.chain(SEQUENCES.iter().map(|&name| name.to_vec())).collect()
}

fn harness(oracle: &Oracle) -> Harness {
    let mut settings = settings(oracle);
    settings["username_attribute"] = json!("uid");
    Harness::new(&[Instance::ldap("corp", settings)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_utf_8_is_refused_by_the_command_line_and_nothing_is_sent() {
    let mut oracle = Oracle::start().await;
    let harness = harness(&oracle);
    let names = names();
    let password = harness.secret_file("a password");
    let program = plugin::host_harness();
    let login = |name: &[u8]| -> Output {
        Command::new(&program)
            .arg("--config")
            .arg(harness.configuration_file())
            .args(["--format", "json", "login", "--password-file"])
            .arg(&password)
            .arg("--")
            .arg(OsStr::from_bytes(name))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    // The same way to the directory is open for whoever types a text.
    assert_eq!(tokio::task::block_in_place(|| login("a*é".as_bytes())).status.code(), Some(REJECTED));
    let asked = oracle.asked();
    assert!(
        matches!(asked.as_slice(), [Ok(Request::Search { filter: Filter::Equality { value, .. }, .. })] if value == "a*é".as_bytes()),
        "{asked:?}"
    );
    assert_ne!(oracle.connections().await, 0);

    let left = Mutex::new(names.iter());
    let run = || {
        loop {
            let Some(name) = left.lock().unwrap().next() else { return };
            let output = login(name);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(USAGE), "{name:02x?}: {said}");
            assert!(output.stdout.is_empty() && !said.contains("panicked"), "{name:02x?}: {said}");
        }
    };
    tokio::task::block_in_place(|| {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(run);
            }
        });
    });
    assert_eq!(oracle.asked(), []);
    assert_eq!(oracle.connections().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_not_utf_8_is_refused_and_nothing_is_sent() {
    let mut oracle = Oracle::start().await;
    let harness = harness(&oracle);
    for password in [&b"\xff"[..], b"secret\xff", b"\xc0\x80", b"p\xe4ssword", b"\xed\xa0\x80"] {
        let outcome = tokio::task::block_in_place(|| harness.login_with(&[], "alice", password));
        assert_eq!(outcome.code, REJECTED, "{password:02x?}: {outcome:?}");
        assert_eq!(outcome.json()["reason"], "input_refused", "{password:02x?}");
    }
    assert_eq!(oracle.asked(), []);
    assert_eq!(oracle.connections().await, 0);
}
