//! Log lines on standard error: standard output belongs to results.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::Arc;

use provider_api::host::{HostServices, LogSink};
use provider_api::{LogLevel, LogRecord, one_line};

/// Where the harness and its plugins log to: standard error, or nowhere, which is the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Log(Option<LogLevel>);

impl Log {
    /// Records up to a level go to standard error.
    pub fn up_to(level: LogLevel) -> Self {
        Self(Some(level))
    }

    /// Nothing is logged.
    pub fn silent() -> Self {
        Self(None)
    }

    /// What a plugin gets to log with.
    pub fn services(self) -> HostServices {
        match self.0 {
            Some(level) => HostServices::new(level, Arc::new(StandardError)),
            None => HostServices::silent(),
        }
    }

    /// Logs something that should be looked at.
    pub fn warn(self, message: &str) {
        if self.0.is_some_and(|level| level >= LogLevel::Warn) {
            write(&line(LogLevel::Warn, "host_harness", None, message, &[]));
        }
    }
}

struct StandardError;

impl LogSink for StandardError {
    fn log(&self, record: LogRecord) {
        write(&line(record.level, &record.target, record.request_id.as_deref(), &record.message, &record.fields));
    }
}

fn write(line: &str) {
    // Nobody can be told that the log cannot be written.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Whatever a record holds, it is one line: level, target, request, message, fields.
fn line(level: LogLevel, target: &str, request: Option<&str>, message: &str, fields: &[(String, String)]) -> String {
    let mut line = format!("{level:<5} {}", one_line(target));
    // Writing to a String cannot fail.
    if let Some(request) = request {
        let _ = write!(line, " [{}]", one_line(request));
    }
    let _ = write!(line, ": {}", one_line(message));
    for (name, value) in fields {
        let _ = write!(line, " {}={}", one_line(name), quoted(&one_line(value)));
    }
    line
}

/// A value with a space or a quote in it could be read as further fields.
fn quoted(value: &str) -> String {
    if value.is_empty() || value.contains([' ', '"', '=']) {
        format!("\"{}\"", value.replace('"', "\\\""))
    } else {
        value.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use provider_api::LogLevel;

    use super::line;

    #[test]
    fn whatever_a_record_holds_it_stays_one_line() {
        let fields = [("user".to_owned(), "a\n b\"".to_owned()), ("rc".to_owned(), "49".to_owned())];
        assert_eq!(
            line(LogLevel::Warn, "ldap3::conn", Some("7\r"), "x\nERROR forged", &fields),
            r#"WARN  ldap3::conn [7\u{d}]: x\u{a}ERROR forged user="a\u{a} b\"" rc=49"#
        );
    }
}
