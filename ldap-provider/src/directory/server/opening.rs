//! How a connection for searching is opened: by one attempt at a time, which all who need one wait for.

use std::sync::Arc;
use std::time::Instant;

use provider_api::{Deadline, Fault, FaultKind};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout_at;
use wire_guard::{Connection, Limits};

use super::super::breaker::Availability;
use super::super::detection::Asked;
use super::super::lasting::Lasting;
use super::super::open_connection::OpenConnection;
use super::super::setback::Setback;
use super::super::shared_connection::SharedConnection;
use super::super::steps::Steps;
use super::{Outcome, Server};
use crate::fault;
use crate::lock::lock;

/// An attempt to open a connection for searching.
pub(super) enum Attempt {
    /// Begun by whoever asks.
    Mine(Lasting<Result<(), Fault>>),
    /// Under way already.
    Others(watch::Receiver<Outcome>),
}

/// What a connection is opened for.
pub(super) enum Aim {
    /// For all, if there are not enough.
    More,
    /// For one login, which uses it alone unless others wait as well.
    One(oneshot::Sender<(Connection, OpenConnection)>),
    /// In the place of one that led to an address of no use, however many there are.
    Another,
}

impl Server {
    /// Opens a shared connection for searching, or waits for the one that is being opened.
    pub(super) async fn opened(self: &Arc<Self>, steps: Steps, deadline: Deadline) -> Result<(), Setback> {
        self.opened_for(Aim::More, steps, deadline).await
    }

    async fn opened_for(self: &Arc<Self>, aim: Aim, steps: Steps, deadline: Deadline) -> Result<(), Setback> {
        match self.attempt(aim) {
            Attempt::Mine(attempt) => self.in_time(attempt, steps, deadline).await,
            Attempt::Others(outcome) => self.in_time(outcome_of(outcome), steps, deadline).await,
        }
    }

    /// Opens a shared connection for searching in the background, if none is being opened.
    pub(super) fn open_shared(self: &Arc<Self>) {
        // Dropped, it goes on there.
        drop(self.attempt(Aim::More));
    }

    /// Opens a connection for searching in the place of one that works, although nobody can be bound at the address to which
    /// it leads: the server's name may lead to another by now. If there is none to be had, it stays.
    ///
    /// # Errors
    ///
    /// When there is neither that nor any connection for binds. Then nobody can be let in here.
    pub(crate) async fn replace(
        self: &Arc<Self>,
        connection: &SharedConnection,
        steps: Steps,
        deadline: Deadline,
    ) -> Result<(), Setback> {
        let began = Instant::now();
        match self.opened_for(Aim::Another, steps, deadline).await {
            Ok(()) => self.give_up(connection),
            Err(_) if self.binds.has_any_to(connection.peer()) => {}
            Err(Setback::Elsewhere(fault))
                if self.has_time(steps) && !deadline.remaining().is_zero() && self.check_account().is_ok() =>
            {
                self.is_down(&fault, began);
                return Err(Setback::Elsewhere(fault));
            }
            Err(setback) => return Err(setback),
        }
        Ok(())
    }

    pub(super) async fn in_time(
        &self,
        attempt: impl Future<Output = Result<(), Fault>>,
        steps: Steps,
        deadline: Deadline,
    ) -> Result<(), Setback> {
        let limit = deadline.at_most(steps.resolve + steps.connect);
        let outcome = timeout_at(limit.instant().into(), attempt).await;
        let outcome = outcome.unwrap_or_else(|_| Err(fault::timeout(&format!("connecting to {}", self.endpoint))));
        outcome.map_err(Setback::before_the_password)
    }

    /// The attempt to open a connection for searching: there is one at a time, which all wait for. Its outcome says whether
    /// the server can be reached. It does not end when nobody waits for it any more.
    pub(super) fn attempt(self: &Arc<Self>, aim: Aim) -> Attempt {
        let mut opening = lock(&self.opening);
        if let Some(outcome) = &*opening
            // Whether the sender is gone without an outcome.
            && outcome.has_changed().is_ok()
            && outcome.borrow().is_none()
        {
            return Attempt::Others(outcome.clone());
        }
        let (sender, outcome) = watch::channel(None);
        *opening = Some(outcome);
        let server = Arc::clone(self);
        Attempt::Mine(Lasting::new(async move {
            // The receiver that is kept is nobody who waits.
            let nobody_else = || sender.receiver_count() == 1;
            let outcome = server.try_to_open(aim, nobody_else).await;
            let _ = sender.send(Some(outcome.clone()));
            outcome
        }))
    }

