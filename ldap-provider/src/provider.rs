use provider_api::author::AuthProvider;
use provider_api::{
    Capability, Credentials, Decision, Fault, FaultKind, ListRequest, Metric, RequestContext, ValidationReport,
    one_line,
};

use crate::directory::Directory;
use crate::listing::Listing;
use crate::login::authenticate;
use crate::settings::{Config, Settings};
use crate::validate::validate;

/// The provider: a directory.
#[derive(Debug)]
pub struct LdapProvider {
    directory: Directory,
}

impl AuthProvider for LdapProvider {
    const ID: &'static str = "ldap";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const CAPABILITIES: &'static [Capability] = &[Capability::LIST_USERS];
    /// Names are resolved, and files read, on threads for what blocks.
    const NEVER_BLOCKS: bool = true;
    type Settings = Settings;
    type Cursor = Listing;

    fn configure(settings: Settings) -> Result<Self, Fault> {
        let config = Config::parse(settings)?;
        if let Some(warning) = config.tls_warning() {
            log::warn!("{}: {warning}; {}", config.servers(), warning.advice());
        }
        for endpoint in &config.endpoints {
            endpoint.security.prepare();
        }
        Ok(Self { directory: Directory::new(config) })
    }

    async fn validate(&self, context: &RequestContext) -> ValidationReport {
        validate(&self.directory, context).await
    }

    async fn authenticate(&self, context: &RequestContext, credentials: Credentials) -> Result<Decision, Fault> {
        let name = credentials.username.clone();
        let counted = self.directory.metrics.login(context.deadline);
        let answer = authenticate(&self.directory, context, credentials).await;
        counted.answered(&answer);
        match &answer {
            Ok(Decision::Accepted(accepted)) => {
                let identity = &accepted.identity;
                log::info!(
                    "login of {}: accepted as {}, {} {}",
                    one_line(&name),
                    one_line(&identity.login),
                    identity.subject_attribute,
                    one_line(&identity.subject)
                );
            }
            Ok(Decision::Rejected(rejection)) => {
                log::info!(
                    "login of {}: rejected, {}: {}",
                    one_line(&name),
                    rejection.reason,
                    one_line(&rejection.message)
                );
            }
            Err(fault) => log::log!(level(fault), "login of {}: no answer, {fault}", one_line(&name)),
        }
        answer
    }

    async fn list_users(&self, context: &RequestContext, request: ListRequest) -> Result<Listing, Fault> {
        Listing::begin(&self.directory, &request, context.deadline).await
    }

    fn metrics(&self) -> Vec<Metric> {
        self.directory.read_metrics()
    }
}

/// An outage passes; the rest stays until somebody acts.
fn level(fault: &Fault) -> log::Level {
    if fault.kind() == FaultKind::Unavailable { log::Level::Info } else { log::Level::Warn }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use provider_api::author::AuthProvider;
    use provider_api::{Credentials, Deadline, Fault, RequestContext, Secret, UnavailableReason};

    use super::{LdapProvider, level};
    use crate::scripted_directory::{Reply, ScriptedDirectory};

    #[tokio::test]
    async fn a_login_that_is_given_up_is_counted() {
        let scripted = ScriptedDirectory::start(|_, _| Reply::Silence).await;
        let provider = LdapProvider { directory: scripted.configured() };
        let context = RequestContext::new("test", Deadline::after(Duration::from_secs(20)));
        let login = provider.authenticate(&context, Credentials::new("alice", Secret::new("right")));
        tokio::time::timeout(Duration::from_millis(100), login).await.expect_err("the server says nothing");
        let metrics = provider.metrics();
        let cancelled = metrics.iter().find(|metric| metric.name == "logins_cancelled_total").unwrap();
        assert_eq!(cancelled.value.to_string(), "1");
    }

    #[test]
    fn what_needs_somebody_to_act_is_logged_as_a_warning() {
        assert_eq!(level(&Fault::setting("base_dn", "is wrong")), log::Level::Warn);
        assert_eq!(level(&Fault::internal("a bug")), log::Level::Warn);
        assert_eq!(level(&Fault::unavailable(UnavailableReason::TIMEOUT, "too slow")), log::Level::Info);
    }
}
