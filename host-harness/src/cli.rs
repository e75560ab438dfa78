//! The command line.

#![allow(clippy::doc_markdown, reason = "the doc comments here are the text of --help, which has no markup")]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use provider_api::LogLevel;

use crate::config::DEFAULT_FILE;
use crate::log::Log;
use crate::output::OutputFormat;
use crate::password_source::PasswordSource;

/// A host that loads authentication providers: checks their settings, logs people in, creates accounts on their first
/// login.
#[derive(Debug, Parser)]
#[command(name = "host-harness", version, after_long_help = EXAMPLES, max_term_width = 120)]
pub struct Cli {
    /// The configuration file; relative paths in it lead to its folder, else to that of this program
    #[arg(long, global = true, value_name = "FILE", default_value = DEFAULT_FILE, help_heading = GLOBAL)]
    pub config: PathBuf,

    /// For whom results are written on standard output
    #[arg(long, global = true, value_enum, default_value_t, help_heading = GLOBAL)]
    pub format: OutputFormat,

    /// How much is logged on standard error, by the harness and by the plugins
    #[arg(long, global = true, value_enum, value_name = "LEVEL", default_value_t = LogChoice::Warn, help_heading = GLOBAL)]
    pub log: LogChoice,

    /// Show what the providers have counted on standard error when all is done: logins by their answers, connections,
    /// handshakes, failovers, in the text format that Prometheus reads
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub metrics: bool,

    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The heading in --help of what goes with every command.
const GLOBAL: &str = "Options of every command";

const EXAMPLES: &str = "\
Examples:
  host-harness demo                          a first login, with nothing installed
  host-harness inspect libldap_provider.so   what a plugin is and which settings it takes
  host-harness validate                      do the settings work? each step with advice
  host-harness login alice                   asks for the password, logs alice in
  host-harness list-users --limit 10         who could log in?
  host-harness users                         who has an account here?
  host-harness run                           answers logins until Ctrl-C; SIGHUP swaps providers
  host-harness users add admin               a local account, for when every directory is down
  host-harness users disable 7               account 7 does not log in any more

A configuration file, harness.toml:
  [[providers]]                   # several are asked in this order
  instance = \"corp\"               # part of the key of every account: never change it
  path = \"libldap_provider.so\"
  sha256 = \"9f86d0...\"            # of the plugin file, as `inspect` prints it: no other is loaded; `run` wants it
  trust = \"strict\"                # nobody else may write the file or its folders; needs sha256.
                                  # \"developer\" only warns; `run` is strict by default
  [providers.settings]            # `host-harness inspect` shows them
  host = \"ldaps://ldap.example.com\"
  base_dn = \"ou=people,dc=example,dc=com\"
  bind_dn = \"cn=reader,dc=example,dc=com\"
  bind_password_file = \"secret\"   # any secret NAME may be given as NAME_file or NAME_env
  [plugins]
  copies = \"/run/plugins\"         # where copies of plugins are loaded from; default: memory
  [store]
  url = \"sqlite:users.db\"

Exit codes:
  0 accepted, valid, complete     1 rejected            2 command line or configuration file
  3 unavailable or incomplete     4 misconfigured       5 internal fault";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what a plugin is and which settings it takes
    Inspect {
        /// The plugin's file
        plugin: PathBuf,
    },
    /// Try the settings against the real directory, step by step
    ///
    /// Ends with the code of the first step that failed. With --format json: one object a line for each provider,
    /// {"provider", "valid", "stages": [{"id", "outcome", "code", "detail", "advice", "duration_ms"}]}.
    Validate {
        /// The provider instance, if it is not all of them
        #[arg(long, value_name = "INSTANCE")]
        provider: Option<String>,
        /// How long it may take for each provider, such as 15s or 500ms
        #[arg(long, value_name = "TIME", value_parser = duration, default_value = "15s")]
        timeout: Duration,
    },
    /// Log somebody in, and create or refresh the account
    ///
    /// A name that folds to a local account is checked here and nowhere else. Otherwise the providers are asked in
    /// their order, and a password goes to the next one only after unknown_user.
    #[command(after_help = "\
Examples:
  host-harness login alice
  host-harness login --provider corp --password-file secret -- -alice
  printf %s \"$PASSWORD\" | host-harness --format json login --password-stdin alice")]
    Login {
        /// The provider instance, if it is not all of them
        #[arg(long, value_name = "INSTANCE")]
        provider: Option<String>,
        /// Where the password comes from; a prompt unless it is said
        #[command(flatten)]
        password: PasswordChoice,
        /// How long it may take in all, such as 8s or 500ms
        #[arg(long, value_name = "TIME", value_parser = duration, default_value = "8s")]
        timeout: Duration,
        /// The name as the person types it
        name: String,
    },
    /// List the users that could log in
    ///
    /// With --format json: one object a line for each user, and a last line {"complete": true | false, "reason": CODE
    /// or null, "count": N}. A listing that --limit ended is incomplete for the reason limit_reached, and the exit
    /// code is 0.
    ListUsers {
        /// The provider instance; needed if there are several
        #[arg(long, value_name = "INSTANCE")]
        provider: Option<String>,
        /// Stop after so many users
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        limit: Option<u64>,
        /// How long it may take in all, such as 60s or 10m
        #[arg(long, value_name = "TIME", value_parser = duration, default_value = "60s")]
        timeout: Duration,
    },
    /// Show the accounts of this host, add a local one, or change one
    ///
    /// With --format json: one object a line for each account, {"id", "name", "display_name", "email", "status",
    /// "origin", "links": [{"provider", "subject", "subject_attribute", "login"}]}; a command that changes an account
    /// shows it as it is now.
    #[command(after_help = "\
