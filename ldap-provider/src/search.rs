use ldap3::{DerefAliases, ResultEntry, SearchOptions, SearchStream};
use provider_api::{Deadline, Fault};
use tokio::time::timeout_at;

use crate::attribute::{self, AttributeName};
use crate::directory::ServiceConnection;
use crate::dn::Dn;
use crate::entry::{Entry, UnusableEntry};
use crate::fault;
use crate::filter::SearchFilter;
use crate::profile::Profile;
use crate::result_code::{self, SIZE_LIMIT_EXCEEDED, SUCCESS};
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

/// A search under way.
pub(crate) type Results = SearchStream<'static, String, Vec<String>>;

const WHAT: &str = "the search for the user";

/// Looks for the one entry that carries a name.
pub(crate) async fn find_user(
    connection: &mut ServiceConnection,
    config: &Config,
    name: &str,
    anonymous: bool,
    deadline: Deadline,
) -> Result<Found, Fault> {
    let search = async {
        // Two suffice to know that there is not one. The limit is not 1: slapd then answers 4 beside the entry.
        let options = options().sizelimit(2);
        let filter = config.user_filter.for_name(name);
        let ldap = connection.ldap.with_search_options(options);
        let mut results = ldap
            .streaming_search(config.base_dn.as_str(), scope(config.scope), filter.as_str(), user_attributes(config))
            .await?;
        let mut items = Vec::new();
        // A server that ignores the limit is not listened to any further.
        while items.len() < 3 {
            match connection.next(&mut results).await? {
                Some(item) if item.is_ref() || item.is_intermediate() => {}
                Some(item) => items.push(item),
                None => break,
            }
        }
        Ok::<_, ldap3::LdapError>((items, results.finish().await))
    };
    let (items, result) = match timeout_at(deadline.instant().into(), search).await {
        Err(_) => return Err(fault::timeout(WHAT)),
        Ok(Err(error)) => return Err(fault::broken_search(WHAT, connection.end(), &error)),
        Ok(Ok(found)) => found,
    };
    let mut entries = entries(items, config)?;
    // A limit that lets not even one entry through tells nothing about how many there are.
    if entries.len() > 1 || (result.rc == SIZE_LIMIT_EXCEEDED && !entries.is_empty()) {
        return Ok(Found::Several(entries.into_iter().map(|entry| entry.dn).collect()));
    }
    if result.rc != SUCCESS {
        return Err(result_code::search_fault(result.rc, &result.text, anonymous));
    }
    Ok(entries.pop().map_or(Found::Nobody, |entry| Found::One(Box::new(entry))))
}

/// Reads the base entry, or at least learns that it is there.
pub(crate) async fn read_base(
    connection: &mut ServiceConnection,
    config: &Config,
    anonymous: bool,
    deadline: Deadline,
) -> Result<(), Fault> {
    const WHAT: &str = "the search for the base DN";
    let search = async {
        // `1.1` asks for no attributes (RFC 4511 section 4.5.1.8).
        let attributes = vec!["1.1".to_owned()];
        let filter = SearchFilter::any_entry();
        let ldap = connection.ldap.with_search_options(options().sizelimit(1));
        let mut results =
            ldap.streaming_search(config.base_dn.as_str(), ldap3::Scope::Base, filter.as_str(), attributes).await?;
        while connection.next(&mut results).await?.is_some() {}
        Ok::<_, ldap3::LdapError>(results.finish().await)
    };
    match timeout_at(deadline.instant().into(), search).await {
        Err(_) => Err(fault::timeout(WHAT)),
        Ok(Err(error)) => Err(fault::broken_search(WHAT, connection.end(), &error)),
        Ok(Ok(result)) if result.rc == SUCCESS => Ok(()),
        Ok(Ok(result)) => Err(result_code::search_fault(result.rc, &result.text, anonymous)),
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

/// The attributes that are asked for, each once: never all of them, which may be megabytes.
pub(crate) fn user_attributes(config: &Config) -> Vec<String> {
    let names = config.username_attributes.iter().chain(config.subject.attributes()).map(AttributeName::as_str);
    let mut wanted: Vec<String> = Vec::new();
    for name in names.chain(Profile::attributes().map(|name| -> &str { name })) {
        if !wanted.iter().any(|other| attribute::is_same(other, name)) {
            wanted.push(name.to_owned());
        }
    }
    wanted
}

fn entries(items: Vec<ResultEntry>, config: &Config) -> Result<Vec<Entry>, Fault> {
    let mut entries = Vec::new();
    for item in items {
        if let Some(entry) = checked(Entry::read(item), config)? {
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// Makes sure that what was read is an entry that was asked for; `None` for what is not an entry.
pub(crate) fn checked(read: Result<Option<Entry>, UnusableEntry>, config: &Config) -> Result<Option<Entry>, Fault> {
    let read = read.map_err(|error| fault::protocol_violation(format_args!("the server sent {error}")))?;
    let Some(entry) = read else { return Ok(None) };
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
    Ok(Some(entry))
}
