//! One small provider, built against each copy of the interface.
#![forbid(unsafe_code)]

use provider_api::author::{AuthProvider, UserCursor, schemars};
use provider_api::{
    Accepted, Credentials, Decision, Fault, Identity, ListRequest, ListedUser, RejectReason, Rejection, RequestContext,
    Secret, Stage, UserPage, ValidationReport,
};

provider_api::export_provider!(OneUser);

/// The one user.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The password of `alice`.
    password: Secret,
}

struct OneUser(Settings);

impl AuthProvider for OneUser {
    const ID: &'static str = "one-user";
    const VERSION: &'static str = "1.0.0";
    type Settings = Settings;
    type Cursor = OnePage;

    fn configure(settings: Settings) -> Result<Self, Fault> {
        Ok(Self(settings))
    }

    async fn validate(&self, _: &RequestContext) -> ValidationReport {
        ValidationReport::new(vec![Stage::passed("settings", "there is one user")])
    }

    async fn authenticate(&self, _: &RequestContext, typed: Credentials) -> Result<Decision, Fault> {
        Ok(if typed.username != "alice" {
            Rejection::new(RejectReason::UNKNOWN_USER, "there is only alice").into()
        } else if typed.password.expose() != self.0.password.expose() {
            Rejection::new(RejectReason::INVALID_CREDENTIALS, "wrong password").into()
        } else {
            Accepted::new(Identity::new("1", "id", "alice")).into()
        })
    }

    async fn list_users(&self, _: &RequestContext, _: ListRequest) -> Result<OnePage, Fault> {
        Ok(OnePage)
    }
}

struct OnePage;

impl UserCursor for OnePage {
    async fn next_page(&mut self, _: &RequestContext) -> Result<UserPage, Fault> {
        let mut alice = ListedUser::default();
        alice.login = Some("alice".to_owned());
        Ok(UserPage::last(vec![alice]))
    }
}
