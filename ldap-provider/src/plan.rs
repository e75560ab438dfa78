//! What the settings and the kind of the directory come to together: how users are found and read.

use std::collections::HashSet;
use std::sync::Arc;

use directory_data::{AttributeName, Dn, attribute_key};
use wire_guard::{SearchRequest, SearchTemplate};

use crate::account_state::StateRules;
use crate::filter::{Restriction, UserFilter};
use crate::groups::GroupPlan;
use crate::kind::{Kind, RootDse};
use crate::name::{CarriedName, NameRules};
use crate::profile::ProfileMap;
use crate::search;
use crate::settings::{Account, BindTemplate, Config, Scope};
use crate::subject::SubjectRule;

/// How users are found and read.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) base_dn: Dn,
    pub(crate) scope: Scope,
    pub(crate) names: NameRules,
    pub(crate) user_filter: UserFilter,
    /// What a login asks for of the user.
    pub(crate) user_attributes: Arc<[String]>,
    /// What a listing asks for of each user: what it shows, and no groups, of which each may have hundreds.
    pub(crate) listed_attributes: Arc<[String]>,
    /// The search for a user, but for the name.
    pub(crate) user_search: SearchTemplate,
    pub(crate) subject: SubjectRule,
    pub(crate) profile: ProfileMap,
    pub(crate) state: StateRules,
    /// `None` if nobody asks for groups.
    pub(crate) groups: Option<GroupPlan>,
    /// How many users are asked for at a time when they are listed.
    pub(crate) page_size: usize,
    pub(crate) contexts: Contexts,
    /// The setting of the filter, or what the kind has for it.
    pub(crate) filter_text: String,
}

/// What is known of how the directory is divided.
#[derive(Clone, Debug)]
pub(crate) struct Contexts {
    /// The naming context that users lie in.
    naming: Option<Dn>,
    /// Where Active Directory has what is common to all domains of a forest.
    pub(crate) configuration: Option<Dn>,
}

impl Contexts {
    /// `root_dse` is what the server says of itself, if it was asked. What it does not say is taken from the base DN: as if
    /// the domain were the only one of its forest.
    pub(crate) fn of(base_dn: &Dn, root_dse: Option<&RootDse>) -> Self {
        let said = root_dse.and_then(|root_dse| root_dse.naming_context_of(base_dn)).cloned();
        let naming = said.or_else(|| base_dn.domain());
        let said = root_dse.and_then(|root_dse| root_dse.configuration_context.clone());
        let usual = || {
            let domain = naming.as_ref().unwrap_or(base_dn);
            Dn::parse(&format!("CN=Configuration,{}", domain.as_str())).ok()
        };
        Self { configuration: said.or_else(usual), naming }
    }

