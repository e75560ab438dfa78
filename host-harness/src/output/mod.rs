//! Results on standard output: text for people, JSON for programs.

mod inspection;
mod json;
mod login;
mod metrics;
mod table;
mod validation;

use std::io::{self, BufWriter, Write};

use serde::Serialize;

pub use inspection::inspection;
pub use login::login;
pub use metrics::metrics;
pub use table::Table;
pub use validation::{ValidationJson, validation};

/// For whom results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// Standard output, or whatever stands for it.
///
/// A reader that goes away (`| head`) is no error: what is written after that goes nowhere.
pub struct Output {
    format: OutputFormat,
    sink: BufWriter<Box<dyn Write + Send>>,
    closed: bool,
}

impl Output {
    /// Standard output.
    pub fn standard(format: OutputFormat) -> Self {
        Self::to(format, Box::new(io::stdout()))
    }

    /// Something else.
    pub fn to(format: OutputFormat, sink: Box<dyn Write + Send>) -> Self {
        Self { format, sink: BufWriter::new(sink), closed: false }
    }

    /// For whom results are written.
    pub fn format(&self) -> OutputFormat {
        self.format
    }

    /// Whether the reader has gone away.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Writes lines of text. Directory data in it must have gone through [`one_line`](provider_api::one_line).
    ///
    /// # Errors
    ///
    /// Whatever keeps the result from being written, such as a full disk.
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        let written = writeln!(self.sink, "{}", text.trim_end_matches('\n'));
        self.note(written)
    }

    /// Writes an object as one line of JSON, in which all that [`one_line`](provider_api::one_line) would not let through
    /// is written as `\uXXXX`.
    ///
    /// # Errors
    ///
    /// As for [`text`](Self::text).
    pub fn object(&mut self, object: &impl Serialize) -> io::Result<()> {
        let line = json::line(object)?;
        self.text(&line)
    }

    /// Sees that all that was written has left.
    ///
    /// # Errors
    ///
    /// As for [`text`](Self::text).
    pub fn flush(&mut self) -> io::Result<()> {
        let flushed = self.sink.flush();
        self.note(flushed)
    }

    fn note(&mut self, result: io::Result<()>) -> io::Result<()> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            other => other,
        }
    }
}
