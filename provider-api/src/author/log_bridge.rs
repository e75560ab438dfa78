//! The way of the logs: from the macros of `log` inside the plugin to the host's sink.
//!
//! `log` has one logger for each library, and a plugin may hold several providers, each with a host's sink of its
//! own. So a record goes to the provider on whose threads it was made; the request id travels with the task of the
//! call.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::Write as _;
use std::panic::PanicHookInfo;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak};

use abi_stable::std_types::{RSlice, RStr};
use log::kv::{self, VisitSource};
use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::abi::{AbiLogRecord, AbiPair, HostBox};
use crate::panics::text_of;

tokio::task_local! {
    /// The request that the running task answers.
    pub(super) static REQUEST: Arc<str>;
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<HostLog>>> = const { RefCell::new(None) };
}

/// The sinks of all providers of this library. A record that is made on a thread of nobody, such as one that a
/// provider's author started, goes to the only one; where there are several, nobody knows whose it is.
static SINKS: Mutex<Vec<Weak<HostLog>>> = Mutex::new(Vec::new());

/// The host's sink of one provider.
pub(super) struct HostLog {
    host: HostBox,
    max_level: LevelFilter,
}

impl HostLog {
    /// Takes the host's services over and makes sure that this library's records and panics find their way to them.
    pub(super) fn install(host: HostBox) -> Arc<Self> {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // An error means that a logger is there already: in a test program that links the provider as an ordinary
            // library.
            let _ = log::set_logger(&Bridge);
            let outer = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                if !report_panic(info) {
                    outer(info);
                }
            }));
        });
        let max_level = level_filter(host.max_level());
        let this = Arc::new(Self { host, max_level });
        let mut sinks = sinks();
        sinks.retain(|sink| sink.strong_count() > 0);
        sinks.push(Arc::downgrade(&this));
        // Under the lock: of two providers that are configured at once the chattier one decides.
        log::set_max_level(log::max_level().max(max_level));
        this
    }

    /// Makes the calling thread's records go here, for good. For threads of the plugin.
    pub(super) fn adopt_thread(self: &Arc<Self>) {
        CURRENT.with_borrow_mut(|current| *current = Some(Arc::clone(self)));
    }

    /// Makes the calling thread's records go here while `work` runs. For threads that are only lent.
    pub(super) fn during<T>(self: &Arc<Self>, work: impl FnOnce() -> T) -> T {
        struct Restore(Option<Arc<HostLog>>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.with_borrow_mut(|current| *current = self.0.take());
            }
        }
        let _restore = Restore(CURRENT.with_borrow_mut(|current| current.replace(Arc::clone(self))));
        work()
    }

    fn send(&self, level: Level, target: &str, message: &str, fields: &[(Cow<'_, str>, String)]) {
        let pairs: Vec<AbiPair<'_>> = fields
            .iter()
            .map(|(name, value)| AbiPair { name: RStr::from(&**name), value: RStr::from(&**value) })
            .collect();
        let request = REQUEST.try_with(Arc::clone).ok();
        self.host.log(AbiLogRecord {
            level: level_number(level),
            target: RStr::from(target),
            message: RStr::from(message),
            fields: RSlice::from_slice(&pairs),
            request_id: RStr::from(request.as_deref().unwrap_or_default()),
        });
    }
}

fn sinks() -> MutexGuard<'static, Vec<Weak<HostLog>>> {
    SINKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sink of the provider that the calling thread belongs to.
fn own() -> Option<Arc<HostLog>> {
    // `try_with`: a thread that is ending may still log.
    CURRENT.try_with(|current| current.try_borrow().ok().and_then(|current| current.clone())).ok().flatten()
}

/// The sink for records of the calling thread.
fn current() -> Option<Arc<HostLog>> {
    own().or_else(|| {
        let alive: Vec<_> = sinks().iter().filter_map(Weak::upgrade).take(2).collect();
        if alive.len() == 1 { alive.into_iter().next() } else { None }
    })
}

struct Bridge;

impl Log for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        current().is_some_and(|sink| metadata.level() <= sink.max_level)
    }

    fn log(&self, record: &Record<'_>) {
        let Some(sink) = current().filter(|sink| record.level() <= sink.max_level) else { return };
        let mut fields = Fields(Vec::new());
        // The visitor itself never fails; a source that does has given what it had.
        let _ = record.key_values().visit(&mut fields);
        let message = match record.args().as_str() {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(record.args().to_string()),
        };
        sink.send(record.level(), record.target(), &message, &fields.0);
    }

    fn flush(&self) {}
}

struct Fields<'r>(Vec<(Cow<'r, str>, String)>);

impl<'r> VisitSource<'r> for Fields<'r> {
    fn visit_pair(&mut self, key: kv::Key<'r>, value: kv::Value<'r>) -> Result<(), kv::Error> {
        self.0.push((Cow::Owned(key.as_str().to_owned()), value.to_string()));
        Ok(())
    }
}

/// Sends a panic to the host; false if the panicking thread is none of a provider's, or if its host listens to
/// nothing.
fn report_panic(info: &PanicHookInfo<'_>) -> bool {
    let Some(sink) = own().filter(|sink| sink.max_level >= LevelFilter::Error) else { return false };
    let mut message = "panic: ".to_owned();
    message.push_str(text_of(info.payload()).unwrap_or("without a message"));
    if let Some(location) = info.location() {
        // Writing to a String cannot fail.
        let _ = write!(message, " at {location}");
    }
    sink.send(Level::Error, "panic", &message, &[]);
    true
}

fn level_number(level: Level) -> u32 {
    match level {
        Level::Error => 1,
        Level::Warn => 2,
        Level::Info => 3,
        Level::Debug => 4,
        Level::Trace => 5,
    }
}

fn level_filter(number: u32) -> LevelFilter {
    match number {
        0 => LevelFilter::Off,
        1 => LevelFilter::Error,
        2 => LevelFilter::Warn,
        3 => LevelFilter::Info,
        4 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    }
}