    /// However they are spelt: nothing that follows from them compares DNs as text, nor does a server.
    fn are_same(&self, other: &Self) -> bool {
        let is_same = |one: &Option<Dn>, other: &Option<Dn>| match (one, other) {
            (Some(one), Some(other)) => one.is_same(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        is_same(&self.naming, &other.naming) && is_same(&self.configuration, &other.configuration)
    }
}

impl Plan {
    /// What follows for a directory of this kind, divided so.
    pub(crate) fn new(config: &Config, kind: Kind, contexts: Contexts) -> Self {
        let facts = kind.facts();
        let choices = &config.choices;
        let usernames = choices.username_attributes.clone().unwrap_or_else(|| named(facts.username_attributes));
        let scope = choices.scope.unwrap_or(facts.scope);
        let filter = choices.filter.clone().or_else(|| Restriction::parse(facts.filter).ok().flatten());
        let subject = choices.subject.as_ref().map_or_else(|| SubjectRule::first_of(facts.subject), SubjectRule::only);
        let known = contexts.naming.as_ref();
        let dns_domain = known.unwrap_or(&config.base_dn).dns_name().filter(|_| facts.has_windows_names);
        let profile = ProfileMap::new(&choices.profile, facts.display_name);
        let state = StateRules::new(facts, choices.expiry_warning);
        let groups = choices.groups.as_ref().map(|groups| GroupPlan::new(groups, facts, known, &config.base_dn));
        let listed = [
            usernames.iter().map(AttributeName::as_str).collect::<Vec<_>>(),
            subject.attributes().map(AttributeName::as_str).collect(),
            profile.listed_attributes().map(AttributeName::as_str).collect(),
            state.attributes().collect(),
        ]
        .concat();
        let wanted = [
            listed.clone(),
            profile.unlisted_attributes().map(AttributeName::as_str).collect(),
            groups.iter().flat_map(GroupPlan::user_attributes).collect(),
            config.bind_template.iter().flat_map(BindTemplate::user_attributes).collect(),
        ];
        let listed_attributes = each_once(listed.into_iter());
        let user_attributes = each_once(wanted.into_iter().flatten());
        Self {
            kind,
            scope,
            user_search: search::user_search(&config.base_dn, scope, &user_attributes),
            filter_text: filter.as_ref().map(|filter| filter.as_str().to_owned()).unwrap_or_default(),
            user_filter: UserFilter::new(filter, usernames.clone()),
            names: NameRules::new(usernames, facts.has_windows_names, dns_domain),
            user_attributes,
            listed_attributes,
            subject,
            profile,
            state,
            groups,
            page_size: facts.page_size,
            contexts,
            base_dn: config.base_dn.clone(),
        }
    }

    /// The DN of the domain or naming context that users lie in, as far as is known.
    pub(crate) fn naming_context(&self) -> &Dn {
        self.contexts.naming.as_ref().unwrap_or(&self.base_dn)
    }

    /// The search for whoever carries one of these names.
    pub(crate) fn search_for(&self, names: &[CarriedName<'_>]) -> SearchRequest {
        self.user_search.with_filter(self.user_filter.for_names(names).as_bytes())
    }

    /// How users are found in a directory of which nothing is known but the settings. If it is right, or asks for more than
    /// it would have to, [its search](Self::finds_what) need not be made again.
    pub(crate) fn guess(config: &Config) -> Self {
        // What is asked for in a directory of no known kind is whatever OpenLDAP and 389-DS are asked for, by the same filter.
        let kind = config.kind.unwrap_or(if has_windows_account(config) { Kind::ActiveDirectory } else { Kind::Other });
        Self::new(config, kind, Contexts::of(&config.base_dn, None))
    }

    /// What most likely follows once the server has said what it is.
    pub(crate) fn likely(config: &Config) -> Self {
        let kind = if has_windows_account(config) { Kind::ActiveDirectory } else { Kind::OpenLdap };
        Self::new(config, config.kind.unwrap_or(kind), Contexts::of(&config.base_dn, None))
    }

    /// Whether it is what follows, by the same settings, for a directory of this kind, divided so.
    pub(crate) fn is_for(&self, kind: Kind, contexts: &Contexts) -> bool {
        self.kind == kind && self.contexts.are_same(contexts)
    }

    /// Whether a search by this plan for these names finds what one by the other plan for its names would, attributes
    /// included.
    pub(crate) fn finds_what(&self, other: &Self, names: &[CarriedName<'_>], others: &[CarriedName<'_>]) -> bool {
        // As a rule they are written alike.
        let is_asked_for = |wanted: &String| {
            let is_same = |attribute: &String| attribute_key(attribute) == attribute_key(wanted);
            self.user_attributes.contains(wanted) || self.user_attributes.iter().any(is_same)
        };
        self.base_dn.is_same(&other.base_dn)
            && self.scope == other.scope
            && self.user_filter.for_names(names) == other.user_filter.for_names(others)
            && other.user_attributes.iter().all(is_asked_for)
    }

    /// Whether a user of this DN can be one that was searched for: a server that answers with somebody else's entry
    /// would log that one in.
    pub(crate) fn is_in_scope(&self, dn: &Dn) -> bool {
        match (dn.levels_below(&self.base_dn), self.scope) {
            (Some(levels), Scope::One) => levels == 1,
            (levels, Scope::Sub) => levels.is_some(),
            (None, Scope::One) => false,
        }
    }

    /// What follows, for an administrator to read.
    pub(crate) fn consequences(&self) -> String {
        let list = |names: &[AttributeName]| names.iter().map(AttributeName::as_str).collect::<Vec<_>>().join(", ");
        let subject: Vec<_> = self.subject.attributes().cloned().collect();
        let filter = if self.filter_text.is_empty() { "no filter" } else { &self.filter_text };
        let scope = match self.scope {
            Scope::One => "immediately below base_dn",
            Scope::Sub => "in and below base_dn",
        };
        let groups = self.groups.as_ref().map_or_else(|| "not asked for".to_owned(), ToString::to_string);
        format!(
            "names are looked for in {}{}, {scope}, with {filter}; the id is {}; groups: {groups}",
            list(self.names.attributes()),
            if self.names.has_windows_names() { r" (also as DOMAIN\user and user@domain)" } else { "" },
            list(&subject),
        )
    }
}

/// Whether the service account's name is written as Windows writes names.
fn has_windows_account(config: &Config) -> bool {
    matches!(&config.account, Account::Service(name, _) if name.as_str().contains(['@', '\\']))
}

/// The attributes of these names, all of which are written in this program and are names.
pub(crate) fn named(names: &[&str]) -> Vec<AttributeName> {
    names.iter().filter_map(|name| AttributeName::parse(name).ok()).collect()
}

/// The attributes that are asked for, each once: never all that an entry has, which may be megabytes.
fn each_once<'a>(names: impl Iterator<Item = &'a str>) -> Arc<[String]> {
    let mut keys = HashSet::new();
    names.filter(|name| keys.insert(attribute_key(name))).map(ToOwned::to_owned).collect()
}
