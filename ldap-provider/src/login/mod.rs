//! A login, from the name and the password that were typed to who that is.

mod alone;
mod asking;
mod direct;
mod windows_domain;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use directory_data::{AttributeName, Dn};
use provider_api::{
    Accepted, Credentials, Deadline, Decision, Fault, Identity, MisconfiguredReason, Notice, RejectReason, Rejection,
    RequestContext, UnavailableReason, one_line,
};
use wire_guard::{BindName, BindPassword, BindPermit, BindRequest, BindResponse, UserBind};

use crate::directory::{BindFailure, Directory, Server, Setback, SharedConnection, Steps};
use crate::entry::Entry;
use crate::fault;
use crate::groups::{FoundGroups, GroupPlan};
use crate::input::Typed;
use crate::name::{CarriedName, Meaning};
use crate::name_match;
use crate::plan::Plan;
use crate::profile;
use crate::search::{Found, Searcher};
use crate::user_bind;

/// Answers a login: a search for the name, one bind as the entry that was found, and who that is. A server that cannot
/// answer is followed by the next one, up to the moment at which the password is sent.
pub(crate) async fn authenticate(
    directory: &Directory,
    context: &RequestContext,
    credentials: Credentials,
) -> Result<Decision, Fault> {
    let Typed { name, password, permit } = match Typed::check(credentials) {
        Ok(typed) => typed,
        Err(rejection) => return Ok(rejection.into()),
    };
    let deadline = context.deadline.at_most(directory.config.timeout);
    let mut login = Login {
        directory,
        name: &name,
        unspent: Some((password, permit)),
        steps: Steps::of(deadline.remaining()),
        deadline,
    };
    let mut attempts = directory.attempts();
    loop {
        let server = attempts.next(deadline).await?;
        if !attempts.is_first() {
            directory.metrics.failovers.add();
        }
        let answered = match &directory.config.bind_template {
            None => login.at(server).await,
            // What seldom happens is on the heap here and below: each login has room for all that is not.
            Some(template) => Box::pin(login.directly(server, template)).await,
        };
        match answered {
            Ok(decision) => return Ok(decision),
            Err(Setback::Final(fault)) => return Err(fault),
            // Nobody would be there to hear what another server says.
            Err(Setback::Elsewhere(fault)) if deadline.remaining().is_zero() => return Err(fault),
            Err(Setback::Elsewhere(fault)) => attempts.failed(server, fault),
        }
    }
}

/// Where the entry was found.
enum On {
    /// On a connection of this login's own, to this address. It has become one for binds.
    Its(Option<SocketAddr>),
    /// On one that all share.
    Shared(SharedConnection),
}

impl On {
    fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Its(peer) => *peer,
            Self::Shared(connection) => connection.peer(),
        }
    }
}

/// A login under way.
struct Login<'a> {
    directory: &'a Directory,
    name: &'a str,
    /// The typed password, as long as it was not sent: it never is a second time.
    unspent: Option<(BindPassword, BindPermit)>,
    steps: Steps,
    deadline: Deadline,
}

