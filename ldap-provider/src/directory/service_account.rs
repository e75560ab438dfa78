use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use provider_api::{Deadline, Fault, FaultKind};
use tokio::sync::MutexGuard;
use tokio::time::timeout_at;
use wire_guard::{BindPassword, BindRequest, Connection};

use crate::metrics::Metrics;
use crate::settings::Account;
use crate::{fault, result_code};

/// How long a server that has refused the service account is not asked again. A rotated password must not lock the
/// account by the number of logins.
const PAUSE: Duration = Duration::from_mins(1);

const WHAT: &str = "the bind as the service account";

/// The service account at one server: who binds as it, and how often.
#[derive(Debug, Default)]
pub(crate) struct ServiceAccount {
    refused: Mutex<Option<(Instant, Fault)>>,
    /// One at a time: of several that are under way together, all would count as failed.
    binding: tokio::sync::Mutex<()>,
}

impl ServiceAccount {
    /// Binds as the service account, if there is one: a connection that was never bound is anonymous already. What was
    /// refused less than a minute ago is not tried.
    ///
    /// Must not be given up before its end, or a refusal goes by unnoticed.
    pub(crate) async fn bind(
        &self,
        connection: &mut Connection,
        account: &Account,
        metrics: &Metrics,
        deadline: Deadline,
    ) -> Result<(), Fault> {
        let Account::Service(..) = account else { return Ok(()) };
        let _turn = self.turn(deadline).await?;
        if let Some(refusal) = self.refusal(Instant::now()) {
            return Err(refusal);
        }
        self.try_bind(connection, account, metrics, deadline).await
    }

    /// The same for an administrator who wants to know: a refusal of before does not count.
    pub(crate) async fn bind_anyway(
        &self,
        connection: &mut Connection,
        account: &Account,
        metrics: &Metrics,
        deadline: Deadline,
    ) -> Result<(), Fault> {
        let _turn = self.turn(deadline).await?;
        self.try_bind(connection, account, metrics, deadline).await
    }

    async fn turn(&self, deadline: Deadline) -> Result<MutexGuard<'_, ()>, Fault> {
        timeout_at(deadline.instant().into(), self.binding.lock()).await.map_err(|_| fault::timeout(WHAT))
    }

    async fn try_bind(
        &self,
        connection: &mut Connection,
        account: &Account,
        metrics: &Metrics,
        deadline: Deadline,
    ) -> Result<(), Fault> {
        let Account::Service(name, password) = account else { return Ok(()) };
        let password =
            BindPassword::new(password.expose()).map_err(|error| Fault::setting("bind_password", error.to_string()))?;
        metrics.service_binds.add();
        let request = BindRequest::simple(name.clone(), password);
        let response =
            connection.bind(request, deadline.instant()).await.map_err(|error| fault::exchange(WHAT, &error))?;
        if response.is_success() {
            self.note(None);
            return Ok(());
        }
        let refusal = result_code::service_bind_fault(response.result.code, &response.result.diagnostic);
        if refusal.kind() == FaultKind::Misconfigured {
            metrics.service_binds_refused.add();
            self.note(Some((Instant::now(), refusal.clone())));
        }
        Err(refusal)
    }

    /// How the server has refused the account, if it was less than a minute ago.
    pub(crate) fn refusal(&self, now: Instant) -> Option<Fault> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.as_ref().filter(|(when, _)| now.duration_since(*when) < PAUSE).map(|(_, fault)| fault.clone())
    }

    fn note(&self, refusal: Option<(Instant, Fault)>) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use provider_api::Fault;

    use super::ServiceAccount;

    #[test]
    fn a_refused_account_is_left_alone_for_a_minute() {
        let (account, now) = (ServiceAccount::default(), Instant::now());
        assert_eq!(account.refusal(now), None);
        account.note(Some((now, Fault::setting("bind_password", "is wrong"))));
        assert!(account.refusal(now + Duration::from_secs(59)).is_some());
        assert_eq!(account.refusal(now + Duration::from_mins(1)), None);
        account.note(None);
        assert_eq!(account.refusal(now), None);
    }
}
