//! Binds as users, each on a connection that carries nothing but such from the first of them on.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use provider_api::{Deadline, Fault};
use tokio::time::timeout_at;
use wire_guard::{BindResponse, Limits, UserBind, UserBindAnswer, UserBindError};

use super::super::bind_pool::Idle;
use super::super::detection::Asked;
use super::super::open_connection::OpenConnection;
use super::super::setback::Setback;
use super::super::steps::Steps;
use super::super::turns::Turn;
use super::{Server, WHAT_WAITS};
use crate::fault;
use crate::result_code::{
    CONSTRAINT_VIOLATION, INAPPROPRIATE_AUTHENTICATION, INSUFFICIENT_ACCESS_RIGHTS, INVALID_CREDENTIALS, SUCCESS,
    UNWILLING_TO_PERFORM,
};
use crate::settings::UserBinds;

/// With less time than this left, a password is not sent: the answer could not be waited for.
const LEAST_TIME: Duration = Duration::from_millis(10);

/// Why a bind as a user has no answer.
pub(crate) enum BindFailure {
    /// Nothing of it was sent.
    NotSent(Setback, UserBind),
    /// It may have reached the server.
    Unanswered {
        fault: Fault,
        /// When it was sent.
        sent: Instant,
        /// Who waits for it is not to have it before note was taken of what that says about the server.
        turn: Turn,
    },
}

/// A bind that was answered on a connection of its own. There are only so many of them at a time, as long as they live.
pub(crate) struct BoundDirectly {
    pub(crate) answer: UserBindAnswer,
    _open: OpenConnection,
    _turn: Turn,
}

impl Server {
    /// Tries a typed password on a connection that carries such binds and nothing else, to the address at which the
    /// entry was found: another server that has the same name may not have the entry, or not its newest password.
    ///
    /// # Errors
    ///
    /// With the bind, if nothing of it was sent. It is not sent any more to a server that is left alone by the time that it
    /// could be, if there is another.
    pub(crate) async fn bind_user(
        &self,
        mut bind: UserBind,
        peer: Option<SocketAddr>,
        steps: Steps,
        deadline: Deadline,
    ) -> Result<BindResponse, BindFailure> {
        let turn = match self.turn(deadline).await {
            Ok(turn) => turn,
            Err(setback) => return Err(BindFailure::NotSent(setback, bind)),
        };
        let mut was_refused = false;
        loop {
            if deadline.remaining() < LEAST_TIME {
                return Err(BindFailure::NotSent(Setback::Final(fault::timeout("waiting for a connection")), bind));
            }
            let (connection, reused) = match self.user_connection(peer, steps, deadline).await {
                Ok(connection) => connection,
                Err(setback) => return Err(BindFailure::NotSent(setback, bind)),
            };
            if let Some(fault) = self.reason_to_leave() {
                if self.config.user_binds == UserBinds::Pooled {
                    self.binds.give_back(connection);
                }
                return Err(BindFailure::NotSent(Setback::Elsewhere(fault), bind));
            }
            let Idle { connection, open, expires, has_carried, .. } = connection;
            let limit = deadline.at_most(steps.operation);
            // Before it is sent, so that one which is given up is counted too.
            self.metrics.user_binds.add();
            let sent = Instant::now();
            match connection.bind_user(bind, limit.instant()).await {
                Ok(answer) => {
                    let now = Instant::now();
                    self.bind_answered.note(now);
                    if has_carried {
                        self.metrics.connections_reused.add();
                    }
                    if let Some(connection) = answer.connection
                        && self.config.user_binds == UserBinds::Pooled
                        && leaves_the_connection_usable(answer.response.result.code)
                    {
                        self.binds.give_back(Idle { connection, open, expires, used: now, has_carried: true });
                    } else {
                        // It is counted as open no longer than it is.
                        drop(open);
                    }
                    drop::<Turn>(turn);
                    // Whoever waited for the turn sends first: meanwhile the server has something to do, and what is left of
                    // this login is not waited for by anybody but its caller. An answer that came in the last moment is
                    // not put at risk.
                    if self.binds.is_exhausted() && deadline.remaining() >= LEAST_TIME {
                        tokio::task::yield_now().await;
                    }
                    return Ok(answer.response);
                }
                Err(UserBindError::NotSent(error, unspent)) => {
                    self.metrics.user_binds.take_back();
                    bind = unspent;
                    if !reused {
                        // A server that has enough connections may end one more as soon as it is made.
                        drop(open);
                        if was_refused || !self.makes_do(peer, steps) {
                            let fault = fault::exchange("the bind as the user: nothing was sent", &error);
                            return Err(BindFailure::NotSent(Setback::Elsewhere(fault), bind));
                        }
                        was_refused = true;
                    }
                }
                Err(error) => {
                    // Whatever kept it from being answered may have happened to those that are idle as well.
                    self.binds.forget_idle(Instant::now());
                    return Err(BindFailure::Unanswered { fault: fault::user_bind(&error), sent, turn });
                }
            }
        }
    }

