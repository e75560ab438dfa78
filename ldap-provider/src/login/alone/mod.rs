//! A login that finds nobody connected: one connection does for all of it.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use provider_api::{Deadline, Fault, FaultKind};
use tokio::time::timeout_at;
use wire_guard::{Connection, ExchangeError, SearchBatch, SearchFailure};

use super::Login;
use crate::directory::{Directory, Lasting, OwnConnection, OwnRest, Server, Setback, Steps};
use crate::fault;
use crate::kind::RootDse;
use crate::name::{CarriedName, Meaning};
use crate::plan::Plan;
use crate::search::{self, Found};

/// How long the answer to a search that turned out to be the wrong one is waited for, so that its connection can be used
/// for the right one: about as long as another connection would take.
const PATIENCE: Duration = Duration::from_millis(50);

const WHAT: &str = "the first search";

/// What was found on a connection of a login's own.
pub(super) struct FoundAlone {
    pub(super) found: Found,
    /// The server's address.
    pub(super) peer: Option<SocketAddr>,
    /// How it was looked for.
    pub(super) plan: Arc<Plan>,
}

impl Login<'_> {
    /// Looks for the entry on a connection of this login's own, which becomes the first one for binds when the entry is
    /// found; `None` if it is to be looked for where all others do.
    ///
    /// What the directory is, is asked together with that, if it is not known: the search is made as it most likely has to
    /// be. If it turns out to be the right one, no round trip was lost by not knowing. What the server has to say is
    /// waited for even when this login is given up.
    pub(super) async fn alone(&self, server: &Arc<Server>) -> Result<Option<FoundAlone>, Setback> {
        let steps = Steps::of(self.directory.config.timeout);
        let connecting = Deadline::after(steps.resolve + steps.connect);
        let Some(own) = server.of_its_own(self.steps, self.deadline).await? else { return Ok(None) };
        let first = First {
            directory: self.directory.clone(),
            server: Arc::clone(server),
            name: self.name.to_owned(),
            peer: own.connection.peer(),
            // Until then it is part of connecting: of a server that does not say what it is, nobody can log in.
            for_kind: connecting.at_most(steps.connect),
            for_user: Deadline::after(steps.operation),
            began: Instant::now(),
        };
        match timeout_at(self.deadline.instant().into(), Lasting::new(first.ask(own))).await {
            Ok(Err(Setback::Elsewhere(fault))) => Err(self.elsewhere(fault)),
            Ok(outcome) => outcome,
            Err(_) => Err(Setback::Final(fault::timeout(WHAT))),
        }
    }
}

/// The first questions to a server.
struct First {
    directory: Directory,
    server: Arc<Server>,
    name: String,
    peer: Option<SocketAddr>,
    for_kind: Deadline,
    for_user: Deadline,
    began: Instant,
}

