//! The groups of a person: where they are looked for, how far, and what follows from them.
//!
//! Whatever is not known fails closed: a search that fails, a limit that is reached and a value that cannot be read let
//! nobody in.

mod chain;
mod found;
mod member_of;
mod members;
mod primary;
mod tokens;

use std::collections::HashSet;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use directory_data::{AttributeName, Dn};
use provider_api::{Fault, Group, RejectReason, Rejection, UserCode};

use wire_guard::SearchScope;

pub(crate) use found::FoundGroups;

use crate::entry::Entry;
use crate::filter::EncodedFilter;
use crate::kind::{Facts, MemberOf};
use crate::lock::lock;
use crate::search::{EntryQuery, Searcher};
use crate::settings::GroupChoices;
use crate::subject::SubjectRule;

/// How many groups one person may be in.
pub(crate) const MOST_GROUPS: usize = 1_000;

/// How deep groups may lie in groups.
const MOST_LEVELS: usize = 10;

/// How many searches one login may cost.
const MOST_SEARCHES: usize = 50;

/// For how long denied groups are taken to be there once they were seen.
const SEEN_FOR: Duration = Duration::from_mins(1);

/// How many groups one search asks about.
const AT_ONCE: usize = 500;

/// Where the groups of a person come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The entry's own `memberOf`, and that of its groups.
    MemberOf,
    /// The groups that have it as `member`, `uniqueMember` or `memberUid`, and those that have these.
    Search,
    /// Active Directory's `tokenGroups`: security groups, with the primary group and nested ones (MS-ADTS section
    /// 3.1.1.4.5.19).
    TokenGroups,
    /// Active Directory's rule of membership in a chain (MS-ADTS section 3.1.1.3.4.4.3).
    InChain,
}

/// How groups are looked for.
#[derive(Debug)]
pub(crate) struct GroupPlan {
    source: Source,
    nested: bool,
    base: Dn,
    required: Vec<Dn>,
    denied: Vec<Dn>,
    /// Why groups cannot be looked for in this directory as they are set: then nobody is let in.
    unusable: Option<Fault>,
    id: SubjectRule,
    /// What is asked for of each group.
    attributes: Vec<String>,
    /// The attributes in which groups have their members by DN.
    member_attributes: &'static [&'static str],
    /// Whether there may be groups as RFC 2307 has them.
    has_posix_groups: bool,
    has_primary_group: bool,
    member_of: MemberOf,
    dn_attribute: Option<&'static str>,
    /// Whether the groups that nested ones lie in were too many for one search.
    nesting_is_too_large: AtomicBool,
    /// When the denied groups were last seen to be there by the service account.
    denied_seen: Mutex<Option<Instant>>,
}

impl GroupPlan {
    /// What follows from the administrator's choices and from what is known of the directory.
    pub(crate) fn new(choices: &GroupChoices, facts: &Facts, naming_context: Option<&Dn>, base_dn: &Dn) -> Self {
        let source = match choices.source.unwrap_or(facts.groups) {
            // It has all groups or none.
            Source::TokenGroups if !choices.nested => Source::MemberOf,
            // It does not tell which of them are nested.
            Source::MemberOf if !choices.nested && facts.member_of == MemberOf::Transitive => Source::Search,
            source => source,
        };
        let base = choices.base.as_ref().or(naming_context);
        let unusable = unusable(choices, source, facts, base);
        let id = SubjectRule::first_of(facts.subject);
        let is_windows = facts.has_windows_names;
        let walks_by_member_of = source == Source::MemberOf && choices.nested && facts.member_of == MemberOf::Direct;
        let mut attributes: Vec<_> = id.attributes().map(|name| name.as_str().to_owned()).collect();
        attributes.push("cn".to_owned());
        attributes.extend(is_windows.then(|| primary::OBJECT_SID.to_owned()));
        attributes.extend(walks_by_member_of.then(|| member_of::MEMBER_OF.to_owned()));
        Self {
            source,
            nested: choices.nested,
            base: base.unwrap_or(base_dn).clone(),
            required: choices.required.clone(),
            denied: choices.denied.clone(),
            unusable,
            id,
            attributes,
            member_attributes: if is_windows { &["member"] } else { &["member", "uniqueMember"] },
            has_posix_groups: !is_windows,
            has_primary_group: is_windows,
            member_of: facts.member_of,
            dn_attribute: facts.dn_attribute,
            nesting_is_too_large: AtomicBool::new(false),
            denied_seen: Mutex::default(),
        }
    }

    /// What has to be asked for of each user.
    pub(crate) fn user_attributes(&self) -> impl Iterator<Item = &str> {
        let primary = self.has_primary_group && self.source != Source::TokenGroups;
        let posix = self.has_posix_groups && self.source == Source::Search;
        primary::ATTRIBUTES
            .into_iter()
            .filter(move |_| primary)
            .chain((self.source == Source::MemberOf).then_some(member_of::MEMBER_OF))
            .chain(members::POSIX_ATTRIBUTES.into_iter().filter(move |_| posix))
    }

    /// The DNs of groups that decide over logins, and whether they deny them.
    pub(crate) fn deciding(&self) -> impl Iterator<Item = (&Dn, bool)> {
        let required = self.required.iter().map(|dn| (dn, false));
        required.chain(self.denied.iter().map(|dn| (dn, true)))
    }

    /// Whether groups can be looked for at all.
    pub(crate) fn usable(&self) -> Result<(), Fault> {
        self.unusable.clone().map_or(Ok(()), Err)
    }

    /// Whether membership in some group keeps people out.
    fn denies(&self) -> bool {
        !self.denied.is_empty()
    }

