//! All that a provider can do wrong, entry point by entry point, done by the plugin `tests/plugins/faulty`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use provider_api::ListRequest;
use provider_api::host::{HostServices, LogSink, Plugin, Provider, Trust};
use provider_api::{LogLevel, LogRecord};
use serde_json::{Value, json};

use crate::faulty::{call, in_time, login, plugin, within};
use crate::plugin::built;

/// How long the host waits for a call that goes wrong: not for long, so that many do.
const IMPATIENT: Duration = Duration::from_millis(50);

/// Where a host enters a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryPoint {
    /// What the plugin says of itself. It takes no settings: the environment steers it, so it wants a process of its
    /// own, started with [`Misbehaviour::environment`].
    Describe,
    /// A provider is made.
    Configure,
    /// Its settings are tried.
    Validate,
    /// A login.
    Authenticate,
    /// A listing begins.
    ListUsers,
    /// A page of it.
    NextPage,
    /// Its counters.
    Metrics,
    /// It is shut down while a login is in flight: what goes wrong is that login, and its end.
    Shutdown,
    /// A listing is dropped.
    DropListing,
    /// The provider is dropped.
    DropProvider,
}

/// What goes wrong there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It panics.
    Panic,
    /// It blocks its thread.
    Hang,
    /// It keeps its thread busy.
    Spin,
    /// It does not answer, and what it holds blocks the thread on which it is dropped.
    SlowDrop,
}

/// One thing that goes wrong at one entry point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misbehaviour {
    /// Where.
    pub point: EntryPoint,
    /// What.
    pub wrong: Wrong,
}

impl EntryPoint {
    const ALL: [Self; 10] = [
        Self::Describe,
        Self::Configure,
        Self::Validate,
        Self::Authenticate,
        Self::ListUsers,
        Self::NextPage,
        Self::Metrics,
        Self::Shutdown,
        Self::DropListing,
        Self::DropProvider,
    ];

    /// Its name, for a table and for the faulty plugin.
    pub fn name(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Configure => "configure",
            Self::Validate => "validate",
            Self::Authenticate => "authenticate",
            Self::ListUsers => "list_users",
            Self::NextPage => "next_page",
            Self::Metrics => "metrics",
            Self::Shutdown => "shutdown",
            Self::DropListing => "drop_cursor",
            Self::DropProvider => "drop",
        }
    }

    /// What can go wrong there. What answers on the spot cannot be dropped before its answer; and a drop that hangs is a
    /// slow one.
    fn wrongs(self) -> &'static [Wrong] {
        match self {
            Self::Describe | Self::Configure | Self::Metrics => &[Wrong::Panic, Wrong::Hang, Wrong::Spin],
            Self::Validate | Self::Authenticate | Self::ListUsers | Self::NextPage | Self::Shutdown => {
                &[Wrong::Panic, Wrong::Hang, Wrong::Spin, Wrong::SlowDrop]
            }
            Self::DropListing | Self::DropProvider => &[Wrong::Panic, Wrong::Spin, Wrong::SlowDrop],
        }
    }
}

impl Wrong {
    /// Its name, for a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Hang => "hang",
            Self::Spin => "spin",
            Self::SlowDrop => "slow drop",
        }
    }

    /// The faulty plugin's word for it.
    fn word(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Spin => "spin",
            Self::Hang | Self::SlowDrop => "block",
        }
    }
}

