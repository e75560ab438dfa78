//! What a server that runs reads and writes, an object a line.

use std::time::Duration;

use provider_api::host::{CallCounters, SwapError, Swapped};
use provider_api::{Fault, Secret, StageOutcome, UnavailableReason, ValidationReport};
use serde::{Deserialize, Serialize};

use super::bad_line::id_of;
use super::input::{LONGEST, Line};
use crate::login::LoginAnswer;
use crate::providers::ProviderHandle;

/// A line of the input.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "neither a login nor a command")]
pub enum Request {
    /// Somebody logs in.
    Login(Login),
    /// Something is to be done.
    Command(CommandLine),
}

impl Request {
    /// What a line asks for.
    ///
    /// # Errors
    ///
    /// The event that tells of a line, the one of this number, that is neither a login nor a command.
    pub(crate) fn read(line: &Line, number: u64) -> Result<Self, Event> {
        let bad = |line: &[u8], message| Event::BadLine { line: number, id: id_of(line), message };
        match line {
            Line::Whole(line) => serde_json::from_slice(line)
                .map_err(|error| bad(line, format!("the line is no login and no command: {error}"))),
            Line::TooLong(beginning) => {
                Err(bad(beginning, format!("the line is too long: it may have {LONGEST} bytes at most")))
            }
        }
    }
}

/// Somebody logs in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Goes back with the answer.
    #[serde(default)]
    pub(crate) id: String,
    /// The name as it was typed.
    pub(crate) name: String,
    /// The password as it was typed.
    pub(crate) password: Secret,
}

/// A line with a command.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandLine {
    pub(crate) command: Command,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Read the configuration file again and swap the providers, as on SIGHUP.
    Reload,
    /// Tell what the providers are doing.
    Status,
    /// Tell what the providers have counted.
    Metrics,
}

/// A line of the output.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Message {
    /// The answer to a login.
    Answer {
        /// The id that came with it.
        id: String,
        /// The same as that of the command `login`.
        #[serde(flatten)]
        answer: Box<LoginAnswer>,
    },
    /// Something has happened.
    Event(Event),
}

/// Something that has happened.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A provider was loaded and configured; at a reload, validated as well.
    Started {
        /// Its instance.
        provider: String,
        /// The stages of its validation that warn.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<String>,
    },
    /// A provider could not be loaded or configured, or, at a reload, failed its validation. One that is new at a reload is
    /// not in force until the next one. Otherwise the next login that needs it tries again, with what the file said when
    /// it came into force.
    NotStarted {
        /// Its instance.
        provider: String,
        /// The code of the reason.
        reason: String,
        /// The same in words.
        message: String,
    },
    /// Logins are answered from now on.
    Ready,
    /// A new provider has taken over.
    Swapped {
        /// Its instance.
        provider: String,
        /// The stages of its validation that warn.
        warnings: Vec<String>,
        /// How long the old one needed to end, in milliseconds.
        drain_ms: u64,
        /// How many of its calls were cut off.
        cut_off: u64,
        /// Whether the old one said that it is shut down. If not, something in it blocks.
        shut_down: bool,
    },
    /// The old provider stays.
    Kept {
        /// Its instance.
        provider: String,
        /// The code of the reason.
        reason: String,
        /// The same in words.
        message: String,
    },
    /// A provider is not in the configuration any more, and has ended.
    Removed {
        /// Its instance.
        provider: String,
    },
    /// The configuration was read again.
    Reloaded {
        /// Whether all of it is in force now.
        complete: bool,
        /// What is not, or what kept the file from being used.
        message: Option<String>,
    },
    /// What the providers are doing.
    Status {
        /// Each of them, in their order.
        providers: Vec<ProviderStatus>,
    },
    /// What a provider has counted.
    Metrics {
        /// Its instance.
        provider: String,
        /// The counters, a line each, in the text format that Prometheus reads; none if it did not answer.
        text: Option<String>,
        /// Why it did not.
        message: Option<String>,
    },
    /// A line of the input is neither a login nor a command.
    BadLine {
        /// Its number, from 1.
        line: u64,
        /// Its id, if that could be read: somebody may wait for an answer by it.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// What is wrong with it. It is not quoted: it may hold a password.
        message: String,
    },
}

/// What a provider is doing.
#[derive(Debug, Serialize)]
pub struct ProviderStatus {
    provider: String,
    /// None if it was never configured.
    #[serde(flatten)]
    counters: Option<Counters>,
}

#[derive(Debug, Serialize)]
struct Counters {
    calls: u64,
    in_flight: usize,
    refusals: u64,
    timeouts: u64,
    panics: u64,
    lost_threads: usize,
    lost_threads_total: u64,
}

impl From<CallCounters> for Counters {
    fn from(counters: CallCounters) -> Self {
        Self {
            calls: counters.calls,
            in_flight: counters.in_flight,
            refusals: counters.refusals,
            timeouts: counters.timeouts,
            panics: counters.panics,
            lost_threads: counters.lost_threads,
            lost_threads_total: counters.lost_threads_total,
        }
    }
}

