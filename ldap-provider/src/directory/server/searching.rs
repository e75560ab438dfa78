//! The shared connections for searching: a place on one, and one more in the background.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use provider_api::{Deadline, Fault, FaultKind};
use tokio::sync::{SemaphorePermit, oneshot, watch};
use tokio::time::timeout_at;
use wire_guard::{Connection, Limits};

use super::super::bind_pool::{Idle, Warming};
use super::super::breaker::Availability;
use super::super::detection::Asked;
use super::super::lasting::Lasting;
use super::super::open_connection::OpenConnection;
use super::super::search_pool::{Offer, Place};
use super::super::setback::Setback;
use super::super::shared_connection::SharedConnection;
use super::super::steps::Steps;
use super::{Outcome, Server, WHAT_WAITS};
use crate::fault;
use crate::settings::UserBinds;

/// How many connections may be gone by the time that a login comes to use them.
const MOST_OPENED: usize = 3;

/// How many such addresses are remembered.
const MOST_SHUNNED: usize = 16;

/// For how long an address that took a connection and then was of no use is tried after the others of its name.
const SHUNNED_FOR: Duration = Duration::from_mins(1);

/// An attempt to open a connection for searching.
enum Attempt {
    /// Begun by whoever asks.
    Mine(Lasting<Result<(), Fault>>),
    /// Under way already.
    Others(watch::Receiver<Outcome>),
}

/// A connection that is nobody else's, bound as the service account, and what it stands for until it has become one for
/// binds or one for searches.
#[derive(Debug)]
pub(crate) struct OwnConnection {
    pub(crate) connection: Connection,
    pub(crate) rest: OwnRest,
}

/// What an [`OwnConnection`] is without the connection.
#[derive(Debug)]
pub(crate) struct OwnRest {
    open: OpenConnection,
    /// Nobody opens another one for binds beside it.
    warming: Warming,
}

/// Where a connection is wanted that nobody else uses.
type Wanted = oneshot::Sender<(Connection, OpenConnection)>;

impl Server {
    /// A place for a search on a shared connection, which is opened if need be: for a login that can be answered by this
    /// server alone.
    pub(crate) async fn place(self: &Arc<Self>, steps: Steps, deadline: Deadline) -> Result<Place, Setback> {
        self.place_unless(|| None, steps, deadline).await
    }

    /// The same for a login that [goes on](Self::reason_to_leave) to another server when this one is left alone.
    pub(crate) async fn place_unless_left(
        self: &Arc<Self>,
        steps: Steps,
        deadline: Deadline,
    ) -> Result<Place, Setback> {
        self.place_unless(|| self.reason_to_leave(), steps, deadline).await
    }

    async fn place_unless(
        self: &Arc<Self>,
        reason_to_leave: impl Fn() -> Option<Fault>,
        steps: Steps,
        deadline: Deadline,
    ) -> Result<Place, Setback> {
        let mut opened = 0;
        loop {
            if let Some(fault) = reason_to_leave() {
                return Err(Setback::Elsewhere(fault));
            }
            if deadline.remaining().is_zero() {
                return Err(Setback::Final(fault::timeout(WHAT_WAITS)));
            }
            let (offer, another_helps) = self.searches.offer(Instant::now());
            if another_helps {
                self.open_shared();
            }
            match offer {
                Offer::Place(place) => return Ok(place),
                Offer::Queue(queue) => match timeout_at(deadline.instant().into(), queue.place()).await {
                    Ok(Some(place)) => return Ok(place),
                    Ok(None) => {}
                    Err(_) => return Err(Setback::Final(fault::timeout(WHAT_WAITS))),
                },
                // It said too much before it was asked: another connection would bring the same.
                Offer::Nothing
                    if opened > 0
                        && let Some(end) = self.searches.violation() =>
                {
                    return Err(Setback::Elsewhere(fault::ended("a new connection", &end)));
                }
                Offer::Nothing if opened == MOST_OPENED => {
                    let fault = fault::closed_at_once(&self.endpoint);
                    self.is_down(&fault, Instant::now());
                    return Err(Setback::Elsewhere(fault));
                }
                Offer::Nothing => {
                    opened += 1;
                    self.opened(steps, deadline).await?;
                }
            }
        }
    }

