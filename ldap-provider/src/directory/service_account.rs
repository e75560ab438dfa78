use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use provider_api::{Deadline, Fault, FaultKind, UnavailableReason};
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout_at;
use wire_guard::{BindPassword, BindRequest, BindResponse, Connection, ExchangeError};

use super::lasting::Lasting;
use super::open_connection::OpenConnection;
use crate::lock::lock;
use crate::metrics::Metrics;
use crate::settings::Account;
use crate::{fault, result_code};

/// How long a server that has refused the service account is not asked again. A rotated password must not lock the
/// account by the number of logins.
const PAUSE: Duration = Duration::from_mins(1);

/// How long an answer is waited for at least, once the bind is sent: a handshake may have left no time, and a server that
/// makes the check of a password expensive takes some hundred milliseconds.
const LEAST_TIME: Duration = Duration::from_millis(500);

/// How long an answer is listened for when nobody waits for it any more. A refusal that comes later than this is not
/// noticed, and not needed: by then the pause is as long as that after a refusal.
const LISTENED_FOR: Duration = Duration::from_mins(1);

/// How long a bind is not sent again that got no answer in time: at first about as long as a server that cannot be reached
/// is left alone, so that one which is back is used again as soon as others are; twice as long each time, up to the pause
/// after a refusal, since it may have been one. In the first minute a server is sent four.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = PAUSE;

const WHAT: &str = "the bind as the service account";

/// A connection, and that it counts as open.
type Opened = (Connection, OpenConnection);

/// The service account at one server: who binds as it, and how often.
#[derive(Debug, Default)]
pub(crate) struct ServiceAccount {
    state: Mutex<State>,
    /// One at a time: of several that are under way together, all would count as failed.
    binding: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct State {
    refused: Option<(Instant, Fault)>,
    unanswered: Option<Unanswered>,
    /// When the bind was sent that was accepted last.
    accepted: Option<Instant>,
}

/// That a bind got no answer in time, and none since.
#[derive(Clone, Copy, Debug)]
struct Unanswered {
    /// Until when none is sent again.
    until: Instant,
    wait: Duration,
}

impl ServiceAccount {
    /// Binds as the service account, if there is one: a connection that was never bound is anonymous already. What was
    /// refused less than a minute ago is not tried, nor what still has no answer.
    ///
    /// May take [`LEAST_TIME`] longer than the deadline says. Who gives it up misses its outcome, and the account does not.
    pub(crate) async fn bind(
        self: &Arc<Self>,
        opened: Opened,
        account: &Account,
        metrics: &Arc<Metrics>,
        deadline: Deadline,
    ) -> Result<Opened, Fault> {
        let Some(request) = request(account)? else { return Ok(opened) };
        let turn = self.turn(deadline).await?;
        if let Some(hindrance) = self.hindrance(Instant::now()) {
            return Err(hindrance);
        }
        self.send(turn, opened, request, metrics, deadline).await
    }

    /// The same for an administrator who wants to know: what was before does not count.
    pub(crate) async fn bind_anyway(
        self: &Arc<Self>,
        opened: Opened,
        account: &Account,
        metrics: &Arc<Metrics>,
        deadline: Deadline,
    ) -> Result<Opened, Fault> {
        let Some(request) = request(account)? else { return Ok(opened) };
        let turn = self.turn(deadline).await?;
        let sending = self.send(turn, opened, request, metrics, deadline);
        // A report has to be handed over in time.
        timeout_at(deadline.instant().into(), sending).await.unwrap_or_else(|_| Err(fault::timeout(WHAT)))
    }

    async fn turn(&self, deadline: Deadline) -> Result<OwnedMutexGuard<()>, Fault> {
        let turn = timeout_at(deadline.instant().into(), Arc::clone(&self.binding).lock_owned()).await;
        // A turn that is free is there even when time is over.
        turn.ok().filter(|_| !deadline.remaining().is_zero()).ok_or_else(|| fault::timeout(WHAT))
    }

