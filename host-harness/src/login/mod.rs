//! One login, from what a person typed to an account of the host.

mod answer;
#[cfg(test)]
mod tests;

use std::time::Duration;

use provider_api::{
    Accepted, Credentials, Decision, Fault, RejectReason, Rejection, RequestContext, UnavailableReason, UserCode,
};
use tokio::time::Instant;

pub use answer::{LoginAnswer, Outcome};

use crate::local_accounts::{self, CheckError, Checks};
use crate::log::Log;
use crate::providers::ProviderHandle;
use crate::provision::{self, AcceptedLogin, Provisioned, Provisioning};
use crate::store::Store;

/// How long a login may take unless somebody says otherwise. RustDesk's client gives up after 12 s.
pub const DEADLINE: Duration = Duration::from_secs(8);

/// A provider answers by the deadline itself, and its answer says more than ours: it gets this much longer to arrive.
const MARGIN: Duration = Duration::from_millis(200);

/// How long a rejected login takes at least. Checking the password of a local account takes some 30 ms, and a directory
/// answers in one: by that, one wrong password would tell which names are local accounts, such as that of the
/// administrator for when every directory is down. It also bounds how fast one caller can guess.
const REJECTED_AFTER: Duration = Duration::from_millis(100);

/// A login server without its network: accounts, and the providers that it asks, in order.
#[derive(Clone, Debug)]
pub struct Host {
    store: Store,
    providers: Vec<ProviderHandle>,
    checks: Checks,
    log: Log,
}

impl Host {
    /// A host with these providers. It logs nothing.
    pub fn new(store: Store, providers: Vec<ProviderHandle>) -> Self {
        Self { store, providers, checks: Checks::default(), log: Log::silent() }
    }

    /// The same host, which logs what an administrator should hear of accounts.
    #[must_use]
    pub fn logging_to(self, log: Log) -> Self {
        Self { log, ..self }
    }

    /// The providers, in the order in which they are asked.
    pub fn providers(&self) -> &[ProviderHandle] {
        &self.providers
    }

    /// The same accounts with other providers.
    #[must_use]
    pub fn with_providers(&self, providers: Vec<ProviderHandle>) -> Self {
        Self { providers, ..self.clone() }
    }

    /// Answers a login, by the deadline of `context`.
    ///
    /// A name that folds to a local account is checked locally and nowhere else: it works while every directory is
    /// down, and the password of a local account is never shown to one. Otherwise the providers are asked in order,
    /// and a password goes to the next one only after [`RejectReason::UNKNOWN_USER`]: a provider that knows the
    /// person, or cannot tell, has the last word.
    ///
    /// A login that is rejected is answered 100 ms after it began, or at its deadline if that comes first: how fast a
    /// wrong password is found to be wrong must not tell whether the name is a local account's. One that finds too many
    /// checks of its local account under way is [`OVERLOADED`](UnavailableReason::OVERLOADED) for the administrator; the
    /// person is told the same as of a wrong password, and as late. Input that is refused before anybody is asked says
    /// nothing of accounts, and is answered at once.
    pub async fn login(&self, context: &RequestContext, credentials: Credentials) -> LoginAnswer {
        if let Err(rejection) = credentials.check() {
            return LoginAnswer::rejected(None, rejection);
        }
        let begun = Instant::now();
        let answer = self.answer(context, credentials).await;
        if answer.outcome == Outcome::Rejected || answer.user_code == Some(UserCode::INVALID_CREDENTIALS) {
            tokio::time::sleep_until((begun + REJECTED_AFTER).min(context.deadline.instant().into())).await;
        }
        answer
    }

    async fn answer(&self, context: &RequestContext, credentials: Credentials) -> LoginAnswer {
        let by = context.deadline.instant() + MARGIN;
        match tokio::time::timeout_at(by.into(), self.ask(context, credentials)).await {
            Ok(answer) => answer,
            Err(_) => LoginAnswer::fault(
                None,
                &Fault::unavailable(UnavailableReason::TIMEOUT, "the login was not answered before its deadline"),
            ),
        }
    }

    async fn ask(&self, context: &RequestContext, credentials: Credentials) -> LoginAnswer {
        match local_accounts::find(&self.store, &credentials.username).await {
            Ok(None) => {}
            Ok(Some(user)) => {
                return match local_accounts::authenticate(&self.store, &self.checks, user, credentials.password).await {
                    Ok(Ok(user)) => LoginAnswer::local(user),
                    Ok(Err(rejection)) => LoginAnswer::rejected(None, rejection),
                    // The person must not learn by it that the name is a local account's.
                    Err(error @ CheckError::Crowded(_)) => LoginAnswer::fault(None, &error.into()).told_as_rejected(),
                    Err(error) => LoginAnswer::fault(None, &error.into()),
                };
            }
            // Without the store nobody knows whether the name is a local account's: no provider may see the password.
            Err(error) => return LoginAnswer::fault(None, &provision::store_fault(&error)),
        }
        let mut unknown = None;
        for handle in &self.providers {
            match decide(handle, context, &credentials).await {
                Ok(Decision::Accepted(accepted)) => {
                    return self.admit(handle, credentials.username, accepted).await;
                }
                Ok(Decision::Rejected(rejection)) if rejection.reason == RejectReason::UNKNOWN_USER => {
                    unknown = Some(LoginAnswer::rejected(Some(handle.instance()), rejection));
                }
                Ok(Decision::Rejected(rejection)) => return LoginAnswer::rejected(Some(handle.instance()), rejection),
                Err(fault) => return LoginAnswer::fault(Some(handle.instance()), &fault),
            }
        }
        match unknown {
            // With one provider, what it says; with several, that none of them knows the name.
            Some(answer) if self.providers.len() == 1 => answer,
            _ => LoginAnswer::rejected(None, self.nobody()),
        }
    }

    async fn admit(&self, handle: &ProviderHandle, typed: String, accepted: Accepted) -> LoginAnswer {
        let instance = handle.instance();
        let login = AcceptedLogin { instance: instance.to_owned(), typed, identity: accepted.identity.clone() };
        let provisioned = provision::provision(&self.store, login).await.map(|admission| {
            if let Some(released) = admission.released {
                self.log.warn(&released.to_string());
            }
            admission.account
        });
        match provisioned {
            Ok(Provisioned::Created(user)) => LoginAnswer::accepted(instance, accepted, Provisioning::Created, user),
            Ok(Provisioned::Refreshed(user)) => {
                LoginAnswer::accepted(instance, accepted, Provisioning::Refreshed, user)
            }
            Ok(Provisioned::Refused(rejection)) => {
                LoginAnswer::rejected(Some(instance), rejection).without_account(accepted)
            }
            Ok(Provisioned::Misfit(fault)) => LoginAnswer::fault(Some(instance), &fault).without_account(accepted),
            Err(error) => LoginAnswer::fault(Some(instance), &provision::store_fault(&error)).of(accepted),
        }
    }

    fn nobody(&self) -> Rejection {
        let message = match self.providers.as_slice() {
            [] => "no local account has this name, and no provider is configured".to_owned(),
            providers => {
                let asked: Vec<&str> = providers.iter().map(ProviderHandle::instance).collect();
                format!("no local account has this name, and no provider knows it ({})", asked.join(", "))
            }
        };
        Rejection::new(RejectReason::UNKNOWN_USER, message)
    }
}

async fn decide(
    handle: &ProviderHandle,
    context: &RequestContext,
    credentials: &Credentials,
) -> Result<Decision, Fault> {
    handle.provider().await?.authenticate(context, credentials).await
}
