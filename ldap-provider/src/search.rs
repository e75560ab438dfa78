use std::collections::HashSet;
use std::sync::Arc;

use ldap3::{DerefAliases, LdapError, SearchOptions};
use provider_api::{Deadline, Fault};
use tokio::time::timeout_at;
use wire_guard::{PipeEnd, SearchFailure, SearchScope, SearchTemplate};

use crate::directory::{Next, Place, Query, ServiceConnection};
use crate::entry::{Entry, UnusableEntry};
use crate::fault;
use crate::filter::SearchFilter;
use crate::profile::Profile;
use crate::result_code::{self, SIZE_LIMIT_EXCEEDED, SUCCESS};
use crate::settings::{Config, Scope};
use crate::subject::SubjectRule;
use directory_data::AttributeName;
use directory_data::Dn;

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
    /// The connection ended before the search did.
    Ended(Fault),
    /// There was no answer in time.
    Silent(Fault),
    /// The server has broken the protocol.
    Violation(Fault),
}

/// Looks for the one entry that carries a name.
pub(crate) async fn find_user(
    place: &Place,
    config: &Config,
    name: &str,
    deadline: Deadline,
) -> Result<Found, SearchError> {
    let request = config.user_search.with_filter(config.user_filter.for_name(name).as_bytes());
    let searching = place.connection.search(&request, SIZE_LIMIT.into());
    let found = match timeout_at(deadline.instant().into(), searching).await {
        Err(_) => return Err(SearchError::Silent(fault::timeout(WHAT))),
        Ok(Err(SearchFailure(end))) => {
            let fault = fault::ended(WHAT, &end);
            return Err(if matches!(end, PipeEnd::Violation(_)) {
                SearchError::Violation(fault)
            } else {
                SearchError::Ended(fault)
            });
        }
        Ok(Ok(found)) => found,
    };
    let entries = found.entries.iter().map(|entry| checked(Entry::found(entry), config));
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(SearchError::Answered)?;
    let result = found.end.map(|(result, _)| result);
    // A limit that lets not even one entry through tells nothing about how many there are.
    let is_limited = result.as_ref().is_some_and(|result| result.code == SIZE_LIMIT_EXCEEDED);
    if entries.len() > 1 || (is_limited && !entries.is_empty()) {
        return Ok(Found::Several(entries.into_iter().map(|entry| entry.dn).collect()));
    }
    if let Some(result) = result
        && result.code != SUCCESS
    {
        let fault = result_code::search_fault(result.code, &result.diagnostic, config.is_anonymous());
        return Err(SearchError::Answered(fault));
    }
    Ok(entries.pop().map_or(Found::Nobody, |entry| Found::One(Box::new(entry))))
}

/// Two suffice to know that there is not one. The limit is not 1: slapd then answers 4 beside the entry.
const SIZE_LIMIT: u8 = 2;

/// The search for a user, but for the name.
pub(crate) fn user_search(base: &Dn, scope: Scope, attributes: &[String]) -> SearchTemplate {
    let scope = match scope {
        Scope::One => SearchScope::OneLevel,
        Scope::Sub => SearchScope::Subtree,
    };
    SearchTemplate::new(base.as_str(), scope, SIZE_LIMIT.into(), attributes)
}

/// Reads the base entry, or at least learns that it is there.
pub(crate) async fn read_base(
    connection: &ServiceConnection,
    config: &Config,
    deadline: Deadline,
) -> Result<(), Fault> {
    const WHAT: &str = "the search for the base DN";
    let query = Query {
        base: &config.base_dn,
        scope: ldap3::Scope::Base,
        filter: &SearchFilter::any_entry(),
        attributes: no_attributes(),
        options: options().sizelimit(1),
        controls: Vec::new(),
    };
    let search = async {
        let mut results = connection.search(query).await?;
        let mut entries = 0;
        loop {
            match results.next().await? {
                // There is one base: whoever sends more sends without end.
                Next::Entry(_) if entries == 1 => return Ok(None),
                Next::Entry(_) => entries += 1,
                Next::End(result) => return Ok::<_, LdapError>(Some(result)),
            }
        }
    };
    match timeout_at(deadline.instant().into(), search).await {
        Err(_) => Err(fault::timeout(WHAT)),
        Ok(Err(error)) => Err(fault::broken_search(WHAT, connection.end(), &error)),
        Ok(Ok(None)) => Err(fault::protocol_violation(format_args!("{WHAT}: the server sent more than one entry"))),
        Ok(Ok(Some(result))) if result.rc == SUCCESS => Ok(()),
        Ok(Ok(Some(result))) => Err(result_code::search_fault(result.rc, &result.text, config.is_anonymous())),
    }
}

/// Aliases are never followed (a bind would not follow them either), and values are wanted.
pub(crate) fn options() -> SearchOptions {
    SearchOptions::new().deref(DerefAliases::Never).typesonly(false)
}

pub(crate) fn scope(scope: Scope) -> ldap3::Scope {
    match scope {
        Scope::One => ldap3::Scope::OneLevel,
        Scope::Sub => ldap3::Scope::Subtree,
    }
}

/// `1.1` asks for no attributes (RFC 4511 section 4.5.1.8).
pub(crate) fn no_attributes() -> Arc<[String]> {
    Arc::new(["1.1".to_owned()])
}

/// The attributes that are asked for, each once: never all of them, which may be megabytes.
pub(crate) fn user_attributes(username: &[AttributeName], subject: &SubjectRule) -> Arc<[String]> {
    let names = username.iter().chain(subject.attributes()).map(AttributeName::as_str);
    let mut keys = HashSet::new();
    names
        .chain(Profile::attributes().map(|name| -> &str { name }))
        .filter(|name| keys.insert(directory_data::attribute_key(name)))
        .map(ToOwned::to_owned)
        .collect()
}

/// Makes sure that what was read is an entry that was asked for.
pub(crate) fn checked(read: Result<Entry, UnusableEntry>, config: &Config) -> Result<Entry, Fault> {
    let entry = read.map_err(|error| fault::protocol_violation(format_args!("the server sent {error}")))?;
    // Binding as the root's empty DN succeeds on most servers, and proves nothing.
    if entry.dn.is_empty() {
        return Err(fault::protocol_violation("the server sent an entry with an empty DN"));
    }
    if !config.is_in_scope(&entry.dn) {
        return Err(fault::protocol_violation(format_args!(
            "the server sent the entry {}, which lies outside of base_dn and scope",
            entry.dn
        )));
    }
    Ok(entry)
}
