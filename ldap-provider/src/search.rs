use std::sync::Arc;
use std::time::{Duration, Instant};

use directory_data::Dn;
use ldap3::{DerefAliases, LdapError, LdapResult, SearchOptions};
use provider_api::{Deadline, Fault};
use tokio::time::timeout_at;
use wire_guard::{
    Found as Answered, PipeEnd, SearchConnection, SearchFailure, SearchRequest, SearchScope, SearchTemplate,
};

use crate::directory::{Next, Place, Query, Server, ServiceConnection, Setback, Steps, TRUSTED_FOR};
use crate::entry::{Entry, UnusableEntry};
use crate::fault;
use crate::filter::{EncodedFilter, SearchFilter};
use crate::groups::GROUP_TYPE;
use crate::name::CarriedName;
use crate::plan::Plan;
use crate::result_code::{self, BUSY, NO_SUCH_OBJECT, SIZE_LIMIT_EXCEEDED, SUCCESS, TIME_LIMIT_EXCEEDED, UNAVAILABLE};
use crate::settings::{Config, Scope};

/// What a search for a name found.
#[derive(Debug)]
pub(crate) enum Found {
    /// No entry.
    Nobody,
    /// Exactly one, and it may be one that was searched for.
    One(Box<Entry>),
    /// More than one, of which these were seen.
    Several(Vec<Dn>),
}

const WHAT: &str = "the search for the user";

/// Why a search has no result.
#[derive(Debug)]
pub(crate) enum SearchError {
    /// The server has answered that it cannot.
    Answered(Fault),
    /// The server has answered that it cannot just now.
    Busy(Fault),
    /// The connection ended before the search did.
    Ended(Fault),
    /// There was no answer in time.
    Silent(Fault),
    /// The server has broken the protocol.
    Violation(Fault),
    /// It has sent more than is taken, on a connection that goes on. Every server with the same entries would.
    TooLarge(Fault),
}

impl SearchError {
    fn into_fault(self) -> Fault {
        match self {
            Self::Answered(fault)
            | Self::Busy(fault)
            | Self::Ended(fault)
            | Self::Silent(fault)
            | Self::Violation(fault)
            | Self::TooLarge(fault) => fault,
        }
    }
}

