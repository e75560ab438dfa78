use std::fmt;
use std::sync::Arc;

use abi_stable::sabi_trait::prelude::TD_Opaque;

use super::gate::CallLimits;
use crate::abi::{AbiHost, AbiHost_TO, AbiLogRecord, HostBox};
use crate::panics::caught;
use crate::{LogLevel, LogRecord};

/// Where a plugin's log records go.
pub trait LogSink: Send + Sync + 'static {
    /// Takes a record. Called from threads of the plugin, many at a time; returns soon. A panic in here is caught and
    /// the record is lost.
    fn log(&self, record: LogRecord);
}

/// What a host offers to a provider. Clones share it.
#[derive(Clone)]
pub struct HostServices {
    max_level: Option<LogLevel>,
    sink: Option<Arc<dyn LogSink>>,
    instance: Option<Arc<str>>,
    limits: CallLimits,
}

impl HostServices {
    /// Services with a sink for records up to `max_level`.
    pub fn new(max_level: LogLevel, sink: Arc<dyn LogSink>) -> Self {
        Self { max_level: Some(max_level), sink: Some(sink), instance: None, limits: CallLimits::default() }
    }

    /// No services: what the plugin logs is not made at all, and what it panics with goes to standard error.
    pub fn silent() -> Self {
        Self { max_level: None, sink: None, instance: None, limits: CallLimits::default() }
    }

    /// The same services for the provider that the host calls by this name. The plugin's threads are named after it.
    #[must_use]
    pub fn for_instance(&self, instance: &str) -> Self {
        Self { instance: Some(instance.into()), ..self.clone() }
    }

    /// The same services for a provider of which a host puts up with so much.
    #[must_use]
    pub fn with_limits(&self, limits: CallLimits) -> Self {
        Self { limits, ..self.clone() }
    }

    pub(super) fn limits(&self) -> CallLimits {
        self.limits
    }

    pub(super) fn instance(&self) -> Option<&str> {
        self.instance.as_deref()
    }

    /// The same as the plugin sees it.
    pub(super) fn to_abi(&self) -> HostBox {
        AbiHost_TO::from_value(Offered(self.clone()), TD_Opaque)
    }
}

impl fmt::Debug for HostServices {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HostServices").field("max_level", &self.max_level).finish_non_exhaustive()
    }
}

/// The number of the least important level.
const TRACE: u32 = 5;

/// How long each text of a log record may be, in bytes; what is beyond is cut off.
const LONGEST_TEXT: usize = 16 * 1024;

/// How many named values of a log record are kept.
const MOST_FIELDS: usize = 64;

struct Offered(HostServices);

impl AbiHost for Offered {
    fn max_level(&self) -> u32 {
        self.0.max_level.map_or(0, |level| match level {
            LogLevel::Error => 1,
            LogLevel::Warn => 2,
            LogLevel::Info => 3,
            LogLevel::Debug => 4,
            LogLevel::Trace => TRACE,
        })
    }

    fn log(&self, record: AbiLogRecord<'_>) {
        let Some(sink) = &self.0.sink else { return };
        // A plugin that was not written with this crate may say more than it was asked for.
        let level = if (1..TRACE).contains(&record.level) { record.level } else { TRACE };
        if level > self.max_level() {
            return;
        }
        // A panic would end the process at the border. The host's own panic hook has told of it by now.
        let _ = caught(|| sink.log(read(record)));
    }
}

impl Drop for Offered {
    fn drop(&mut self) {
        let sink = self.0.sink.take();
        let _ = caught(move || drop(sink));
    }
}

fn read(record: AbiLogRecord<'_>) -> LogRecord {
    LogRecord {
        level: match record.level {
            1 => LogLevel::Error,
            2 => LogLevel::Warn,
            3 => LogLevel::Info,
            4 => LogLevel::Debug,
            _ => LogLevel::Trace,
        },
        target: bounded(record.target.as_str()),
        message: bounded(record.message.as_str()),
        fields: record
            .fields
            .iter()
            .take(MOST_FIELDS)
            .map(|pair| (bounded(pair.name.as_str()), bounded(pair.value.as_str())))
            .collect(),
        request_id: Some(bounded(record.request_id.as_str())).filter(|id| !id.is_empty()),
    }
}

fn bounded(text: &str) -> String {
    text.get(..text.floor_char_boundary(LONGEST_TEXT)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::{HostServices, LONGEST_TEXT, LogSink, MOST_FIELDS, Offered};
    use crate::abi::{AbiHost as _, AbiLogRecord, AbiPair};
    use crate::{LogLevel, LogRecord};

    #[derive(Default)]
    struct Kept(Mutex<Vec<LogRecord>>);

    impl LogSink for Kept {
        fn log(&self, record: LogRecord) {
            self.0.lock().expect("sound").push(record);
        }
    }

    #[test]
    fn a_record_that_nobody_asked_for_is_dropped_and_one_that_is_too_large_is_cut() {
        let kept = Arc::new(Kept::default());
        let offered = Offered(HostServices::new(LogLevel::Info, kept.clone()));
        let long = "é".repeat(LONGEST_TEXT);
        let fields = vec![AbiPair { name: "name".into(), value: long.as_str().into() }; MOST_FIELDS + 1];
        for level in [0, 1, 3, 4, 5, 77] {
            offered.log(AbiLogRecord {
                level,
                target: "test".into(),
                message: long.as_str().into(),
                fields: fields.as_slice().into(),
                request_id: "".into(),
            });
        }
        let heard = kept.0.lock().expect("sound");
        let levels: Vec<LogLevel> = heard.iter().map(|record| record.level).collect();
        assert_eq!(levels, [LogLevel::Error, LogLevel::Info], "0 and 77 count as trace");
        let record = &heard[0];
        assert_eq!((record.message.len(), record.fields.len()), (LONGEST_TEXT, MOST_FIELDS));
        assert_eq!(record.fields[0].1.len(), LONGEST_TEXT);
    }
}
