//! Ctrl-C and SIGTERM: the first one ends every command.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use serde_json::json;

use super::{Harness, code, objects};

/// Far longer than anything here takes.
const LONGEST: Duration = Duration::from_secs(30);

fn wait_until(what: &str, mut happens: impl FnMut() -> bool) {
    let began = Instant::now();
    while !happens() {
        assert!(began.elapsed() < LONGEST, "not within {LONGEST:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process has a handler of its own for SIGINT, which is signal 2.
fn catches_interrupts(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process is there");
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("a mask");
    u64::from_str_radix(caught.trim(), 16).expect("hexadecimal") & 0b10 != 0
}

fn kill(signal: &str, process: &str) {
    assert!(Command::new("kill").args([signal, process]).status().expect("kill runs").success());
}

/// Ends a command by one signal once it listens to signals.
fn interrupted(mut child: Child) -> std::process::Output {
    wait_until("the program listens to Ctrl-C", || catches_interrupts(child.id()));
    kill("-INT", &child.id().to_string());
    // The pipe that stays open keeps the program reading.
    let kept_open = child.stdin.take();
    let output = child.wait_with_output().expect("ended");
    drop(kept_open);
    output
}

#[test]
fn ctrl_c_ends_a_login_with_3_and_an_answer() {
    let harness = Harness::new("");
    let mut command = harness.command(&["--format", "json", "login", "--password-stdin", "alice"]);
    let output = interrupted(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("runs"));
    assert_eq!(code(&output), 3);
    let answer = &objects(&output)[0];
    assert_eq!((&answer["outcome"], &answer["reason"]), (&json!("unavailable"), &json!("cancelled")));
}

#[test]
fn ctrl_c_ends_every_command_that_waits_for_its_configuration() {
    for command in [
        &["users"][..],
        &["users", "add", "bob", "--password-file", "password"],
        &["validate"],
        &["list-users"],
        &["login", "--password-file", "password", "alice"],
    ] {
        let harness = Harness::new("");
        let mut arguments = vec!["--format", "json", "--config", "/dev/stdin"];
        arguments.extend_from_slice(command);
        let mut waiting = harness.command(&arguments);
        waiting.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = interrupted(waiting.spawn().expect("runs"));
        assert_eq!(code(&output), 3, "{command:?}: {output:?}");
        if command[0] == "list-users" {
            assert_eq!(objects(&output), [json!({"complete": false, "reason": "cancelled", "count": 0})]);
        }
    }
}

#[test]
fn ctrl_c_ends_a_command_that_waits_for_a_password_file() {
    let harness = Harness::new("");
    assert!(Command::new("mkfifo").arg(harness.file("pipe")).status().expect("mkfifo runs").success());
    for command in [&["users", "add", "bob", "--password-file", "pipe"][..], &["login", "--password-file", "pipe", "x"]]
    {
        let mut waiting = harness.command(command);
        let output = interrupted(waiting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs"));
        assert_eq!(code(&output), 3, "{command:?}: {output:?}");
    }
}

#[test]
fn ctrl_c_ends_a_command_whose_output_nobody_takes() {
    let harness = Harness::with_admin("");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    // Filled, so that the first line that is written waits.
    rustix::fs::fcntl_setfl(&writer, OFlags::NONBLOCK).expect("a flag");
    while rustix::io::write(&writer, &[b'x'; 1]).is_ok() {}
    rustix::fs::fcntl_setfl(&writer, OFlags::empty()).expect("a flag");
    let output = interrupted(harness.command(&["users"]).stdout(writer).stderr(Stdio::null()).spawn().expect("runs"));
    assert_eq!(code(&output), 3);
    drop(reader);
}

/// The program at the prompt of a terminal of its own, under a shell that stays, as in daily life: when the first
/// process of a terminal ends, the kernel resets the terminal.
#[test]
fn a_signal_at_the_password_prompt_ends_the_program_and_gives_the_terminal_its_echo_back() {
    const SHELL: &str = r#"sh -c 'echo $$ >pid; exec "$0" "$@"' "$0" "$@"; echo $? >code; stty -a >modes"#;
    for (command, signal) in
        [(&["login", "alice"][..], "-TERM"), (&["login", "alice"], "-INT"), (&["users", "add", "bob"], "-TERM")]
    {
        let harness = Harness::new("");
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&master).expect("granted");
        unlockpt(&master).expect("unlocked");
        let name = ptsname(&master, Vec::new()).expect("a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = rustix::fs::open(name.as_c_str(), flags, Mode::empty()).expect("the other side");
        let echoes = || tcgetattr(&master).expect("modes").local_modes.contains(LocalModes::ECHO);
        assert!(echoes());

        let mut shell = Command::new("setsid")
            .args(["--ctty", "sh", "-c", SHELL, env!("CARGO_BIN_EXE_host-harness")])
            .args(command)
            .current_dir(harness.0.path())
            .stdin(terminal)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("setsid (package util-linux) runs");
        wait_until("the prompt turns the echo off", || !echoes());
        let process = fs::read_to_string(harness.file("pid")).expect("its id");
        kill(signal, process.trim());
        assert!(shell.wait().expect("ended").success());
        assert_eq!(fs::read_to_string(harness.file("code")).expect("its exit code").trim(), "3", "{command:?}");
        let modes = fs::read_to_string(harness.file("modes")).expect("what stty says");
        let on = |mode: &str| modes.split([' ', ';', '\n']).any(|word| word == mode);
        assert!(on("echo") && on("icanon") && on("isig"), "{command:?} {signal}: {modes}");
    }
}
