//! The process under attack: a host that loads the real plugin and does as it is told, line by line. What kills it
//! kills a program and not the test.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// What the process is told, a JSON object a line on its standard input.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Make a provider of these settings, in the place of the last one.
    Configure(Value),
    /// What was done until now counts as what the process needs anyway.
    Settle,
    /// Log in.
    Login {
        /// The name.
        name: String,
        /// The password.
        password: String,
    },
    /// Validate the settings.
    Validate,
    /// List all users.
    List,
    /// Log in as both of these so many times, many at once, and count the outcomes.
    Pairs {
        /// Names, passwords and the subjects that belong to them.
        people: Vec<(String, String, String)>,
        /// How often.
        pairs: usize,
        /// How many logins at once.
        at_once: usize,
    },
}

/// What the process says to that, a JSON object a line on its standard output.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Answer {
    /// The kind and the code: `accepted`, `rejected/CODE`, `unavailable/CODE`, `misconfigured/CODE`, `internal`; of a
    /// listing `complete` or `incomplete/CODE`; of a validation `valid`, `warned/CODE` or `invalid/CODE`.
    pub outcome: String,
    /// The same in words.
    pub message: String,
    /// Who was accepted.
    pub subject: Option<String>,
    /// The users listed.
    pub users: usize,
    /// Those among them that could not log in.
    pub refused: usize,
    /// How often each outcome came, of many logins.
    pub outcomes: BTreeMap<String, usize>,
    /// How long it took.
    pub milliseconds: f64,
    /// How far the process's memory rose above what it had when it had settled, in KiB.
    pub growth_kib: i64,
    /// How many records the plugin logged, from level info on.
    pub records: usize,
    /// The first of these.
    pub log: Vec<String>,
    /// How often the plugin has panicked since the process began. The plugin tells of a panic in a log record, and
    /// goes on.
    pub panics: usize,
    /// What the first of these said.
    pub panic: Option<String>,
}

/// A host in a process of its own.
pub struct HostProcess {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    errors: File,
}

impl HostProcess {
    /// Starts the program, which loads the LDAP provider.
    pub fn start(program: &Path) -> Self {
        Self::start_with(program, None)
    }

    /// Starts the program with this plugin file in the place of the LDAP provider's.
    pub fn start_with(program: &Path, plugin: Option<&Path>) -> Self {
        let errors = tempfile::tempfile().expect("a file for standard error");
        let mut child = Command::new(program)
            .args(plugin)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors.try_clone().expect("the file for standard error"))
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let input = child.stdin.take().expect("standard input");
        let output = BufReader::new(child.stdout.take().expect("standard output")).lines();
        Self { child, input, output, errors }
    }

    /// Asks, and waits for the answer so long at most. An answer of a plugin that has panicked, whenever that was, is
    /// none.
    pub async fn ask(&mut self, question: &Question, patience: Duration) -> Result<Answer, String> {
        let mut line = serde_json::to_string(question).expect("a question is JSON");
        line.push('\n');
        let answer = async {
            self.input.write_all(line.as_bytes()).await?;
            self.input.flush().await?;
            self.output.next_line().await
        };
        match tokio::time::timeout(patience, answer).await {
            Ok(Ok(Some(line))) => {
                let answer: Answer = serde_json::from_str(&line).map_err(|error| format!("{error}: {line}"))?;
                if answer.panics > 0 { Err(format!("the plugin panicked: {answer:?}")) } else { Ok(answer) }
            }
            Ok(Ok(None) | Err(_)) => Err(format!("the process is gone: {}", self.obituary().await)),
            Err(_) => Err(format!("no answer within {patience:?}")),
        }
    }

    /// Ends the process and makes sure that it ends well, and has not complained.
    pub async fn finish(mut self) -> Result<(), String> {
        drop(self.input);
        let status = tokio::time::timeout(Duration::from_mins(1), self.child.wait()).await;
        let status = status.map_err(|_| "the process does not end")?.map_err(|error| error.to_string())?;
        let errors = complaints(&mut self.errors);
        if !status.success() {
            return Err(format!("the process ended with {status}: {errors}"));
        }
        for word in ["panicked", "overflow", "fatal"] {
            if errors.contains(word) {
                return Err(format!("the process complained: {errors}"));
            }
        }
        Ok(())
    }

    async fn obituary(&mut self) -> String {
        let status = tokio::time::timeout(Duration::from_mins(1), self.child.wait()).await;
        format!("{status:?}: {}", complaints(&mut self.errors))
    }
}

fn complaints(file: &mut File) -> String {
    let mut errors = Vec::new();
    let read = file.rewind().and_then(|()| file.read_to_end(&mut errors));
    read.map_or_else(|error| error.to_string(), |_| String::from_utf8_lossy(&errors).into_owned())
}
