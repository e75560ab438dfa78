//! Where a connection for the bind of a user comes from.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use provider_api::{Deadline, Fault};
use tokio::sync::oneshot;
use tokio::time::timeout_at;
use wire_guard::Limits;

use super::super::bind_pool::Idle;
use super::super::detection::Asked;
use super::super::search_pool::TRUSTED_FOR;
use super::super::setback::Setback;
use super::super::steps::Steps;
use super::Server;
use crate::settings::UserBinds;

/// How often who waits for a connection looks whether there still is one to wait for.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Server {
    /// Opens the first connection for binds before anybody needs it, if there is none. As long as the kind of the directory
    /// is not known, it is asked there, before anybody is bound: beside the service account's bind, it costs no time. What
    /// is returned ends with the answer.
    pub(super) fn warm_up(self: &Arc<Self>, address: SocketAddr, deadline: Deadline) -> Option<oneshot::Receiver<()>> {
        if self.config.user_binds != UserBinds::Pooled || self.config.bind_template.is_some() {
            return None;
        }
        let warming = self.binds.begin_warming()?;
        let (answered, detected) = oneshot::channel();
        let server = Arc::clone(self);
        tokio::spawn(async move {
            let opened = async {
                let tcp = server.connect(&[address], deadline).await?;
                let (connection, open) = server.secure(tcp, Limits::LOGIN, deadline).await?;
                let connection = server.detect(connection, Asked::Anonymously, deadline).await?;
                drop(answered);
                Ok::<_, Fault>((connection, open))
            };
            // If it fails, the connection beside it fails too, or whoever needs it hears of it.
            if let Ok((connection, open)) = opened.await {
                server.binds.give_back(server.binds.join(connection, open));
            }
            drop(warming);
        });
        Some(detected)
    }

    /// Opens a connection for a bind that will come, if there is none.
    pub(crate) fn expect_a_bind(self: &Arc<Self>, peer: Option<SocketAddr>, deadline: Deadline) {
        if let Some(peer) = peer {
            drop(self.warm_up(peer, deadline));
        }
    }

    /// Has a connection that was idle give the sign of life that it owes before the next bind, so that a login which
    /// searches meanwhile need not wait for it afterwards.
    pub(crate) async fn freshen_a_bind_connection(&self, peer: Option<SocketAddr>, steps: Steps, deadline: Deadline) {
        let now = Instant::now();
        let Some((turn, idle)) = self.binds.take_stale(peer, now) else { return };
        if let Some(mut idle) = self.still_there(idle, now, steps, deadline).await {
            idle.used = Instant::now();
            self.binds.give_back(idle);
        }
        drop(turn);
    }

    /// A connection for a bind, and whether it was opened for another, in which case it may have ended.
    pub(super) async fn user_connection(
        &self,
        peer: Option<SocketAddr>,
        steps: Steps,
        deadline: Deadline,
    ) -> Result<(Idle, bool), Setback> {
        let mut patience = None;
        loop {
            while let now = Instant::now()
                && let Some(idle) = self.binds.take(peer, now)
            {
                if let Some(idle) = self.still_there(idle, now, steps, deadline).await {
                    return Ok((idle, true));
                }
            }
            let patience = *patience.get_or_insert_with(|| deadline.at_most(steps.connect / 2));
            if !self.binds.wait_for_warming(patience).await {
                break;
            }
        }
        // On the heap: most binds find a connection, and would have the room for a handshake without need.
        Box::pin(self.one_more(peer, steps, deadline)).await
    }

    /// A connection that is opened for a bind, or, where it cannot be, one that is given back.
    async fn one_more(
        &self,
        peer: Option<SocketAddr>,
        steps: Steps,
        deadline: Deadline,
    ) -> Result<(Idle, bool), Setback> {
        if self.binds.is_full(peer, Instant::now())
            && let Some(idle) = self.given_back(peer, steps, deadline).await?
        {
            return Ok((idle, true));
        }
        // From now on: how long another was waited for says nothing about how long this one takes.
        let limit = deadline.at_most(steps.connect);
        let opened = async {
            let addresses = match peer {
                Some(peer) => vec![peer],
                None => self.resolve(limit).await?,
            };
            let tcp = self.connect(&addresses, limit).await?;
            self.secure(tcp, Limits::LOGIN, limit).await
        };
        let setback = match opened.await {
            Ok((connection, open)) => {
                self.binds.note_one_more(true, Instant::now());
                return Ok((self.binds.join(connection, open), false));
            }
            Err(fault) if deadline.remaining().is_zero() => Setback::Final(fault),
            Err(fault) => Setback::before_the_password(fault),
        };
        if matches!(setback, Setback::Elsewhere(_))
            && self.makes_do(peer, steps)
            && let Some(idle) = self.given_back(peer, steps, deadline).await?
        {
            return Ok((idle, true));
        }
        Err(setback)
    }

    /// Takes note that another connection could not be had. Whether there are any, one of which will be given back: servers
    /// and firewalls have limits, and those that are there go on.
    /// What a caller in a hurry could not have says nothing to others.
    pub(super) fn makes_do(&self, peer: Option<SocketAddr>, steps: Steps) -> bool {
        let has_any = self.config.user_binds == UserBinds::Pooled && self.binds.has_any_to(peer);
        if has_any && self.has_time(steps) {
            self.binds.note_one_more(false, Instant::now());
        }
        has_any
    }

    /// Waits for a connection to be given back, for as long as one may take to be opened; `None` if there is none left. Not
    /// longer: if those that are in use hang, there has to be time for whatever else can be done.
    async fn given_back(
        &self,
        peer: Option<SocketAddr>,
        steps: Steps,
        deadline: Deadline,
    ) -> Result<Option<Idle>, Setback> {
        let mut needed = self.binds.need(peer, Instant::now());
        let until = deadline.at_most(steps.connect);
        while self.binds.has_any_to(peer) && !until.remaining().is_zero() {
            if let Some(fault) = self.reason_to_leave() {
                return Err(Setback::Elsewhere(fault));
            }
            if let Ok(given) = timeout_at(until.at_most(LOOK_AGAIN).instant().into(), needed.given()).await {
                let Some(idle) = given else { return Ok(None) };
                return Ok(self.still_there(idle, Instant::now(), steps, deadline).await);
            }
        }
        Ok(None)
    }

    /// The connection, unless it is dead: one that has been idle for a while has to give a sign of life. Whether one that
    /// was used just now has ended is seen when the bind is about to be sent.
    async fn still_there(&self, idle: Idle, now: Instant, steps: Steps, deadline: Deadline) -> Option<Idle> {
        if now.saturating_duration_since(idle.used) < TRUSTED_FOR {
            return Some(idle);
        }
        let Idle { connection, open, expires, used, has_carried } = idle;
        self.metrics.probes.add();
        match Box::pin(connection.probe(deadline.at_most(steps.probe).instant())).await {
            Ok(connection) => Some(Idle { connection, open, expires, used, has_carried }),
            Err(error) => {
                log::debug!("an idle connection to {} is of no further use: {error}", self.endpoint);
                self.binds.forget_idle(Instant::now());
                None
            }
        }
    }
}
