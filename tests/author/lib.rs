//! A provider with a fixed list of users: what an author writes into a copy of the file provider.

use provider_api::author::{AuthProvider, UserCursor, schemars};
use provider_api::{
    Accepted, Capability, Credentials, Decision, Fault, Identity, ListRequest, ListedUser, RejectReason, Rejection,
    RequestContext, Stage, UserPage, ValidationReport,
};

const USERS: [(&str, &str); 2] = [("ada", "engine no 1"), ("grace", "compiler no 1")];

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {}

struct FixedList;

impl AuthProvider for FixedList {
    const ID: &'static str = "fixed-list";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const CAPABILITIES: &'static [Capability] = &[Capability::LIST_USERS];
    type Settings = Settings;
    type Cursor = Everybody;

    fn configure(_: Settings) -> Result<Self, Fault> {
        Ok(Self)
    }
    async fn validate(&self, _: &RequestContext) -> ValidationReport {
        ValidationReport::new(vec![Stage::passed("users", "there are two")])
    }
    async fn authenticate(&self, _: &RequestContext, typed: Credentials) -> Result<Decision, Fault> {
        Ok(match USERS.iter().find(|(name, _)| *name == typed.username) {
            None => Rejection::new(RejectReason::UNKNOWN_USER, "not on the list").into(),
            Some((name, password)) if *password == typed.password.expose() => {
                Accepted::new(Identity::new(format!("id-of-{name}"), "id", *name)).into()
            }
            Some(_) => Rejection::new(RejectReason::INVALID_CREDENTIALS, "wrong password").into(),
        })
    }
    async fn list_users(&self, _: &RequestContext, _: ListRequest) -> Result<Everybody, Fault> {
        Ok(Everybody)
    }
}

struct Everybody;

impl UserCursor for Everybody {
    async fn next_page(&mut self, _: &RequestContext) -> Result<UserPage, Fault> {
        Ok(UserPage::last(
            USERS
                .iter()
                .map(|(name, _)| {
                    let mut user = ListedUser::default();
                    (user.subject, user.login) = (Some(format!("id-of-{name}")), Some((*name).to_owned()));
                    user
                })
                .collect(),
        ))
    }
}

provider_api::export_provider!(FixedList);
