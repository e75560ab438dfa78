//! A host's log sink that keeps what it hears, so that a test can look for what must be there, or must not.

use std::sync::{Arc, Mutex, PoisonError};

use provider_api::host::{HostServices, LogSink};
use provider_api::{LogLevel, LogRecord};

/// Everything that plugins logged through the services of this capture.
#[derive(Clone, Default)]
pub struct LogCapture {
    records: Arc<Mutex<Vec<LogRecord>>>,
}

impl LogCapture {
    /// An empty capture.
    pub fn new() -> Self {
        Self::default()
    }

    /// Services for a plugin whose records, down to the finest level, are kept here.
    pub fn services(&self) -> HostServices {
        HostServices::new(LogLevel::Trace, Arc::new(self.clone()))
    }

    /// What was logged until now.
    pub fn records(&self) -> Vec<LogRecord> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same in one text, with every field.
    pub fn text(&self) -> String {
        self.records().iter().map(|record| format!("{record:?}")).collect::<Vec<_>>().join("\n")
    }
}

impl LogSink for LogCapture {
    fn log(&self, record: LogRecord) {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }
}