    /// Sends the bind. From then on its answer is noticed, whoever gives up: the caller, who may be cancelled, or this
    /// itself, when time is over and the connection goes to a task of its own. There are few of these, since the turn is
    /// kept until then. They end with the provider's runtime.
    fn send(
        self: &Arc<Self>,
        turn: OwnedMutexGuard<()>,
        (mut connection, open): Opened,
        request: BindRequest,
        metrics: &Arc<Metrics>,
        deadline: Deadline,
    ) -> Lasting<Result<Opened, Fault>> {
        let (account, metrics) = (Arc::clone(self), Arc::clone(metrics));
        Lasting::new(async move {
            let sent = Instant::now();
            let limit = deadline.instant().max(sent + LEAST_TIME);
            metrics.service_binds.add();
            let mut binding = Box::pin(async move {
                let answer = connection.bind(request, sent + LISTENED_FOR).await;
                (answer, (connection, open))
            });
            if let Ok((answer, opened)) = timeout_at(limit.into(), &mut binding).await {
                return account.learn(answer, sent, &metrics).map(|()| opened);
            }
            account.note_unanswered(Instant::now());
            drop(turn);
            tokio::spawn(async move {
                // Nobody waits for the connection any more: it is closed.
                let (answer, _) = binding.await;
                if let Err(fault) = account.learn(answer, sent, &metrics) {
                    let took = sent.elapsed();
                    let level =
                        if fault.kind() == FaultKind::Misconfigured { log::Level::Warn } else { log::Level::Info };
                    log::log!(level, "{WHAT} has ended {took:.1?} after it was sent, unwaited for: {fault}");
                }
            });
            Err(fault::timeout(WHAT))
        })
    }

    /// What follows from an answer to a bind that was sent at `sent`.
    fn learn(
        &self,
        answer: Result<BindResponse, ExchangeError>,
        sent: Instant,
        metrics: &Metrics,
    ) -> Result<(), Fault> {
        // A connection that was lost is no answer, and no sign that the account was refused: it is how servers end.
        let response = answer.map_err(|error| fault::exchange(WHAT, &error))?;
        if response.is_success() {
            self.note_accepted(sent);
            return Ok(());
        }
        let refusal = result_code::service_bind_fault(response.result.code, &response.result.diagnostic);
        if refusal.kind() == FaultKind::Misconfigured {
            metrics.service_binds_refused.add();
            self.note_refused(Instant::now(), sent, refusal.clone());
        } else {
            self.state().unanswered = None;
        }
        Err(refusal)
    }

    /// Why the bind is not to be sent now: how the server has refused the account, if it was less than a minute ago, or
    /// that it has not answered yet.
    pub(crate) fn hindrance(&self, now: Instant) -> Option<Fault> {
        let state = self.state();
        let refusal = state.refused.as_ref().filter(|(when, _)| now.duration_since(*when) < PAUSE);
        let unanswered = state.unanswered.filter(|unanswered| now < unanswered.until);
        refusal.map(|(_, fault)| fault.clone()).or_else(|| {
            let seconds = (unanswered?.until - now).as_secs() + 1;
            let message = format!("{WHAT} has got no answer yet; it is not sent again for {seconds} s");
            Some(Fault::unavailable(UnavailableReason::TIMEOUT, message))
        })
    }

    fn note_accepted(&self, sent: Instant) {
        let mut state = self.state();
        // One that was sent before another was refused says nothing about the password any more.
        state.refused = state.refused.take().filter(|(when, _)| *when > sent);
        state.accepted = state.accepted.max(Some(sent));
        state.unanswered = None;
    }

    fn note_refused(&self, now: Instant, sent: Instant, refusal: Fault) {
        let mut state = self.state();
        // Nor does the refusal of one that was sent before another was accepted.
        if state.accepted.is_none_or(|accepted| accepted < sent) {
            state.refused = Some((now, refusal));
            state.unanswered = None;
        }
    }

    fn note_unanswered(&self, now: Instant) {
        let mut state = self.state();
        let wait = state.unanswered.map_or(FIRST_WAIT, |before| (before.wait * 2).min(LONGEST_WAIT));
        state.unanswered = Some(Unanswered { until: now + wait, wait });
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// The bind of the service account; `None` if there is none.
fn request(account: &Account) -> Result<Option<BindRequest>, Fault> {
    let Account::Service(name, password) = account else { return Ok(None) };
    let password =
        BindPassword::new(password.expose()).map_err(|error| Fault::setting("bind_password", error.to_string()))?;
    Ok(Some(BindRequest::simple(name.clone(), password)))
}

#[cfg(test)]
mod tests;
