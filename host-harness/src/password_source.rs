//! Where a password comes from: a file, the environment, standard input or a prompt, and never an argument, which
//! every user of the system could read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use provider_api::{Credentials, RejectReason, Rejection, Secret};
use rustix::fs::OFlags;
use thiserror::Error;
use zeroize::Zeroizing;

/// The largest password file that is read. A longer one is no password but a mistake.
const LARGEST: u64 = 64 * 1024;

/// Where to take a password from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// A file that holds it.
    File(PathBuf),
    /// An environment variable that holds it.
    Environment(String),
    /// Standard input, to its end.
    StandardInput,
    /// A prompt on the terminal.
    Prompt,
}

/// There is no password to be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// The file cannot be read.
    #[error("the file {} cannot be read ({problem})", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        problem: String,
    },
    /// The environment has no such variable.
    #[error("the environment variable {0} is not set")]
    Variable(String),
    /// Standard input or the terminal cannot be read.
    #[error("the password cannot be read ({0})")]
    Read(String),
    /// There is nobody to ask.
    #[error("standard input is no terminal, so nobody can be asked for the password: use {0}")]
    NoTerminal(&'static str),
    /// The person left at the prompt.
    #[error("interrupted")]
    Interrupted,
    /// The two passwords that were typed differ.
    #[error("the two passwords differ: try again")]
    Differ,
    /// It is there but not UTF-8, which RFC 4511 section 4.2 wants a textual password to be.
    #[error("input_refused: what is to be the password is not UTF-8")]
    NotUtf8,
    /// It is there but far too long.
    #[error("input_refused: what is to be the password is longer than {} bytes", Credentials::LONGEST_PASSWORD)]
    TooLong,
}

impl PasswordSource {
    /// Takes the password. Blocks.
    ///
    /// # Errors
    ///
    /// [`PasswordError`]; the password itself is never part of one.
    pub fn read(&self) -> Result<Secret, PasswordError> {
        match self {
            Self::File(file) => read_file(file),
            Self::Environment(variable) => read_variable(variable),
            Self::StandardInput => read_to_end(io::stdin().lock()),
            Self::Prompt => prompt("Password: "),
        }
    }
}

/// Asks for a new password, twice.
pub fn prompt_twice() -> Result<Secret, PasswordError> {
    let first = prompt("New password: ")?;
    let second = prompt("The same again: ")?;
    if first.expose() == second.expose() { Ok(first) } else { Err(PasswordError::Differ) }
}

/// The password in a file, which may be a pipe: a shell's `<(command)` is one.
fn read_file(file: &Path) -> Result<Secret, PasswordError> {
    read_opened(file, File::open(file).map_err(|error| unreadable(file, error.to_string()))?)
}

/// The password in a regular file. Anything else, such as a pipe that nobody writes to, is refused: a server that
/// waited for it would never start.
pub(crate) fn read_regular_file(file: &Path) -> Result<Secret, PasswordError> {
    // Not to block is for the opening alone: reading a regular file does not wait for anybody.
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let opened = OpenOptions::new().read(true).custom_flags(nonblocking).open(file);
    let opened = opened.map_err(|error| unreadable(file, error.to_string()))?;
    if !opened.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(unreadable(file, "it is no regular file".to_owned()));
    }
    read_opened(file, opened)
}

/// The password in a file that was opened already.
pub(crate) fn read_opened(file: &Path, opened: File) -> Result<Secret, PasswordError> {
    read_to_end(opened).map_err(|error| match error {
        PasswordError::Read(problem) => unreadable(file, problem),
        other => other,
    })
}

fn unreadable(file: &Path, problem: String) -> PasswordError {
    PasswordError::File { file: file.to_owned(), problem }
}

/// The password in an environment variable.
pub(crate) fn read_variable(variable: &str) -> Result<Secret, PasswordError> {
    // `var_os` would panic for a name that cannot be one.
    if variable.is_empty() || variable.contains(['=', '\0']) {
        return Err(PasswordError::Variable(provider_api::one_line(variable)));
    }
    let value = std::env::var_os(variable).ok_or_else(|| PasswordError::Variable(variable.to_owned()))?;
    value.into_string().map(Secret::new).map_err(|_| PasswordError::NotUtf8)
}

fn read_to_end(source: impl io::Read) -> Result<Secret, PasswordError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(Credentials::LONGEST_PASSWORD + 2));
    source.take(LARGEST).read_to_end(&mut bytes).map_err(|error| PasswordError::Read(error.to_string()))?;
    if bytes.len() as u64 == LARGEST {
        return Err(PasswordError::TooLong);
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| PasswordError::NotUtf8)?;
    Ok(Secret::new(without_newline(text)))
}

/// Editors end a file with a newline: one is dropped, and nothing else. Spaces, and further newlines, are part of a
/// password.
fn without_newline(text: &str) -> &str {
    text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text)
}

fn prompt(question: &str) -> Result<Secret, PasswordError> {
    rpassword::prompt_password(question).map(Secret::new).map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof => PasswordError::Interrupted,
        _ => PasswordError::Read(error.to_string()),
    })
}

/// The rejection of a password that is not UTF-8, which RFC 4511 section 4.2 wants a textual password to be.
pub fn not_utf8() -> Rejection {
    Rejection::new(RejectReason::INPUT_REFUSED, "the password is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::{PasswordError, PasswordSource, read_to_end, without_newline};

    #[test]
    fn one_trailing_newline_is_dropped_and_nothing_else() {
        for (text, password) in [
            ("secret", "secret"),
            ("secret\n", "secret"),
            ("secret\r\n", "secret"),
            ("secret\n\n", "secret\n"),
            ("secret\r\n\r\n", "secret\r\n"),
            ("secret\r", "secret\r"),
            (" secret \n", " secret "),
            ("\n", ""),
            ("", ""),
        ] {
            assert_eq!(without_newline(text), password, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_utf8_is_refused_without_being_shown() {
        let error = read_to_end(&b"hunter\xff2"[..]).expect_err("not UTF-8");
        assert!(matches!(error, PasswordError::NotUtf8));
        assert!(error.to_string().starts_with("input_refused"));
        assert!(!format!("{error} {error:?}").contains("hunter"));
    }

    #[test]
    fn a_missing_file_or_variable_is_named() {
        let file = PasswordSource::File("/nowhere/secret".into()).read().expect_err("no file").to_string();
        assert!(file.contains("/nowhere/secret"), "{file}");
        let variable = PasswordSource::Environment("NO_SUCH_VARIABLE_HERE".into()).read().expect_err("no variable");
        assert!(variable.to_string().contains("NO_SUCH_VARIABLE_HERE"));
        assert!(PasswordSource::Environment("a=b".into()).read().is_err());
    }
}