    /// A turn for a search that may find many entries.
    pub(crate) async fn group_turn(&self, deadline: Deadline) -> Result<SemaphorePermit<'_>, Fault> {
        match timeout_at(deadline.instant().into(), self.group_turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(fault::timeout("other searches for groups are under way")),
        }
    }

    /// Takes note that a search is made for a login.
    pub(crate) fn count_search(&self) {
        self.metrics.searches.add();
    }

    /// Gives up a connection that does not answer, or has ended, and all that have been idle: a server, a firewall or a
    /// proxy that has forgotten one has forgotten those too.
    pub(crate) fn give_up(&self, connection: &SharedConnection) {
        let now = Instant::now();
        self.searches.remove(connection, now);
        self.binds.forget_idle(now);
    }

    /// Opens a shared connection for searching, or waits for the one that is being opened.
    async fn opened(self: &Arc<Self>, steps: Steps, deadline: Deadline) -> Result<(), Setback> {
        match self.attempt(None) {
            Attempt::Mine(attempt) => self.in_time(attempt, steps, deadline).await,
            Attempt::Others(outcome) => self.in_time(outcome_of(outcome), steps, deadline).await,
        }
    }

    /// Whether there is no connection for searching.
    pub(crate) fn is_unconnected(&self) -> bool {
        self.searches.peer().is_none()
    }

    /// A connection for a login that is alone: there is none for searching and none for binds, and nobody else waits for
    /// one. What the server is may not be known yet. `None` if the login is to share like all others.
    ///
    /// One handshake is what it waits for: this connection serves its search and then its bind. With one for each, opened at
    /// the same time, a server that is near is busy with the handshakes for longer than with all else (measured: a third).
    pub(crate) async fn of_its_own(
        self: &Arc<Self>,
        steps: Steps,
        deadline: Deadline,
    ) -> Result<Option<OwnConnection>, Setback> {
        // Groups are looked for beside the bind.
        let is_for_one = self.config.user_binds == UserBinds::Pooled && self.config.choices.groups.is_none();
        if !is_for_one || !self.is_unconnected() {
            return Ok(None);
        }
        let Some(warming) = self.binds.begin_warming() else { return Ok(None) };
        let (wanted, mut connection) = oneshot::channel();
        let Attempt::Mine(attempt) = self.attempt(Some(wanted)) else { return Ok(None) };
        self.in_time(attempt, steps, deadline).await?;
        if let Ok((connection, open)) = connection.try_recv() {
            return Ok(Some(OwnConnection { connection, rest: OwnRest { open, warming } }));
        }
        // Others have come, who need one for binds as well.
        drop(warming);
        self.expect_a_bind(self.searches.peer(), deadline.at_most(steps.connect));
        Ok(None)
    }

    /// From now on the connection is one for binds. Logins to come find another to search on, which is opened by the first
    /// of them or [within a second](Self::supply).
    pub(crate) fn keep_for_binds(&self, connection: Connection, own: OwnRest) {
        self.binds.give_back(Idle::new(connection, own.open));
        self.search_is_owed.store(true, Ordering::Relaxed);
        drop(own.warming);
    }

    /// From now on all logins search on the connection.
    pub(crate) fn share(&self, connection: Connection, own: OwnRest) {
        self.add(connection, own.open);
        drop(own.warming);
    }

    /// Opens a shared connection for searching in the background, if none is being opened.
    pub(super) fn open_shared(self: &Arc<Self>) {
        // Dropped, it goes on there.
        drop(self.attempt(None));
    }

    async fn in_time(
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
    fn attempt(self: &Arc<Self>, wanted: Option<Wanted>) -> Attempt {
        let mut opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
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
            let outcome = server.try_to_open(wanted, nobody_else).await;
            let _ = sender.send(Some(outcome.clone()));
            outcome
        }))
    }

    async fn try_to_open(
        self: &Arc<Self>,
        wanted: Option<Wanted>,
        nobody_else: impl Fn() -> bool,
    ) -> Result<(), Fault> {
        // What is known without asking says nothing about the server.
        if let Err(refusal) = self.check_account() {
            self.breaker.probe_ended();
            return Err(refusal);
        }
        // While the breaker is open, connections that are there prove nothing: the probe has to dial.
        if self.searches.is_full() && self.availability() == Availability::Available {
            return Ok(());
        }
        let began = Instant::now();
        match self.connect_to_search(wanted, nobody_else).await {
            Ok(()) => {
                self.fit();
                if self.breaker.close(Instant::now()) {
                    self.recoveries.send_replace(());
                }
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

    async fn connect_to_search(
        self: &Arc<Self>,
        wanted: Option<Wanted>,
        nobody_else: impl Fn() -> bool,
    ) -> Result<(), Fault> {
        let steps = Steps::of(self.config.timeout);
        let addresses = self.in_order(self.resolve(Deadline::after(steps.resolve)).await?);
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
            self.add(connection, open);
            Ok(())
        };
        self.or_shun(peer, steps, made.await)
    }

    /// What has become of a connection to this address, for which there was as much time as these steps have.
    pub(crate) fn or_shun<T>(
        &self,
        peer: Option<SocketAddr>,
        steps: Steps,
        made: Result<T, Fault>,
    ) -> Result<T, Fault> {
        made.inspect_err(|fault| {
            // A caller in a hurry says nothing about the address, nor does what an administrator has to mend.
            if fault.kind() == FaultKind::Unavailable && self.has_time(steps) {
                self.shun(peer);
            }
        })
    }

    /// Whether a call with these steps has about as much time for a connection as the settings say.
    pub(crate) fn has_time(&self, steps: Steps) -> bool {
        steps.connect >= Steps::of(self.config.timeout).connect / 2
    }

    /// Takes note that this address took a connection and then was of no use.
    pub(crate) fn shun(&self, peer: Option<SocketAddr>) {
        let Some(peer) = peer else { return };
        let mut shunned = self.shunned.lock().unwrap_or_else(PoisonError::into_inner);
        shunned.retain(|(address, when)| *address != peer && when.elapsed() < SHUNNED_FOR);
        // The addresses of a name come and go.
        if shunned.len() == MOST_SHUNNED {
            shunned.remove(0);
        }
        shunned.push((peer, Instant::now()));
    }

    fn add(&self, connection: Connection, open: OpenConnection) {
        self.searches.add(SharedConnection::over(connection, open));
    }

    /// The addresses of the server's name as they are to be tried: the one that is connected to already first, since it
    /// has the connections for binds, and those that were of no use lately last, of these the one that has waited longest
    /// first.
    pub(crate) fn in_order(&self, mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        let shunned = self.shunned.lock().unwrap_or_else(PoisonError::into_inner);
        let since = |address: &SocketAddr| {
            let since = shunned.iter().find(|(other, _)| other == address).map(|(_, when)| *when);
            since.filter(|when| when.elapsed() < SHUNNED_FOR)
        };
        let present = self.searches.peer();
        addresses.sort_by_cached_key(|address| (since(address), Some(*address) != present));
        addresses
    }
}

/// What has become of an attempt that somebody else has begun.
async fn outcome_of(mut attempt: watch::Receiver<Outcome>) -> Result<(), Fault> {
    let outcome = attempt.wait_for(Option::is_some).await;
    // The attempt has panicked, or the provider is being shut down.
    let lost = || Fault::internal("the attempt to connect has ended without an outcome");
    outcome.map_err(|_| lost())?.clone().unwrap_or(Ok(()))
}
