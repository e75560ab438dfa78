//! A provider that does wrong where its settings tell it to, so that tests can see what a host makes of it.
//!
//! Everything that it is not told to spoil works: any name is accepted with any password but `wrong`.
//! Its memory is its own: see `own_memory`.
#![deny(unsafe_code)]
#![allow(clippy::panic, reason = "panicking is what this plugin is for")]

mod behaviour;
#[allow(unsafe_code, reason = "an allocator cannot be written otherwise")]
mod own_memory;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use behaviour::{Behaviour, KEPT, Witness};
use provider_api::author::schemars::{self, JsonSchema, Schema, SchemaGenerator};
use provider_api::author::{AuthProvider, UserCursor};
use provider_api::{
    Accepted, Capability, Credentials, Decision, Fault, Identity, ListRequest, ListedUser, Metric, RejectReason,
    Rejection, RequestContext, Stage, UserPage, ValidationReport,
};
use serde::Deserialize;

provider_api::export_provider!(Faulty);

/// What to spoil.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// What goes wrong, by entry point.
    at: BTreeMap<EntryPoint, Behaviour>,
    /// A file to which a line is added when a login starts, and whenever something of this provider is dropped.
    witness: Option<PathBuf>,
    /// How many pages a listing has; 3 if nothing is said.
    pages: Option<u64>,
    /// For how many milliseconds a thread is blocked or busy; 6,000 if nothing is said.
    kept_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EntryPoint {
    Configure,
    Validate,
    Authenticate,
    ListUsers,
    NextPage,
    Metrics,
    Drop,
    DropCursor,
    DropCall,
}

// Written by hand so that the description, which takes no settings, can be spoilt as well: by the environment.
impl JsonSchema for Settings {
    fn schema_name() -> Cow<'static, str> {
        "Settings".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let kept = std::env::var("FAULTY_KEPT_MS").ok().and_then(|text| text.parse().ok());
        let kept = kept.map_or(KEPT, Duration::from_millis);
        match std::env::var("FAULTY_DESCRIBE").as_deref() {
            Ok("panic") => Behaviour::Panic.act("describe", kept),
            Ok("block") => Behaviour::Block.act("describe", kept),
            Ok("spin") => Behaviour::Spin.act("describe", kept),
            _ => {}
        }
        schemars::json_schema!({
            "type": "object",
            "properties": {
                "at": { "type": "object" },
                "witness": { "type": "string" },
                "pages": { "type": "integer" },
                "kept_ms": { "type": "integer" },
            },
        })
    }
}

impl Settings {
    fn kept(&self) -> Duration {
        self.kept_ms.map_or(KEPT, Duration::from_millis)
    }
}

struct Faulty {
    settings: Settings,
}

impl Faulty {
    fn behaviour(&self, point: EntryPoint) -> Behaviour {
        self.settings.at.get(&point).copied().unwrap_or_default()
    }

    fn witness(&self, point: EntryPoint, name: &'static str) -> Witness {
        let (behaviour, kept) = (self.behaviour(point), self.settings.kept());
        Witness { file: self.settings.witness.clone(), name, behaviour, kept }
    }
}

impl AuthProvider for Faulty {
    const ID: &'static str = "faulty";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const CAPABILITIES: &'static [Capability] = &[Capability::LIST_USERS];
    type Settings = Settings;
    type Cursor = Pages;

    fn configure(settings: Settings) -> Result<Self, Fault> {
        settings.at.get(&EntryPoint::Configure).copied().unwrap_or_default().act("configure", settings.kept());
        Ok(Self { settings })
    }

    async fn validate(&self, _: &RequestContext) -> ValidationReport {
        let _held = self.witness(EntryPoint::DropCall, "call");
        self.behaviour(EntryPoint::Validate).act_async("validate", self.settings.kept()).await;
        ValidationReport::new(vec![Stage::passed("faulty", "nothing was checked")])
    }

    async fn authenticate(&self, _: &RequestContext, typed: Credentials) -> Result<Decision, Fault> {
        let held = self.witness(EntryPoint::DropCall, "call");
        held.note("started");
        self.behaviour(EntryPoint::Authenticate).act_async("authenticate", self.settings.kept()).await;
        if typed.password.expose() == "wrong" {
            return Ok(Rejection::new(RejectReason::INVALID_CREDENTIALS, "wrong password").into());
        }
        let subject = format!("id-of-{}", typed.username);
        Ok(Accepted::new(Identity::new(subject, "id", typed.username)).into())
    }

    async fn list_users(&self, _: &RequestContext, _: ListRequest) -> Result<Pages, Fault> {
        let _held = self.witness(EntryPoint::DropCall, "call");
        self.behaviour(EntryPoint::ListUsers).act_async("list_users", self.settings.kept()).await;
        Ok(Pages {
            left: self.settings.pages.unwrap_or(3),
            behaviour: self.behaviour(EntryPoint::NextPage),
            kept: self.settings.kept(),
            at_its_end: self.behaviour(EntryPoint::DropCall),
            _held: self.witness(EntryPoint::DropCursor, "cursor"),
        })
    }

    fn metrics(&self) -> Vec<Metric> {
        self.behaviour(EntryPoint::Metrics).act("metrics", self.settings.kept());
        vec![Metric::new("answers_total", 42.0)]
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        drop(self.witness(EntryPoint::Drop, "provider"));
    }
}

struct Pages {
    left: u64,
    behaviour: Behaviour,
    kept: Duration,
    /// What happens when the call for the second page is dropped.
    at_its_end: Behaviour,
    _held: Witness,
}

impl UserCursor for Pages {
    async fn next_page(&mut self, _: &RequestContext) -> Result<UserPage, Fault> {
        self.left = self.left.saturating_sub(1);
        let mut user = ListedUser::default();
        user.login = Some(format!("user-{}", self.left));
        if self.left == 1 {
            let _held = Witness { file: None, name: "call", behaviour: self.at_its_end, kept: self.kept };
            self.behaviour.act_async("next_page", self.kept).await;
        }
        Ok(if self.left == 0 { UserPage::last(vec![user]) } else { UserPage::of(vec![user]) })
    }
}
