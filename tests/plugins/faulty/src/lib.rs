//! A provider that does wrong where its settings tell it to, so that tests can see what a host makes of it.
//!
//! Everything that it is not told to spoil works: any name is accepted with any password but `wrong`.
#![forbid(unsafe_code)]
#![allow(clippy::panic, reason = "panicking is what this plugin is for")]

mod behaviour;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use behaviour::{Behaviour, Witness};
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
        match std::env::var("FAULTY_DESCRIBE").as_deref() {
            Ok("panic") => panic!("faulty: describe"),
            Ok("block") => Behaviour::Block.act("describe"),
            _ => {}
        }
        schemars::json_schema!({ "type": "object", "properties": { "at": { "type": "object" }, "witness": { "type": "string" }, "pages": { "type": "integer" } } })
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
        Witness { file: self.settings.witness.clone(), name, behaviour: self.behaviour(point) }
    }
}

impl AuthProvider for Faulty {
    const ID: &'static str = "faulty";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const CAPABILITIES: &'static [Capability] = &[Capability::LIST_USERS];
    type Settings = Settings;
    type Cursor = Pages;

    fn configure(settings: Settings) -> Result<Self, Fault> {
        settings.at.get(&EntryPoint::Configure).copied().unwrap_or_default().act("configure");
        Ok(Self { settings })
    }

    async fn validate(&self, _: &RequestContext) -> ValidationReport {
        self.behaviour(EntryPoint::Validate).act_async("validate").await;
        ValidationReport::new(vec![Stage::passed("faulty", "nothing was checked")])
    }

    async fn authenticate(&self, _: &RequestContext, typed: Credentials) -> Result<Decision, Fault> {
        let held = self.witness(EntryPoint::DropCall, "call");
        held.note("started");
        self.behaviour(EntryPoint::Authenticate).act_async("authenticate").await;
        if typed.password.expose() == "wrong" {
            return Ok(Rejection::new(RejectReason::INVALID_CREDENTIALS, "wrong password").into());
        }
        let subject = format!("id-of-{}", typed.username);
        Ok(Accepted::new(Identity::new(subject, "id", typed.username)).into())
    }

    async fn list_users(&self, _: &RequestContext, _: ListRequest) -> Result<Pages, Fault> {
        self.behaviour(EntryPoint::ListUsers).act_async("list_users").await;
        Ok(Pages {
            left: self.settings.pages.unwrap_or(3),
            behaviour: self.behaviour(EntryPoint::NextPage),
            _held: self.witness(EntryPoint::DropCursor, "cursor"),
        })
    }

    fn metrics(&self) -> Vec<Metric> {
        self.behaviour(EntryPoint::Metrics).act("metrics");
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
    _held: Witness,
}

impl UserCursor for Pages {
    async fn next_page(&mut self, _: &RequestContext) -> Result<UserPage, Fault> {
        self.left = self.left.saturating_sub(1);
        let mut user = ListedUser::default();
        user.login = Some(format!("user-{}", self.left));
        if self.left == 1 {
            self.behaviour.act_async("next_page").await;
        }
        Ok(if self.left == 0 { UserPage::last(vec![user]) } else { UserPage::of(vec![user]) })
    }
}