impl Misbehaviour {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        EntryPoint::ALL.into_iter().flat_map(|point| point.wrongs().iter().map(move |&wrong| Self { point, wrong }))
    }

    /// The environment of a process in which the faulty plugin describes itself like this.
    pub fn environment(self, kept: Duration) -> [(&'static str, String); 2] {
        [("FAULTY_DESCRIBE", self.wrong.word().to_owned()), ("FAULTY_KEPT_MS", kept.as_millis().to_string())]
    }

    /// The settings of a provider that does this; a thread that it takes is kept for so long.
    fn settings(self, kept: Duration) -> Value {
        let word = self.wrong.word();
        let mut at = match (self.point, self.wrong) {
            // The end of the login that is cut off.
            (EntryPoint::Shutdown, Wrong::Panic) => json!({ "authenticate": "wait", "drop_call": "panic" }),
            (EntryPoint::Shutdown, Wrong::SlowDrop) => json!({ "authenticate": "wait", "drop_call": "block" }),
            (EntryPoint::Shutdown, _) => json!({ "authenticate": word }),
            (EntryPoint::DropListing | EntryPoint::DropProvider, _) => json!({}),
            (_, Wrong::SlowDrop) => json!({ "drop_call": "block" }),
            _ => json!({}),
        };
        match (self.point, self.wrong) {
            (EntryPoint::Describe | EntryPoint::Shutdown, _) => {}
            (EntryPoint::DropListing | EntryPoint::DropProvider, _) => at[self.point.name()] = word.into(),
            (point, Wrong::SlowDrop) => at[point.name()] = "wait".into(),
            (point, _) => at[point.name()] = word.into(),
        }
        json!({ "at": at, "kept_ms": u64::try_from(kept.as_millis()).unwrap_or(u64::MAX) })
    }
}

impl fmt::Display for Misbehaviour {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, {}", self.point.name(), self.wrong.name())
    }
}

/// A plugin that does it, with a provider for the calls of one.
pub struct Offender {
    misbehaviour: Misbehaviour,
    plugin: Option<Plugin>,
    settings: Value,
    provider: Option<Provider>,
}

impl Offender {
    /// One that keeps a thread for so long, where it takes one.
    pub async fn new(misbehaviour: Misbehaviour, kept: Duration) -> Self {
        let settings = misbehaviour.settings(kept);
        // Whoever describes itself badly cannot be opened.
        let plugin = match misbehaviour.point {
            EntryPoint::Describe => None,
            _ => Some(plugin().await),
        };
        let mut offender = Self { misbehaviour, plugin, settings, provider: None };
        if !matches!(
            misbehaviour.point,
            EntryPoint::Describe | EntryPoint::Configure | EntryPoint::Shutdown | EntryPoint::DropProvider
        ) {
            offender.provider = Some(offender.configured().await);
        }
        offender
    }

    async fn configured(&self) -> Provider {
        let plugin = self.plugin.as_ref().expect("a plugin that describes itself");
        plugin.configure(&self.settings, &quiet()).await.expect("these settings configure")
    }

    /// Does it once. The host gives up soon.
    pub async fn once(&self) {
        match self.misbehaviour.point {
            EntryPoint::Describe => {
                let path = built("libfaulty.so");
                let _ = tokio::time::timeout(IMPATIENT, Plugin::open(path, &Trust::developer())).await;
            }
            EntryPoint::Configure => {
                let plugin = self.plugin.as_ref().expect("a plugin that describes itself");
                let _ = tokio::time::timeout(IMPATIENT, plugin.configure(&self.settings, &quiet())).await;
            }
            EntryPoint::Shutdown => {
                let provider = self.configured().await;
                let login = tokio::spawn({
                    let provider = provider.clone();
                    async move { login(&provider, &in_time()).await }
                });
                while provider.counters().calls == 0 {
                    tokio::task::yield_now().await;
                }
                let _ = tokio::time::timeout(IMPATIENT, provider.shutdown(IMPATIENT / 5)).await;
                login.abort();
            }
            EntryPoint::DropListing => {
                let provider = self.provider.as_ref().expect("a provider");
                let mut listing = provider.list_users(&within(IMPATIENT), &ListRequest::everybody());
                let _ = listing.next_page().await;
            }
            EntryPoint::DropProvider => drop(self.configured().await),
            point => {
                let provider = self.provider.as_ref().expect("a provider");
                let _ = call(provider, point.name(), &within(IMPATIENT)).await;
            }
        }
    }
}

/// Where panics are told of: on standard error they would cost more than they do.
struct Nowhere;

impl LogSink for Nowhere {
    fn log(&self, _: LogRecord) {}
}

fn quiet() -> HostServices {
    HostServices::new(LogLevel::Error, Arc::new(Nowhere))
}