impl Login<'_> {
    /// The answer of one server. A connection to it that turns out to be dead says nothing about the server, so there
    /// is a second try, on new connections.
    async fn at(&mut self, server: &Arc<Server>) -> Result<Decision, Setback> {
        let mut found_alone = if server.is_unconnected() { Box::pin(self.alone(server)).await? } else { None };
        let plan = match &found_alone {
            Some(alone) => Arc::clone(&alone.plan),
            None => self.plan(server).await?,
        };
        let names = match self.names(&plan, server).await.map_err(Setback::before_the_password)? {
            Ok(names) => names,
            Err(rejection) => return Ok(rejection.into()),
        };
        let mut is_second = false;
        loop {
            let (found, on) = if let Some(alone) = found_alone.take() {
                (alone.found, On::Its(alone.peer))
            } else {
                let (found, connection) = self.find(server, &plan, &names, &mut is_second).await?;
                (found, On::Shared(connection))
            };
            let entry = match one(found) {
                Ok(entry) => entry,
                Err(rejection) => return Ok(rejection.into()),
            };
            // Known before the password is sent: whoever cannot get an account needs no bind.
            let identity = match identity(&plan, &entry, &names).map_err(Setback::Final)? {
                Ok(identity) => identity,
                Err(rejection) => return Ok(rejection.into()),
            };
            let bound = match &plan.groups {
                None => self.bind(server, on.peer(), &entry.dn).await.map(|response| (response, None)),
                Some(groups) => Box::pin(self.bind_beside_groups(server, on.peer(), groups, &entry)).await,
            };
            match bound {
                Ok((response, groups)) => {
                    let verdict = user_bind::verdict(&response, &entry, &plan.state, SystemTime::now());
                    return match verdict.map_err(Setback::Final)? {
                        Ok(notices) => accept(&plan, identity, notices, groups).map_err(Setback::Final),
                        Err(rejection) => Ok(rejection.into()),
                    };
                }
                // The entry was found by a server that cannot be dialled any more; its name may lead to another by now.
                Err(Setback::Elsewhere(_))
                    if !is_second && !self.deadline.remaining().is_zero() && server.reason_to_leave().is_none() =>
                {
                    is_second = true;
                    if let On::Shared(connection) = &on {
                        Box::pin(server.replace(connection, self.steps, self.deadline)).await?;
                    }
                }
                Err(setback) => return Err(setback),
            }
        }
    }

    /// How users are found in this directory, which may have to be asked for that.
    async fn plan(&self, server: &Arc<Server>) -> Result<Arc<Plan>, Setback> {
        if self.directory.detection.plan().is_none() {
            server.place(self.steps, self.deadline).await?;
        }
        self.directory.plan().map_err(Setback::Final)
    }

    /// The names that the person's entry may carry.
    async fn names<'p>(
        &self,
        plan: &'p Plan,
        server: &Arc<Server>,
    ) -> Result<Result<Vec<CarriedName<'p>>, Rejection>, Fault>
    where
        Self: 'p,
    {
        let name: &'p str = self.name;
        match plan.names.meaning(name) {
            Meaning::Names(names) => Ok(Ok(names)),
            Meaning::InDomain { domain, user } => {
                let searcher = Searcher::shared(server, &self.directory.config, self.steps, self.deadline);
                let is_ours = Box::pin(windows_domain::is(self.directory, plan, domain, &searcher)).await?;
                Ok(if is_ours {
                    Ok(vec![user])
                } else {
                    Err(Rejection::new(RejectReason::UNKNOWN_USER, "the name is one of another domain"))
                })
            }
        }
    }

    /// Tries the password, and looks for the groups meanwhile. They are of no use to who has the wrong password.
    async fn bind_beside_groups(
        &mut self,
        server: &Arc<Server>,
        peer: Option<SocketAddr>,
        groups: &GroupPlan,
        entry: &Entry,
    ) -> Result<(BindResponse, Option<Result<FoundGroups, Fault>>), Setback> {
        let searcher = Searcher::shared(server, &self.directory.config, self.steps, self.deadline);
        let mut looking = pin!(groups.of(entry, &searcher));
        let mut found = None;
        let response = {
            let mut binding = pin!(self.bind(server, peer, &entry.dn));
            loop {
                tokio::select! {
                    response = &mut binding => break response?,
                    groups = &mut looking, if found.is_none() => found = Some(groups),
                }
            }
        };
        if response.is_success() && found.is_none() {
            found = Some(looking.await);
        }
        Ok((response, found))
    }

    /// Tries the password at the server that has the entry.
    async fn bind(&mut self, server: &Server, peer: Option<SocketAddr>, dn: &Dn) -> Result<BindResponse, Setback> {
        let Some((password, permit)) = self.unspent.take() else {
            return Err(Setback::Final(Fault::internal("the password of this login has been spent")));
        };
        // The guard has no way to build a request without a name: the root's empty DN would bind as nobody, and
        // succeed.
        let name = BindName::new(dn.as_str())
            .map_err(|error| Setback::Final(fault::protocol_violation(format_args!("the entry's DN: {error}"))))?;
        let bind = UserBind::new(BindRequest::simple(name, password), permit);
        server.bind_user(bind, peer, self.steps, self.deadline).await.map_err(|failure| match failure {
            BindFailure::NotSent(setback, bind) => {
                self.unspent = Some(bind.unspent());
                setback
            }
            BindFailure::Unanswered { fault, sent, turn: _turn } => self.without_an_answer(server, fault, sent),
        })
    }

    /// The password is spent; others are better off at a server that answers, if there is one.
    fn without_an_answer(&self, server: &Server, fault: Fault, sent: Instant) -> Setback {
        if fault.code() == UnavailableReason::TIMEOUT.as_str()
            && self.had_time(sent, false)
            && self.directory.servers().len() > 1
        {
            server.answers_no_bind(&fault, sent);
        }
        Setback::Final(fault)
    }
}

