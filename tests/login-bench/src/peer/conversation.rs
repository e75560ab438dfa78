use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::failure::{Failure, Outcome, cannot};
use crate::process::Process;

/// How long a client may take to end when its input has.
const PATIENCE: Duration = Duration::from_secs(2);

/// A client process that does what it is told, a line for each thing, and answers with a line. Passwords go this way
/// too: arguments are for everybody to see.
pub struct Conversation {
    name: String,
    // Before the process: a client ends when its input does.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    process: Process,
}

/// What a client did in a round.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Logins that succeeded.
    pub logins: u64,
    /// Logins that did not.
    pub failed: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// The CPU time of the client, user and system.
    pub cpu: Duration,
    /// The time of a login: half of them were as fast.
    pub p50: Duration,
    /// 99 of 100 were as fast.
    pub p99: Duration,
}

/// What a client has listed.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// How many users.
    pub users: u64,
    /// How long it took.
    pub elapsed: Duration,
}

impl Conversation {
    /// Starts a client, tells it the first lines, and waits until it is ready.
    pub fn begin(name: &str, command: &mut Command, first_lines: &[String]) -> Outcome<Self> {
        let process = Process::start(name, command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let (Some(input), Some(output)) = process.pipes() else { unreachable!("both were asked for") };
        let mut conversation =
            Self { name: name.to_owned(), input: Some(input), output: BufReader::new(output), process };
        for line in first_lines {
            conversation.tell(line)?;
        }
        conversation.answer()?;
        Ok(conversation)
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// Logs in for so long, in the client's way of this name, in which it may be quiet before each login. Every login has to
    /// succeed.
    pub fn round(&mut self, word: &str, length: Duration, quiet: Option<Duration>) -> Outcome<Round> {
        let quiet = quiet.map_or_else(String::new, |quiet| format!(" {}", quiet.as_micros()));
        let round = self.play(&format!("{word} {}{quiet}", length.as_millis()))?;
        if round.failed > 0 || round.logins == 0 {
            let Round { logins, failed, .. } = round;
            return Err(Failure(format!("{}: {failed} logins failed, {logins} succeeded", self.name)));
        }
        Ok(round)
    }

    /// So many logins, of which some may fail.
    pub fn logins(&mut self, count: u64) -> Outcome<Round> {
        self.play(&format!("logins {count}"))
    }

    /// A listing by pages of this size, if the client lets itself be told.
    pub fn list(&mut self, page: u32) -> Outcome<Listed> {
        let [users, elapsed] = self.numbers(&format!("list {page}"))?;
        Ok(Listed { users, elapsed: Duration::from_nanos(elapsed) })
    }

    /// A listing that keeps all users until the end, by go-ldap.
    pub fn list_kept(&mut self, page: u32) -> Outcome<Listed> {
        let [users, elapsed] = self.numbers(&format!("list-kept {page}"))?;
        Ok(Listed { users, elapsed: Duration::from_nanos(elapsed) })
    }

    /// The plugin's metrics.
    pub fn metrics(&mut self) -> Outcome<Vec<(String, f64)>> {
        let answer = self.ask("metrics")?;
        let pairs = answer.split_whitespace().filter_map(|pair| pair.split_once('='));
        Ok(pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect())
    }

    fn play(&mut self, command: &str) -> Outcome<Round> {
        let [logins, failed, elapsed, cpu, p50, p99] = self.numbers(command)?;
        let [elapsed, cpu, p50, p99] = [elapsed, cpu, p50, p99].map(Duration::from_nanos);
        Ok(Round { logins, failed, elapsed, cpu, p50, p99 })
    }

    fn numbers<const N: usize>(&mut self, command: &str) -> Outcome<[u64; N]> {
        let answer = self.ask(command)?;
        let numbers: Option<Vec<u64>> = answer.split_whitespace().map(|word| word.parse().ok()).collect();
        let numbers = numbers.and_then(|numbers| numbers.try_into().ok());
        numbers.ok_or_else(|| Failure(format!("{} answered `{command}` by `{}`", self.name, answer.trim())))
    }

    fn ask(&mut self, command: &str) -> Outcome<String> {
        self.tell(command)?;
        self.answer()
    }

    fn tell(&mut self, line: &str) -> Outcome<()> {
        let told = self.input.as_mut().map_or(Ok(()), |input| writeln!(input, "{line}"));
        // It has ended, and the answer that is missing says so.
        told.or_else(|error| if error.kind() == std::io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
            .map_err(cannot(format_args!("tell {} what to do", self.name)))
    }

    fn answer(&mut self) -> Outcome<String> {
        let mut line = String::new();
        let read = self.output.read_line(&mut line).map_err(cannot(format_args!("read what {} says", self.name)))?;
        if read == 0 {
            let ended = self.process.wait(PATIENCE)?;
            let how = ended.map_or_else(|| "without a word".to_owned(), |status| status.to_string());
            return Err(Failure(format!("{} has ended ({how}): see its words above", self.name)));
        }
        Ok(line)
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.process.wait(PATIENCE);
    }
}