    /// Makes sure that the denied groups are there: one that is not, or that this search cannot see, would deny nobody.
    /// What the service account has seen holds for [`SEEN_FOR`]: a group may be renamed, and its members with it.
    async fn see_denied(&self, searcher: &Searcher<'_>) -> Result<(), Fault> {
        let began = Instant::now();
        let seen = *lock(&self.denied_seen);
        let is_fresh = seen.is_some_and(|seen| began.duration_since(seen) < SEEN_FOR);
        if !self.denies() || (searcher.is_shared() && is_fresh) {
            return Ok(());
        }
        for dn in &self.denied {
            let query = EntryQuery {
                base: dn,
                scope: SearchScope::Base,
                filter: &EncodedFilter::has("objectClass"),
                attributes: &[GROUP_TYPE],
                most: 1,
            };
            let answer = searcher.search(&query, "the search for a denied group").await?;
            let found = answer.entries.first();
            let what = match found {
                None => "is not there, or cannot be seen by who searches",
                Some(group) if self.finds_security_groups_alone() && !is_security_group(group) => {
                    "is a distribution group, which tokenGroups does not have: set groups to in_chain"
                }
                Some(_) => continue,
            };
            let message = format!("has {dn}, which {what}; nobody is let in while it cannot be told who is in it");
            return Err(Fault::setting("denied_groups", message));
        }
        if searcher.is_shared() {
            *lock(&self.denied_seen) = Some(began);
        }
        Ok(())
    }

    /// Whether only groups that have security descriptors granted to them are found.
    pub(crate) fn finds_security_groups_alone(&self) -> bool {
        self.source == Source::TokenGroups
    }

    /// Looks for the groups of an entry.
    ///
    /// # Errors
    ///
    /// When it is not known that these are all.
    pub(crate) async fn of(&self, entry: &Entry, searcher: &Searcher<'_>) -> Result<FoundGroups, Fault> {
        self.usable()?;
        self.see_denied(searcher).await?;
        match self.source {
            Source::TokenGroups => tokens::look_up(self, entry, searcher).await,
            Source::InChain => chain::look_up(self, entry, searcher).await,
            Source::Search => members::look_up(self, entry, searcher).await,
            Source::MemberOf => member_of::look_up(self, entry, searcher).await,
        }
    }

    /// Whether somebody in these groups may log in. Asked after the password was proven right.
    pub(crate) fn decide(&self, groups: &FoundGroups) -> Result<(), Rejection> {
        let refused = |reason, message: String| {
            Err(Rejection::new(reason, message).telling_the_user(UserCode::LOGON_NOT_ALLOWED))
        };
        // What might be meant is denied.
        let might_be =
            if self.denied.is_empty() { HashSet::new() } else { groups.dns().map(Dn::generous_key).collect() };
        if let Some(denied) = self.denied.iter().find(|denied| might_be.contains(&denied.generous_key())) {
            return refused(RejectReason::IN_DENIED_GROUP, format!("is in the denied group {denied}"));
        }
        if self.required.is_empty() || self.required.iter().any(|required| groups.contains(required)) {
            return Ok(());
        }
        let required: Vec<_> = self.required.iter().map(ToString::to_string).collect();
        let message = format!("is in none of the required groups ({}), but {}", required.join("; "), groups.shown());
        refused(RejectReason::NOT_IN_REQUIRED_GROUP, message)
    }

    /// The group of an entry.
    fn read(&self, entry: &Entry) -> Group {
        let mut group = found::by_dn(&entry.dn);
        if let Some(name) = crate::profile::name_of(entry) {
            group.name = name;
        }
        group.id = self.id.of(entry).ok().map(|subject| subject.id);
        group
    }
}

/// Bit 0x80000000 of it marks security groups (MS-ADTS section 2.2.12), and makes the number negative.
pub(crate) const GROUP_TYPE: &str = "groupType";

/// Whether a group of Active Directory is one that rights can be granted to.
pub(crate) fn is_security_group(group: &Entry) -> bool {
    AttributeName::parse(GROUP_TYPE).is_ok_and(|name| group.texts(&name).any(|number| number.starts_with('-')))
}

/// What keeps groups from being looked for, where that would let in who should not be.
fn unusable(choices: &GroupChoices, source: Source, facts: &Facts, base: Option<&Dn>) -> Option<Fault> {
    // Others answer that nobody is in any group.
    if matches!(source, Source::TokenGroups | Source::InChain) && !facts.has_windows_names {
        let message = "asks in Active Directory's way, which this directory does not know; leave it out, or use search";
        return Some(Fault::setting("groups", message));
    }
    let Some(base) = base else {
        let message = "is missing, and the directory does not say where its groups could be; write the DN above them";
        return Some(Fault::setting("group_base_dn", message));
    };
    let lists = [("required_groups", &choices.required), ("denied_groups", &choices.denied)];
    lists.into_iter().find_map(|(key, dns)| {
        let outside = dns.iter().find(|dn| dn.levels_below(base).is_none())?;
        let message =
            format!("has {outside}, which does not lie below {base}, where groups are looked for; set group_base_dn");
        Some(Fault::setting(key, message))
    })
}

impl fmt::Display for GroupPlan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match self.source {
            Source::MemberOf => "memberOf",
            Source::Search if self.has_posix_groups => "member, uniqueMember and memberUid of groups",
            Source::Search => "member of groups",
            Source::TokenGroups => "tokenGroups",
            Source::InChain => "membership in a chain",
        };
        let nested = if self.nested { ", nested ones too" } else { "" };
        write!(formatter, "by {source}{nested}, below {}", self.base)
    }
}

#[cfg(test)]
mod tests;
