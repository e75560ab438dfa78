//! A harness that runs: `host-harness run`, with its input and output in the hands of a test.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process;

/// How long a line may take to come, unless the program hangs.
const LONGEST: Duration = Duration::from_mins(1);

/// `host-harness run`. Dropping it ends it.
pub struct Serving {
    process: Child,
    input: Option<ChildStdin>,
    output: Receiver<Value>,
    /// Lines that came while another one was waited for.
    early: Vec<Value>,
}

impl Serving {
    /// Takes over a program that was started with pipes.
    pub(crate) fn of(mut process: Child) -> Self {
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().expect("a pipe"));
        let (sender, receiver) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or_else(|error| json!({ "no JSON": error.to_string() }));
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { process, input, output: receiver, early: Vec::new() }
    }

    /// Sends a line.
    pub fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("the input has not been closed");
        writeln!(input, "{line}").and_then(|()| input.flush()).expect("the program reads");
    }

    /// Sends a login.
    pub fn login(&mut self, id: &str, name: &str, password: &str) {
        self.say(&json!({ "id": id, "name": name, "password": password }).to_string());
    }

    /// Waits for the first line that fits, and keeps those before it for later.
    pub fn wait_for(&mut self, what: &str, mut fits: impl FnMut(&Value) -> bool) -> Value {
        if let Some(position) = self.early.iter().position(&mut fits) {
            return self.early.remove(position);
        }
        let deadline = Instant::now() + LONGEST;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line =
                self.output.recv_timeout(left).unwrap_or_else(|error| panic!("{what}: {error}; {:?}", self.early));
            if fits(&line) {
                return line;
            }
            self.early.push(line);
        }
    }

    /// Waits for an event of this name.
    pub fn event(&mut self, name: &str) -> Value {
        self.wait_for(name, |line| line["event"] == name)
    }

    /// Waits for the answer to the login with this id.
    pub fn answer(&mut self, id: &str) -> Value {
        self.wait_for(id, |line| line["id"] == id)
    }

    /// Sends a signal, by its name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.process.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// How many threads it has.
    pub fn threads(&self) -> usize {
        process::threads_of(self.process.id())
    }

    /// Closes the input.
    pub fn close(&mut self) {
        self.input = None;
    }

    /// Waits for the end: the exit code, and the lines that nobody has waited for.
    pub fn end(mut self) -> (i32, Vec<Value>) {
        let deadline = Instant::now() + LONGEST;
        let status = loop {
            if let Some(status) = self.process.try_wait().expect("the program is ours") {
                break status;
            }
            assert!(Instant::now() < deadline, "the program has not ended within {LONGEST:?}");
            thread::sleep(Duration::from_millis(5));
        };
        let code = status.code().unwrap_or_else(|| panic!("ended by a signal ({status})"));
        let mut lines = std::mem::take(&mut self.early);
        lines.extend(self.output.iter());
        (code, lines)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