impl ProviderStatus {
    pub(super) fn of(handle: &ProviderHandle) -> Self {
        let counters = handle.configured().map(|slot| slot.counters().into());
        Self { provider: handle.instance().to_owned(), counters }
    }
}

impl Event {
    pub(super) fn started(provider: &str) -> Self {
        Self::Started { provider: provider.to_owned(), warnings: Vec::new() }
    }

    /// A new provider has been found to work.
    pub(super) fn tried_out(provider: &str, report: &ValidationReport) -> Self {
        Self::Started { provider: provider.to_owned(), warnings: warnings(report) }
    }

    /// A new provider has been found not to work.
    pub(super) fn left_out(provider: &str, error: &SwapError) -> Self {
        let message = format!("{error}; it is left out until the next reload");
        Self::NotStarted { provider: provider.to_owned(), reason: reason_of(error).to_owned(), message }
    }

    /// The successor of a provider that was never configured has been found not to work either.
    pub(super) fn left_as_it_was(provider: &str, error: &SwapError) -> Self {
        let message =
            format!("{error}; it stays as it was: never configured, and tried again by the next login that needs it");
        Self::NotStarted { provider: provider.to_owned(), reason: reason_of(error).to_owned(), message }
    }

    pub(super) fn not_started(provider: &str, fault: &Fault) -> Self {
        Self::NotStarted { provider: provider.to_owned(), reason: fault.code().to_owned(), message: fault.to_string() }
    }

    pub(super) fn swapped(provider: &str, swapped: &Swapped) -> Self {
        let drained = swapped.drained;
        Self::Swapped {
            provider: provider.to_owned(),
            warnings: warnings(&swapped.report),
            drain_ms: millis(drained.took),
            cut_off: drained.cut_off,
            shut_down: drained.shut_down,
        }
    }

    /// A provider without an entry stays, since it may be the one of `entry`, which cannot be used for this `reason`: under a new name, or
    /// under that which its plugin would have given it.
    pub(super) fn kept_for(provider: &str, entry: &ProviderHandle, reason: &str) -> Self {
        let instance = entry.instance();
        let message = if entry.is_nameless() {
            format!(
                "no entry of the configuration names it, but the plugin {instance}, which cannot be loaded, might: \
                 give that entry an instance, or repair the plugin"
            )
        } else {
            format!(
                "no entry of the configuration names it any more, but nobody is removed while {instance}, which has never \
                 been in use, cannot be used: repair that entry, or take it out"
            )
        };
        Self::Kept { provider: provider.to_owned(), reason: reason.to_owned(), message }
    }

    pub(super) fn kept(provider: &str, error: &SwapError) -> Self {
        let reason = reason_of(error).to_owned();
        Self::Kept { provider: provider.to_owned(), reason, message: error.to_string() }
    }
}

/// The code of the reason for which a provider does not take over.
pub(super) fn reason_of(error: &SwapError) -> &str {
    match error {
        SwapError::Settings(fault) | SwapError::NotValidated(fault) => fault.code(),
        SwapError::NotValid(report) => {
            report.first_failed().and_then(|stage| stage.code.as_deref()).unwrap_or("validation_failed")
        }
        SwapError::ShutDown => UnavailableReason::SHUTTING_DOWN.as_str(),
        _ => provider_api::MisconfiguredReason::PLUGIN_REFUSED.as_str(),
    }
}

fn warnings(report: &ValidationReport) -> Vec<String> {
    let warned = report.stages.iter().filter(|stage| stage.outcome == StageOutcome::Warned);
    warned.map(|stage| format!("{}: {}", stage.id, stage.detail)).collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Command, Login, Request};

    fn read(line: &str) -> Result<Request, String> {
        serde_json::from_str(line).map_err(|error| error.to_string())
    }

    #[test]
    fn a_line_is_a_login_or_a_command() {
        let login = read(r#"{"id":"7","name":"alice","password":"s3cret"}"#).expect("a login");
        let Request::Login(Login { id, name, password }) = login else { panic!("a login") };
        assert_eq!((id.as_str(), name.as_str(), password.expose()), ("7", "alice", "s3cret"));
        let commands = [("reload", Command::Reload), ("status", Command::Status), ("metrics", Command::Metrics)];
        for (line, command) in commands {
            let read = read(&format!(r#"{{"command":"{line}"}}"#)).expect("a command");
            assert!(matches!(read, Request::Command(line) if line.command == command), "{line}");
        }
    }

    #[test]
    fn what_is_neither_is_refused_without_being_quoted() {
        for line in [
            "s3cret",
            r#""s3cret""#,
            r#"{"name":"alice","password":"s3cret""#,
            r#"{"name":"alice","password":["s3cret"]}"#,
            r#"{"name":"alice","pasword":"s3cret"}"#,
            r#"{"command":"s3cret"}"#,
        ] {
            let error = read(line).expect_err(line);
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