/// Looks for the one entry that carries one of these names.
pub(crate) async fn find_user(
    place: &Place,
    config: &Config,
    plan: &Plan,
    names: &[CarriedName<'_>],
    deadline: Deadline,
) -> Result<Found, SearchError> {
    let request = plan.search_for(names);
    let found = answer_to(place.connection.search(&request, SIZE_LIMIT.into()), deadline, WHAT).await?;
    let error = match found.end.as_ref().map(|(result, _)| result.code) {
        Some(BUSY | UNAVAILABLE | TIME_LIMIT_EXCEEDED) => SearchError::Busy,
        _ => SearchError::Answered,
    };
    one_user(found, config, |dn| plan.is_in_scope(dn)).map_err(error)
}

/// The answer to a search, if it comes in time.
async fn answer_to(
    search: impl Future<Output = Result<Answered, SearchFailure>>,
    deadline: Deadline,
    what: &str,
) -> Result<Answered, SearchError> {
    match timeout_at(deadline.instant().into(), search).await {
        Err(_) => Err(SearchError::Silent(fault::timeout(what))),
        Ok(Err(SearchFailure::TooLarge(violation))) => Err(SearchError::TooLarge(fault::too_large(what, &violation))),
        Ok(Err(SearchFailure::Ended(end @ PipeEnd::Violation(_)))) => {
            Err(SearchError::Violation(fault::ended(what, &end)))
        }
        Ok(Err(SearchFailure::Ended(end))) => Err(SearchError::Ended(fault::ended(what, &end))),
        Ok(Ok(found)) => Ok(found),
    }
}

/// The one user among what was found, all of which has to lie where it was searched for.
pub(crate) fn one_user(found: Answered, config: &Config, is_there: impl Fn(&Dn) -> bool) -> Result<Found, Fault> {
    let entries = found.entries.iter().map(|entry| checked_by(Entry::found(entry), &is_there));
    let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
    let result = found.end.map(|(result, _)| result);
    // A limit that lets not even one entry through tells nothing about how many there are.
    let is_limited = result.as_ref().is_some_and(|result| result.code == SIZE_LIMIT_EXCEEDED);
    if entries.len() > 1 || (is_limited && !entries.is_empty()) {
        return Ok(Found::Several(entries.into_iter().map(|entry| entry.dn).collect()));
    }
    // Of a search that was cut short it is not known whether there is another one, or any.
    let Some(result) = result else {
        return Err(fault::protocol_violation(format_args!("{WHAT}: the server has sent too much, and no end of it")));
    };
    if result.code != SUCCESS {
        return Err(result_code::search_fault(result.code, &result.diagnostic, config.is_anonymous()));
    }
    Ok(entries.pop().map_or(Found::Nobody, |entry| Found::One(Box::new(entry))))
}

/// Two suffice to know that there is not one. The limit is not 1: slapd then answers 4 beside the entry.
pub(crate) const SIZE_LIMIT: u8 = 2;

/// The search for a user, but for the name.
pub(crate) fn user_search(base: &Dn, scope: Scope, attributes: &[String]) -> SearchTemplate {
    SearchTemplate::new(base.as_str(), search_scope(scope), SIZE_LIMIT.into(), attributes)
}

/// The search for so many users, whoever they are; 0 is for all.
pub(crate) fn search_for_anybody(plan: &Plan, attributes: &[impl AsRef<str>], size_limit: u32) -> SearchRequest {
    let template = SearchTemplate::new(plan.base_dn.as_str(), search_scope(plan.scope), size_limit, attributes);
    template.with_filter(plan.user_filter.for_anybody().as_bytes())
}

fn search_scope(scope: Scope) -> SearchScope {
    match scope {
        Scope::One => SearchScope::OneLevel,
        Scope::Sub => SearchScope::Subtree,
    }
}

/// Reads the base entry, or at least learns that it is there.
pub(crate) async fn read_base(
    connection: &ServiceConnection,
    config: &Config,
    deadline: Deadline,
) -> Result<(), Fault> {
    const WHAT: &str = "the search for the base DN";
    let (_, result) =
        read_entry(connection, &config.base_dn, SearchFilter::ANY_ENTRY, NO_ATTRIBUTES, WHAT, deadline).await?;
    if result.rc == SUCCESS {
        return Ok(());
    }
    Err(result_code::search_fault(result.rc, &result.text, config.is_anonymous()))
}

/// The group of this DN, if it matches; of its members, which may be many, nothing is read.
pub(crate) async fn read_group(
    connection: &ServiceConnection,
    dn: &Dn,
    filter: SearchFilter,
    config: &Config,
    deadline: Deadline,
) -> Result<Option<Entry>, Fault> {
    const WHAT: &str = "the search for a group";
    let (entry, result) = read_entry(connection, dn, filter, GROUP_TYPE, WHAT, deadline).await?;
    match result.rc {
        SUCCESS => Ok(entry),
        NO_SUCH_OBJECT => Ok(None),
        code => Err(result_code::search_fault_of(WHAT, code, &result.text, config.is_anonymous())),
    }
}

async fn read_entry(
    connection: &ServiceConnection,
    dn: &Dn,
    filter: SearchFilter,
    attribute: &'static str,
    what: &str,
    deadline: Deadline,
) -> Result<(Option<Entry>, LdapResult), Fault> {
    let query = Query {
        base: dn,
        scope: ldap3::Scope::Base,
        filter,
        attribute,
        // Aliases are never followed (a bind would not follow them either), and values are wanted.
        options: SearchOptions::new().deref(DerefAliases::Never).typesonly(false).sizelimit(1),
    };
    let search = async {
        let mut results = connection.search(query).await?;
        let mut entry = None;
        loop {
            match results.next().await? {
                // There is one entry of a DN: whoever sends more sends without end.
                Next::Entry(_) if entry.is_some() => return Ok(None),
                Next::Entry(found) => entry = Some(found),
                Next::End(result) => return Ok::<_, LdapError>(Some((entry, result))),
            }
        }
    };
    match timeout_at(deadline.instant().into(), search).await {
        Err(_) => Err(fault::timeout(what)),
        Ok(Err(error)) => Err(fault::broken_search(what, connection.end(), &error)),
        Ok(Ok(None)) => Err(fault::protocol_violation(format_args!("{what}: the server sent more than one entry"))),
        Ok(Ok(Some((entry, result)))) => Ok((entry.and_then(|entry| Entry::read(entry).ok()), result)),
    }
}

/// Asks for no attributes (RFC 4511 section 4.5.1.8).
pub(crate) const NO_ATTRIBUTES: &str = "1.1";

/// Makes sure that what was read is an entry that was asked for.
pub(crate) fn checked(read: Result<Entry, UnusableEntry>, plan: &Plan) -> Result<Entry, Fault> {
    checked_by(read, |dn| plan.is_in_scope(dn))
}

fn checked_by(read: Result<Entry, UnusableEntry>, is_there: impl Fn(&Dn) -> bool) -> Result<Entry, Fault> {
    let entry = read.map_err(|error| fault::protocol_violation(format_args!("the server sent {error}")))?;
    // Binding as the root's empty DN succeeds on most servers, and proves nothing.
    if entry.dn.is_empty() {
        return Err(fault::protocol_violation("the server sent an entry with an empty DN"));
    }
    if !is_there(&entry.dn) {
        return Err(fault::protocol_violation(format_args!(
            "the server sent the entry {}, which lies outside of base_dn and scope",
            entry.dn
        )));
    }
    Ok(entry)
}

/// A search for no more entries than this lies in memory like one for a user.
const FEW: usize = 16;

/// A search for entries that are no users.
#[derive(Debug)]
pub(crate) struct EntryQuery<'a, A> {
    pub(crate) base: &'a Dn,
    pub(crate) scope: SearchScope,
    pub(crate) filter: &'a EncodedFilter,
    pub(crate) attributes: &'a [A],
    /// How many entries are waited for.
    pub(crate) most: usize,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) entries: Vec<Entry>,
    /// Whether these are all: neither the server nor this side has stopped before.
    pub(crate) is_complete: bool,
}