/// The entry, if it is one.
fn one(found: Found) -> Result<Box<Entry>, Rejection> {
    match found {
        Found::One(entry) => Ok(entry),
        Found::Nobody => {
            Err(Rejection::new(RejectReason::UNKNOWN_USER, "no entry below the base DN carries this name"))
        }
        Found::Several(dns) => Err(Rejection::new(RejectReason::AMBIGUOUS_USER, ambiguity(&dns))),
    }
}

/// Lets somebody in whose password is right, unless their groups forbid it.
fn accept(
    plan: &Plan,
    identity: Identity,
    notices: Vec<Notice>,
    groups: Option<Result<FoundGroups, Fault>>,
) -> Result<Decision, Fault> {
    let mut accepted = Accepted::new(identity);
    accepted.notices = notices;
    if let Some(wanted) = &plan.groups {
        let groups = groups.unwrap_or_else(|| Err(Fault::internal("nobody has looked for the groups")))?;
        if let Err(rejection) = wanted.decide(&groups) {
            return Ok(rejection.into());
        }
        accepted.identity.groups = groups.into_groups();
    }
    Ok(accepted.into())
}

fn ambiguity(dns: &[Dn]) -> String {
    let seen: Vec<_> = dns.iter().take(2).map(ToString::to_string).collect();
    format!(
        "more than one entry carries this name (among them {}); make names unique, or set filter or username_attribute",
        seen.join(" and ")
    )
}

/// Who the entry is. A missing id is the entry's fault; a missing login name is the service account's, which found
/// the entry by it.
fn identity(plan: &Plan, entry: &Entry, names: &[CarriedName<'_>]) -> Result<Result<Identity, Rejection>, Fault> {
    let attributes = plan.names.attributes();
    let Some(login) = profile::login(entry, attributes) else {
        let names: Vec<_> = attributes.iter().map(AttributeName::as_str).collect();
        return Err(Fault::misconfigured(
            MisconfiguredReason::NO_PERMISSION,
            format!(
                "the service account may search for {} but not read it; let it read what it searches for; or the server \
                    calls it by another name: set username_attribute to the name in the entry",
                one_line(&names.join(", "))
            ),
        ));
    };
    if !name_match::carries(entry, names) {
        let message = format!(
            "the server answered with the entry {}, which does not carry this name; if a proxy stands in between, it \
                mixes answers up",
            entry.dn
        );
        return Ok(Err(Rejection::new(RejectReason::NAME_MISMATCH, message)));
    }
    let subject = match plan.subject.of(entry) {
        Ok(subject) => subject,
        Err(error) => return Ok(Err(Rejection::new(RejectReason::NO_STABLE_ID, format!("{}: {error}", entry.dn)))),
    };
    let profile = plan.profile.of(entry);
    let mut identity = Identity::new(subject.id, subject.attribute, login);
    identity.display_name = profile.display_name;
    identity.email = profile.email;
    identity.phone = profile.phone;
    identity.attributes = profile.attributes;
    Ok(Ok(identity))
}

#[cfg(test)]
mod counters;
#[cfg(test)]
mod crowds;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod tests;