Examples:
  host-harness users                             the accounts, with their numbers
  host-harness users add admin                   asks for the password twice
  host-harness users disable 7                   account 7 does not log in any more
  host-harness users rename 7 bob-until-2024     the name bob is free for somebody else
  host-harness users password admin --password-file secret
No account is ever removed. Exit code 1: the name is taken, no account has the number, or a directory has its password.")]
    Users {
        /// What to do with them
        #[command(subcommand)]
        command: Option<UsersCommand>,
    },
    /// Answer logins, many at a time, until the input ends or Ctrl-C; on SIGHUP new providers take over
    ///
    /// Reads objects from standard input, one a line, and writes objects to standard output. A reload reads the
    /// configuration file again; each provider in it is loaded, configured and validated, then takes over, and the old
    /// one ends its calls. Whatever goes wrong, the old one stays, and a new one that cannot be used is left out. Plugins
    /// are loaded on the conditions of trust = "strict" unless their entry says otherwise.
    #[command(after_help = "\
Input, an object a line, of 16 KiB at most:
  {\"id\": TEXT, \"name\": TEXT, \"password\": TEXT}   a login; answered as by `login`, with the id
  {\"command\": \"reload\"}                          the same as SIGHUP
  {\"command\": \"status\"}                          what the providers are doing
  {\"command\": \"metrics\"}                         what they have counted
Events in the output, beside the answers:
  started, not_started, ready                    at the start, for each provider and in the end
  swapped, kept, started, removed, reloaded      of a reload; `kept` has the reason
  status                                         each provider with its counters
  metrics                                        of each provider: `text`, as --metrics shows it
  bad_line                                       a line of no use, with its id if that could be read
A reload that is asked for while one runs follows it. All that wait are one, and one `reloaded` answers them.
Told to stop, it answers the logins that it does not carry out any more as shutting_down.
The exit code is 0 when all that was read of the input was carried out, whatever came of each login; 3 when some of it was
cut off or not begun with, or nobody reads the answers any more; 5 when the input cannot be read.")]
    Run {
        /// How long a login may take in all, such as 8s or 500ms
        #[arg(long, value_name = "TIME", value_parser = duration, default_value = "8s")]
        timeout: Duration,
        /// How long a provider that is replaced may take to end its calls
        #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
        drain: Duration,
    },
    /// Play a first login: an own little directory, the real plugins, nothing installed, no network
    Demo,
}

/// What to do with the accounts of this host.
#[derive(Debug, Subcommand)]
pub enum UsersCommand {
    /// Add a local account; it can log in while every directory is down
    Add {
        /// The name; no other account may have it, in any spelling
        name: String,
        /// A file that holds the password; one newline at its end, \n or \r\n, is dropped. Without it you are asked
        /// for the password twice
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// The name to show
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
        /// The mail address; no other account may have it
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
    },
    /// Keep an account from logging in, whatever its directory says
    ///
    /// It keeps its number and its name; a name that the directory gives to somebody else passes on to them.
    Disable {
        /// The number of the account, as `users` shows it
        #[arg(value_parser = clap::value_parser!(i64).range(1..))]
        number: i64,
    },
    /// Let an account that was disabled log in again
    Enable {
        /// The number of the account, as `users` shows it
        #[arg(value_parser = clap::value_parser!(i64).range(1..))]
        number: i64,
    },
    /// Call an account otherwise, so that its name is free for somebody else
    ///
    /// The account of a directory's person is called what the directory says again when they next log in, unless somebody
    /// else has that name by then: a person of another provider who has it keeps it, and they are refused as name_taken.
    /// Whoever types the old name of a local account is looked for in the directories from then on, with the password that they type.
    Rename {
        /// The number of the account, as `users` shows it
        #[arg(value_parser = clap::value_parser!(i64).range(1..))]
        number: i64,
        /// The new name; no other account may have it, in any spelling
        name: String,
    },
    /// Give a local account another password; the old one is not asked for
    ///
    /// The password of any other account is its directory's.
    Password {
        /// The number of the account, or its name; digits are a number
        #[arg(value_name = "NUMBER|NAME")]
        account: String,
        /// A file that holds the password; one newline at its end, \n or \r\n, is dropped. Without it you are asked
        /// for the password twice
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
}

/// Where the password comes from; never an argument, which every user of the system could read.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct PasswordChoice {
    /// A file that holds the password; one newline at its end, \n or \r\n, is dropped
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// An environment variable that holds the password
    #[arg(long, value_name = "VAR")]
    pub password_env: Option<String>,
    /// Read the password from standard input; one newline at its end, \n or \r\n, is dropped
    #[arg(long)]
    pub password_stdin: bool,
}

impl PasswordChoice {
    /// The source that was chosen; a prompt if none was.
    pub fn source(self) -> PasswordSource {
        match (self.password_file, self.password_env, self.password_stdin) {
            (Some(file), ..) => PasswordSource::File(file),
            (_, Some(variable), _) => PasswordSource::Environment(variable),
            (.., true) => PasswordSource::StandardInput,
            _ => PasswordSource::Prompt,
        }
    }
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogChoice {
    /// Nothing
    Off,
    /// What failed
    Error,
    /// And what should be looked at
    Warn,
    /// And what is of note
    Info,
    /// For those who look for a fault
    Debug,
    /// Every step
    Trace,
}

impl From<LogChoice> for Log {
    fn from(choice: LogChoice) -> Self {
        match choice {
            LogChoice::Off => Self::silent(),
            LogChoice::Error => Self::up_to(LogLevel::Error),
            LogChoice::Warn => Self::up_to(LogLevel::Warn),
            LogChoice::Info => Self::up_to(LogLevel::Info),
            LogChoice::Debug => Self::up_to(LogLevel::Debug),
            LogChoice::Trace => Self::up_to(LogLevel::Trace),
        }
    }
}

/// Reads a duration such as `8s`, `500ms` or `10m`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|character: char| !character.is_ascii_digit());
    let milliseconds = match text.strip_prefix(digits) {
        Some("ms") => 1,
        Some("s") => 1_000,
        Some("m") => 60_000,
        _ => 0,
    };
    match digits.parse::<u64>().ok().and_then(|number| number.checked_mul(milliseconds)) {
        Some(sum) if sum > 0 => Ok(Duration::from_millis(sum)),
        _ => Err("write a number above 0 with its unit: 500ms, 8s or 10m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::{CommandFactory as _, Parser as _};

    use super::{Cli, Command, duration};
    use crate::password_source::PasswordSource;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_name_that_looks_like_an_option_can_log_in() {
        let cli = Cli::parse_from(["host-harness", "login", "--password-stdin", "--", "--password-file"]);
        let Command::Login { name, password, .. } = cli.command else { panic!("login") };
        assert_eq!((name.as_str(), password.source()), ("--password-file", PasswordSource::StandardInput));
    }

    #[test]
    fn a_password_has_one_source_and_is_no_argument() {
        for arguments in [
            &["host-harness", "login", "--password-stdin", "--password-env", "X", "alice"][..],
            &["host-harness", "login", "alice", "password"],
            &["host-harness", "login", "--password", "x", "alice"],
            &["host-harness", "users", "add", "alice", "password"],
            &["host-harness", "users", "password", "alice", "password"],
        ] {
            assert!(Cli::try_parse_from(arguments).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn a_listing_of_nobody_is_refused() {
        assert!(Cli::try_parse_from(["host-harness", "list-users", "--limit", "0"]).is_err());
        assert!(Cli::try_parse_from(["host-harness", "list-users", "--limit", "1"]).is_ok());
    }

    #[test]
    fn an_account_to_be_changed_is_named_by_its_number() {
        for command in [&["disable"][..], &["enable"], &["rename"]] {
            for (number, is_one) in [("1", true), ("0", false), ("-1", false), ("alice", false), ("", false)] {
                let mut arguments = [&["host-harness", "users"], command, &["--", number]].concat();
                arguments.extend((command == ["rename"]).then_some("name"));
                assert_eq!(Cli::try_parse_from(&arguments).is_ok(), is_one, "{arguments:?}");
            }
        }
    }

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(duration("8s"), Ok(Duration::from_secs(8)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("10m"), Ok(Duration::from_mins(10)));
        for text in ["", "8", "s", "0s", "-1s", "1h", "8 s", "99999999999999999999s"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }
}