    async fn try_to_open(self: &Arc<Self>, aim: Aim, nobody_else: impl Fn() -> bool) -> Result<(), Fault> {
        if let Err(hindrance) = self.check_account() {
            self.is_hindered(&hindrance);
            return Err(hindrance);
        }
        // While the breaker is open, connections that are there prove nothing: the probe has to dial.
        if !matches!(aim, Aim::Another) && self.searches.is_full() && self.availability() == Availability::Available {
            return Ok(());
        }
        let began = Instant::now();
        match self.connect_to_search(aim, nobody_else).await {
            Ok(()) => {
                self.fit();
                self.is_back();
                Ok(())
            }
            Err(fault) => {
                if fault.kind() == FaultKind::Unavailable {
                    // A server that does not want another connection is not down, as long as there is one that works.
                    let is_up = self.availability() == Availability::Available;
                    if !(is_up && self.searches.makes_do(Instant::now())) {
                        self.is_down(&fault, began);
                    }
                } else {
                    // It has answered, if only to say that the service account is refused.
                    let _ = self.breaker.close(Instant::now());
                }
                Err(fault)
            }
        }
    }

    async fn connect_to_search(self: &Arc<Self>, aim: Aim, nobody_else: impl Fn() -> bool) -> Result<(), Fault> {
        let steps = Steps::of(self.config.timeout);
        let mut addresses = self.in_order(self.resolve(Deadline::after(steps.resolve)).await?);
        let wanted = match aim {
            Aim::One(wanted) => Some(wanted),
            Aim::More => None,
            Aim::Another => {
                let present = self.searches.peer();
                addresses.sort_by_key(|address| Some(*address) == present);
                None
            }
        };
        let deadline = Deadline::after(steps.connect);
        let is_up = self.availability() == Availability::Available;
        let is_beside = is_up && wanted.is_none();
        let mut detected = None;
        // Beside this one, so that the first login does not wait for two handshakes, one after the other.
        if let ([address], true) = (addresses.as_slice(), is_beside) {
            detected = self.warm_up(*address, deadline);
        }
        let tcp = self.connect(&addresses, deadline).await?;
        if let ([_, _, ..], Ok(peer), true) = (addresses.as_slice(), tcp.peer_addr(), is_beside) {
            detected = self.warm_up(peer, deadline);
        }
        let peer = tcp.peer_addr().ok();
        let made = async {
            let (mut connection, mut open) = self.bound(tcp, Limits::LOGIN, deadline).await?;
            if self.config.is_anonymous() && !is_up {
                // A server that was down, and accepts connections, may be silent all the same.
                self.metrics.probes.add();
                let probed = connection.probe(deadline.instant()).await;
                connection = probed.map_err(|error| fault::exchange("the first question to the server", &error))?;
            }
            if let Some(wanted) = wanted.filter(|_| nobody_else()) {
                match wanted.send((connection, open)) {
                    Ok(()) => return Ok(()),
                    // Nobody waits for it any more.
                    Err(returned) => (connection, open) = returned,
                }
            }
            if let Some(detected) = detected {
                // Whether it was found out there shows below. A second connection that hangs must not keep this one from
                // being used.
                let patience = deadline.at_most(deadline.remaining() / 2);
                let _ = timeout_at(patience.instant().into(), detected).await;
            }
            let connection = self.detect(connection, Asked::AsWhoSearches, deadline).await?;
            if self.is_unconnected() {
                self.binds.distrust_idle(Instant::now());
            }
            self.searches.add(SharedConnection::over(connection, open));
            Ok(())
        };
        self.or_shun(peer, steps, made.await)
    }
}

/// What has become of an attempt that somebody else has begun.
async fn outcome_of(mut attempt: watch::Receiver<Outcome>) -> Result<(), Fault> {
    let outcome = attempt.wait_for(Option::is_some).await;
    // The attempt has panicked, or the provider is being shut down.
    let lost = || Fault::internal("the attempt to connect has ended without an outcome");
    outcome.map_err(|_| lost())?.clone().unwrap_or(Ok(()))
}
