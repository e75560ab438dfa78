//! Questions on the connections that all logins share: what of one that gets no answer, and when it is asked again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use provider_api::{Deadline, Fault};

use super::Login;
use crate::directory::{Place, Server, Setback, SharedConnection, Steps, TRUSTED_FOR};
use crate::name::CarriedName;
use crate::plan::Plan;
use crate::search::{self, Found, SearchError};

/// After how long without a sign of life a connection that was idle may be left: longer than most round trips.
const SIGN_OF_LIFE: Duration = Duration::from_millis(300);

/// A question that is about to be asked.
pub(super) struct Asking {
    pub(super) place: Place,
    /// Until when an answer is waited for.
    pub(super) limit: Deadline,
    began: Instant,
    was_idle: bool,
    is_new: bool,
}

impl Login<'_> {
    /// Looks for the entry on one of the server's connections.
    pub(super) async fn find(
        &self,
        server: &Arc<Server>,
        plan: &Plan,
        names: &[CarriedName<'_>],
        is_second: &mut bool,
    ) -> Result<(Found, SharedConnection), Setback> {
        let config = &*self.directory.config;
        loop {
            let asking = self.asking(server).await?;
            server.count_search();
            let freshening = asking.was_idle.then(|| {
                let (server, peer) = (Arc::clone(server), asking.place.connection.peer());
                let (steps, deadline) = (self.steps, self.deadline);
                // On its own: who needs no bind does not wait for it, and the connection is not closed for that.
                tokio::spawn(async move { server.freshen_a_bind_connection(peer, steps, deadline).await })
            });
            match search::find_user(&asking.place, config, plan, names, asking.limit).await {
                Ok(found) => {
                    let connection = asking.answered(server);
                    if let (Some(freshening), Found::One(_)) = (freshening, &found) {
                        let _ = freshening.await;
                    }
                    return Ok((found, connection));
                }
                Err(error) => self.unanswered(server, &asking, error, is_second)?,
            }
        }
    }

    /// A place to ask at, and how long.
    pub(super) async fn asking(&self, server: &Arc<Server>) -> Result<Asking, Setback> {
        let place = server.place_unless_left(self.steps, self.deadline).await?;
        let began = Instant::now();
        let was_idle = place.connection.silent_for(began) >= TRUSTED_FOR;
        let is_new = place.connection.answered().is_none() && !was_idle;
        // A search is its own probe: it can be made again.
        let step = if was_idle { self.steps.probe } else { self.steps.operation };
        Ok(Asking { place, limit: self.deadline.at_most(step), began, was_idle, is_new })
    }

    /// Takes note that a question was not answered, and of what that says about the connection and the server. Then it can
    /// be asked again, on another connection: but once in a login.
    pub(super) fn unanswered(
        &self,
        server: &Server,
        asking: &Asking,
        error: SearchError,
        is_second: &mut bool,
    ) -> Result<(), Setback> {
        let Asking { place, began, was_idle, is_new, .. } = asking;
        let (connection, began, was_idle, is_new) = (&place.connection, *began, *was_idle, *is_new);
        let (fault, is_worth_another) = match error {
            SearchError::Answered(fault) => return Err(Setback::before_the_password(fault)),
            // Whoever may write into their own entry would else cost each server a connection, and have it left alone.
            SearchError::TooLarge(fault) => return Err(Setback::Final(fault)),
            // Behind one address there may be other machines than the one to which this connection leads, for as long as it is
            // kept. But a server that is busy is not to be kept busy by handshakes: a connection that is as new as one more
            // would be says the same.
            SearchError::Busy(fault) => {
                if *is_second || connection.opened().elapsed() < TRUSTED_FOR || self.deadline.remaining().is_zero() {
                    return Err(self.elsewhere(fault));
                }
                server.give_up_alone(connection);
                *is_second = true;
                return Ok(());
            }
            SearchError::Violation(fault) | SearchError::Ended(fault) => (fault, !is_new),
            // It answers others meanwhile: this search is slow, and nothing is wrong with the connection. On one that was idle
            // it had the time of a probe alone, so it is made again with its own.
            SearchError::Silent(fault) if connection.has_answered_since(began) => {
                if was_idle && !*is_second && !self.deadline.remaining().is_zero() {
                    *is_second = true;
                    return Ok(());
                }
                return Err(Setback::Elsewhere(fault));
            }
            // Nor can anything be said of a server that was not given the time.
            SearchError::Silent(fault) if !self.had_time(began, was_idle) => return Err(self.elsewhere(fault)),
            // A server that has just answered others is not asked again if there is another one.
            SearchError::Silent(fault) => (fault, was_idle || (!is_new && self.directory.servers().len() == 1)),
        };
        let tells_of_server = is_new && !connection.has_broken_the_protocol();
        let others_answer = tells_of_server && server.give_up_beside_others(connection, began);
        if !others_answer {
            server.give_up(connection);
        }
        if self.deadline.remaining().is_zero() {
            return Err(self.elsewhere(fault));
        }
        if tells_of_server && !others_answer {
            server.is_down(&fault, began);
        }
        if *is_second || !(is_worth_another || others_answer) {
            return Err(Setback::Elsewhere(fault));
        }
        *is_second = true;
        Ok(())
    }

    /// Another server may be asked, if there is time.
    pub(super) fn elsewhere(&self, fault: Fault) -> Setback {
        if self.deadline.remaining().is_zero() { Setback::Final(fault) } else { Setback::Elsewhere(fault) }
    }

    /// Whether a step that began then was given about as long as the settings say, and not what a caller in a hurry or
    /// a long wait left of it. For a connection that was idle, what this call has for a sign of life is enough: to leave it
    /// costs a handshake, and says nothing about the server.
    pub(super) fn had_time(&self, began: Instant, was_idle: bool) -> bool {
        let steps = Steps::of(self.directory.config.timeout);
        let needed = if was_idle { self.steps.probe.min(SIGN_OF_LIFE) } else { steps.operation };
        began.elapsed() >= needed.mul_f32(0.75)
    }
}

impl Asking {
    /// The connection that has answered.
    pub(super) fn answered(self, server: &Server) -> SharedConnection {
        server.note_round_trip(self.began.elapsed());
        self.place.connection
    }
}