    /// Tries a typed password on a connection of its own, on which its owner can be asked afterwards.
    ///
    /// # Errors
    ///
    /// With the bind, if nothing of it was sent.
    pub(crate) async fn bind_directly(
        &self,
        bind: UserBind,
        steps: Steps,
        deadline: Deadline,
    ) -> Result<BoundDirectly, BindFailure> {
        let turn = match self.turn(deadline).await {
            Ok(turn) => turn,
            Err(setback) => return Err(BindFailure::NotSent(setback, bind)),
        };
        let began = Instant::now();
        let not_sent = |setback: Setback, bind| {
            // A caller in a hurry says nothing about the server. Nor does one attempt among others that went well meanwhile.
            if let Setback::Elsewhere(fault) = &setback
                && self.has_time(steps)
                && !self.bind_answered.is_after(began)
            {
                self.is_down(fault, began);
            }
            BindFailure::NotSent(setback, bind)
        };
        let opened = async {
            let addresses = self.in_order(self.resolve(deadline.at_most(steps.resolve)).await?);
            let limit = deadline.at_most(steps.connect);
            let tcp = self.connect(&addresses, limit).await?;
            let peer = tcp.peer_addr().ok();
            let made = async {
                let (connection, open) = self.secure(tcp, Limits::LOGIN, limit).await?;
                // With a service account, its connection is asked when a plan is needed and there is none.
                let asked = if self.config.is_anonymous() { Asked::AsWhoSearches } else { Asked::Anonymously };
                Ok((self.detect(connection, asked, limit).await?, open))
            };
            self.or_shun(peer, steps, made.await)
        };
        let (connection, open) = match opened.await {
            Ok(opened) => opened,
            Err(fault) if deadline.remaining().is_zero() => return Err(not_sent(Setback::Final(fault), bind)),
            Err(fault) => return Err(not_sent(Setback::before_the_password(fault), bind)),
        };
        if deadline.remaining() < LEAST_TIME {
            return Err(not_sent(Setback::Final(fault::timeout("opening a connection")), bind));
        }
        if let Some(fault) = self.reason_to_leave() {
            return Err(BindFailure::NotSent(Setback::Elsewhere(fault), bind));
        }
        self.metrics.user_binds.add();
        let sent = Instant::now();
        match connection.bind_user(bind, deadline.at_most(steps.operation).instant()).await {
            Ok(answer) => {
                self.bind_answered.note(Instant::now());
                Ok(BoundDirectly { answer, _open: open, _turn: turn })
            }
            Err(UserBindError::NotSent(error, unspent)) => {
                self.metrics.user_binds.take_back();
                let fault = fault::exchange("the bind as the user: nothing was sent", &error);
                Err(not_sent(Setback::Elsewhere(fault), unspent))
            }
            Err(error) => Err(BindFailure::Unanswered { fault: fault::user_bind(&error), sent, turn }),
        }
    }

    /// The right to have a bind under way, for who does not go on to another server instead.
    async fn turn(&self, deadline: Deadline) -> Result<Turn, Setback> {
        if let Some(fault) = self.reason_not_to_wait() {
            return Err(Setback::Elsewhere(fault));
        }
        let turn = timeout_at(deadline.instant().into(), self.binds.turn()).await;
        let turn = turn.ok().flatten().ok_or_else(|| Setback::Final(fault::timeout(WHAT_WAITS)))?;
        // It may have been waited for.
        self.reason_not_to_wait().map_or(Ok(turn), |fault| Err(Setback::Elsewhere(fault)))
    }
}

/// Whether the next password may travel on a connection on which a bind was answered so. After whatever says more of
/// the server than of the user, it may not.
fn leaves_the_connection_usable(code: u32) -> bool {
    matches!(
        code,
        SUCCESS
            | INVALID_CREDENTIALS
            | CONSTRAINT_VIOLATION
            | INAPPROPRIATE_AUTHENTICATION
            | INSUFFICIENT_ACCESS_RIGHTS
            | UNWILLING_TO_PERFORM
    )
}