/// Who searches, and over which connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Searcher<'a> {
    server: &'a Arc<Server>,
    over: Over<'a>,
    is_anonymous: bool,
    steps: Steps,
    deadline: Deadline,
}

#[derive(Clone, Copy, Debug)]
enum Over<'a> {
    /// The connections that all logins share.
    Shared,
    /// That of one person, who searches as themselves.
    Own(&'a SearchConnection),
}

impl<'a> Searcher<'a> {
    /// Searches as the service account.
    pub(crate) fn shared(server: &'a Arc<Server>, config: &Config, steps: Steps, deadline: Deadline) -> Self {
        Self { server, over: Over::Shared, is_anonymous: config.is_anonymous(), steps, deadline }
    }

    /// Searches as who is bound on this connection.
    pub(crate) fn own(
        server: &'a Arc<Server>,
        connection: &'a SearchConnection,
        steps: Steps,
        deadline: Deadline,
    ) -> Self {
        Self { server, over: Over::Own(connection), is_anonymous: false, steps, deadline }
    }

    /// Whether this searches as the service account.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.over, Over::Shared)
    }

    /// Searches.
    pub(crate) async fn search(
        &self,
        query: &EntryQuery<'_, impl AsRef<str>>,
        what: &'static str,
    ) -> Result<Answer, Fault> {
        let limit = u32::try_from(query.most).unwrap_or(u32::MAX);
        let template = SearchTemplate::new(query.base.as_str(), query.scope, limit, query.attributes);
        let request = template.with_filter(query.filter.as_bytes());
        let found = match self.over {
            Over::Own(connection) => {
                self.server.count_search();
                let found = self.once(connection.search(&request, query.most), self.steps.operation, what).await;
                found.map_err(SearchError::into_fault)?
            }
            Over::Shared => self.shared_search(&request, query.most, what).await?,
        };
        let entries = found.entries.iter().map(|entry| {
            Entry::found(entry)
                .map_err(|error| fault::protocol_violation(format_args!("{what}: the server sent {error}")))
        });
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        // An answer to somebody else's question is noticed here as well, no more strictly than a server compares.
        let is_asked_for = |entry: &Entry| entry.dn.levels_below(query.base) == Some(0);
        if query.scope == SearchScope::Base && !entries.iter().all(is_asked_for) {
            return Err(fault::protocol_violation(format_args!("{what}: the server sent another entry")));
        }
        match found.end.map(|(result, _)| result) {
            None => Ok(Answer { entries, is_complete: false }),
            Some(result) if result.code == SUCCESS => Ok(Answer { entries, is_complete: true }),
            Some(result) if result.code == SIZE_LIMIT_EXCEEDED => Ok(Answer { entries, is_complete: false }),
            // The entry itself is gone meanwhile, or cannot be seen.
            Some(result) if result.code == NO_SUCH_OBJECT && query.scope == SearchScope::Base => {
                Ok(Answer { entries, is_complete: true })
            }
            Some(result) => Err(result_code::search_fault_of(what, result.code, &result.diagnostic, self.is_anonymous)),
        }
    }

    /// Searches on one of the connections that all logins share, and once again on another if the first turns out to be
    /// dead: nothing is changed by it.
    async fn shared_search(&self, request: &SearchRequest, most: usize, what: &'static str) -> Result<Answered, Fault> {
        let server = self.server;
        let _turn = if most > FEW { Some(server.group_turn(self.deadline).await?) } else { None };
        let mut is_second = false;
        loop {
            let place = server.place(self.steps, self.deadline).await.map_err(Setback::into_fault)?;
            let was_idle = place.silent_for() >= TRUSTED_FOR;
            let step = if was_idle { self.steps.probe } else { self.steps.operation };
            let began = Instant::now();
            server.count_search();
            let fault = match self.once(place.connection.search(request, most), step, what).await {
                Ok(found) => return Ok(found),
                // It would be so again.
                Err(SearchError::TooLarge(fault)) => return Err(fault),
                Err(error) => error.into_fault(),
            };
            let has_ended = place.connection.end().is_some();
            let answers_others = place.connection.has_answered_since(began);
            // One that was idle was given the time for a sign of life, and not for a search.
            let was_short = was_idle && !self.deadline.remaining().is_zero();
            // A server that breaks the protocol would do so again, and one that is slow would not be faster.
            if is_second || place.connection.has_broken_the_protocol() || !(has_ended || was_short) {
                return Err(fault);
            }
            if has_ended || !answers_others {
                server.give_up(&place.connection);
            }
            is_second = true;
        }
    }

    async fn once(
        &self,
        search: impl Future<Output = Result<Answered, SearchFailure>>,
        step: Duration,
        what: &'static str,
    ) -> Result<Answered, SearchError> {
        answer_to(search, self.deadline.at_most(step), what).await
    }

    /// Looks for the one user who carries one of these names, or who is the entry of this DN.
    pub(crate) async fn user(
        &self,
        config: &Config,
        plan: &Plan,
        names: &[CarriedName<'_>],
        own_dn: Option<&Dn>,
    ) -> Result<Found, Fault> {
        let Over::Own(connection) = self.over else {
            return Err(Fault::internal("a user's own connection is missing"));
        };
        let filter = plan.user_filter.for_names(names);
        let template = own_dn
            .map(|dn| SearchTemplate::new(dn.as_str(), SearchScope::Base, SIZE_LIMIT.into(), &plan.user_attributes));
        let request = template.as_ref().unwrap_or(&plan.user_search).with_filter(filter.as_bytes());
        self.server.count_search();
        let found = self.once(connection.search(&request, SIZE_LIMIT.into()), self.steps.operation, WHAT).await;
        let found = found.map_err(SearchError::into_fault)?;
        one_user(found, config, |dn| match own_dn {
            // To notice an answer from elsewhere, and no stricter than the server that took it for the same.
            Some(own) => dn.levels_below(own) == Some(0),
            None => plan.is_in_scope(dn),
        })
    }
}