impl First {
    async fn ask(self, own: OwnConnection) -> Result<Option<FoundAlone>, Setback> {
        let OwnConnection { connection, rest } = own;
        let (server, detection) = (&self.server, &self.directory.detection);
        let mut kind = detection.plan().filter(|_| detection.is_settled());
        let likely = kind.clone().unwrap_or_else(|| detection.guess());
        let names = match likely.names.meaning(&self.name) {
            Meaning::Names(names) => names,
            Meaning::InDomain { .. } => Vec::new(),
        };
        let (question, search) = (RootDse::request(), likely.search_for(&names));
        // In this order: what follows from the kind is worked out while the other answer is on its way.
        let mut searches = Vec::new();
        let asks_kind = kind.is_none();
        if asks_kind {
            searches.push((&question, 1));
        }
        if !names.is_empty() {
            searches.push((&search, search::SIZE_LIMIT.into()));
            server.count_search();
        }
        if searches.is_empty() {
            server.share(connection, rest);
            self.expect_a_bind();
            return Ok(None);
        }
        let mut batch = match connection.search_together(&searches, self.for_user.instant()).await {
            Ok(batch) => batch,
            Err(error) => return self.unanswered(&error, asks_kind),
        };
        // Whether what is searched for is what has to be, as far as is known.
        let (mut user, mut is_right) = (None, !names.is_empty());
        let plan = loop {
            if let Some(plan) = &kind
                && (user.is_some() || !is_right)
            {
                break Arc::clone(plan);
            }
            let limit = if kind.is_none() { self.for_kind } else { self.for_user };
            let (position, found) = match next(&mut batch, limit).await {
                Ok(answered) => answered,
                Err(error) => return self.unanswered(&error, kind.is_none()),
            };
            server.note_round_trip(self.began.elapsed());
            if !(asks_kind && position == 0) {
                user = Some(found);
                continue;
            }
            let learnt = match found {
                Ok(found) if found.end.is_some() => self.directory.learn(&found),
                Ok(_) => Err(fault::protocol_violation("the server sent a second root DSE")),
                Err(failure) => Err(failed(&failure)),
            };
            let plan = learnt.map_err(|fault| self.is_down(fault))?;
            is_right = self.is_what_was_searched(&likely, &plan, &names);
            kind = Some(plan);
        };
        let Some(user) = user.filter(|_| is_right) else {
            self.share_when_answered(batch, rest).await;
            self.expect_a_bind();
            return Ok(None);
        };
        let user = match user {
            Ok(user) => user,
            Err(failure) => {
                self.share_when_answered(batch, rest).await;
                return Err(Setback::Final(failed(&failure)));
            }
        };
        let found = search::one_user(user, &self.directory.config, |dn| plan.is_in_scope(dn));
        match (batch.into_connection(), &found) {
            (Some(connection), Ok(Found::One(_))) => server.keep_for_binds(connection, rest),
            (Some(connection), _) => server.share(connection, rest),
            (None, _) => drop(rest),
        }
        let found = found.map_err(Setback::before_the_password)?;
        Ok(Some(FoundAlone { found, peer: self.peer, plan }))
    }

    /// Whether what is found by the likely plan is what would be found by this one.
    fn is_what_was_searched(&self, likely: &Plan, plan: &Plan, names: &[CarriedName<'_>]) -> bool {
        let Meaning::Names(meant) = plan.names.meaning(&self.name) else { return false };
        !names.is_empty() && likely.finds_what(plan, names, &meant)
    }

    /// The connection is as good as before when the rest of the answers has come: others search on it.
    async fn share_when_answered(&self, batch: SearchBatch, own: OwnRest) {
        match rest_of(batch, Deadline::after(PATIENCE)).await {
            Some(connection) => self.server.share(connection, own),
            None => drop(own),
        }
    }

    /// The search goes on elsewhere, and meanwhile a connection for the bind can be opened.
    fn expect_a_bind(&self) {
        let steps = Steps::of(self.directory.config.timeout);
        self.server.expect_a_bind(self.peer, Deadline::after(steps.connect));
    }

    /// What follows from a question without an answer.
    fn unanswered(&self, error: &ExchangeError, about_kind: bool) -> Result<Option<FoundAlone>, Setback> {
        let fault = fault::exchange(WHAT, error);
        match error {
            ExchangeError::Timeout => Err(self.is_down(fault)),
            ExchangeError::Violation(_) if about_kind => Err(self.is_down(fault)),
            ExchangeError::Violation(_) => Err(Setback::Elsewhere(fault)),
            // A connection that ends says little about the server: another one will.
            _ => Ok(None),
        }
    }

    fn is_down(&self, fault: Fault) -> Setback {
        if fault.kind() == FaultKind::Unavailable {
            self.server.is_down(&fault, self.began);
            self.server.shun(self.peer);
        }
        Setback::before_the_password(fault)
    }
}

type Answered = Result<wire_guard::Found, SearchFailure>;

async fn next(batch: &mut SearchBatch, limit: Deadline) -> Result<(usize, Answered), ExchangeError> {
    timeout_at(limit.instant().into(), batch.next()).await.unwrap_or(Err(ExchangeError::Timeout))
}

fn failed(failure: &SearchFailure) -> Fault {
    match failure {
        SearchFailure::TooLarge(violation) => fault::too_large(WHAT, violation),
        SearchFailure::Ended(end) => fault::ended(WHAT, end),
    }
}

/// The connection when all has been answered.
async fn rest_of(mut batch: SearchBatch, limit: Deadline) -> Option<Connection> {
    while next(&mut batch, limit).await.is_ok() {}
    batch.into_connection()
}
