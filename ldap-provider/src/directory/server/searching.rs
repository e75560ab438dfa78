//! The shared connections for searching: a place on one, and one more in the background.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use provider_api::{Deadline, Fault};
use tokio::sync::{SemaphorePermit, oneshot};
use tokio::time::timeout_at;
use wire_guard::Connection;

use super::super::bind_pool::Warming;
use super::super::open_connection::OpenConnection;
use super::super::search_pool::{Offer, Place};
use super::super::setback::Setback;
use super::super::shared_connection::SharedConnection;
use super::super::steps::Steps;
use super::opening::{Aim, Attempt};
use super::{Server, WHAT_WAITS};
use crate::fault;
use crate::settings::UserBinds;

/// How many connections may be gone by the time that a login comes to use them.
const MOST_OPENED: usize = 3;

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

    /// Gives up this connection and no other: it leads to a machine that says that it cannot answer just now.
    pub(crate) fn give_up_alone(&self, connection: &SharedConnection) {
        self.searches.take_out(connection);
    }

    /// Gives up a connection that was opened beside others and is of no use, if the server answers on one of those since
    /// `began`. Behind one address there may be several machines, of which it led to one that hangs. Another is not tried
    /// for a while. Whether that is so.
    pub(crate) fn give_up_beside_others(&self, connection: &SharedConnection, began: Instant) -> bool {
        let now = Instant::now();
        let answers = self.searches.answers_beside(connection, began, now);
        if answers {
            self.searches.take_out(connection);
            self.searches.makes_do(now);
        }
        answers
    }

    /// Whether there is no connection for searching.
    pub(crate) fn is_unconnected(&self) -> bool {
        self.searches.is_empty()
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
        let Attempt::Mine(attempt) = self.attempt(Aim::One(wanted)) else { return Ok(None) };
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
        self.binds.give_back(self.binds.join(connection, own.open));
        self.search_is_owed.store(true, Ordering::Relaxed);
        drop(own.warming);
    }

    /// From now on all logins search on the connection.
    pub(crate) fn share(&self, connection: Connection, own: OwnRest) {
        self.searches.add(SharedConnection::over(connection, own.open));
        drop(own.warming);
    }
}
