use ldap3_proto::proto::{LdapResultCode, LdapSearchRequest, LdapSearchResultEntry, LdapSearchScope};

use super::dn::Dn;
use super::entry::Entry;
use super::filter::matches;

/// The one extension that this directory has: simple paged results (RFC 2696).
pub(super) const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";

/// All entries. Built once, then only read.
#[derive(Debug)]
pub(super) struct Tree {
    entries: Vec<Entry>,
    root: Entry,
}

/// What a search found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) entries: Vec<LdapSearchResultEntry>,
    pub(super) code: LdapResultCode,
}

impl Tree {
    /// A tree of entries; the first one is the naming context. `None` without one.
    pub(super) fn new(entries: Vec<Entry>, naming_context: &str) -> Option<Self> {
        // The root DSE (RFC 4512 section 5.1): what a client can learn before it logs in.
        let root = Entry::new("")?
            .with("objectClass", "top")
            .with_operational("namingContexts", naming_context)
            .with_operational("supportedLDAPVersion", "3")
            .with_operational("supportedControl", PAGED_RESULTS)
            .with_operational("vendorName", "host-harness demo");
        Some(Self { entries, root })
    }

    /// The entry of this name.
    pub(super) fn entry(&self, name: &Dn) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name() == name)
    }

    /// Answers a search of somebody who is bound; who is not may read the root DSE alone.
    pub(super) fn search(&self, request: &LdapSearchRequest, is_bound: bool) -> Found {
        let Some(base) = Dn::parse(&request.base) else { return Found::nothing(LdapResultCode::InvalidDNSyntax) };
        let within: Vec<&Entry> = if base.is_root() && request.scope == LdapSearchScope::Base {
            vec![&self.root]
        } else if !is_bound {
            return Found::nothing(LdapResultCode::InsufficentAccessRights);
        } else if self.entry(&base).is_none() {
            return Found::nothing(LdapResultCode::NoSuchObject);
        } else {
            self.entries.iter().filter(|entry| is_within(entry.name(), &base, &request.scope)).collect()
        };
        let mut matching = within.into_iter().filter(|entry| matches(&request.filter, entry) == Some(true));
        // 0 is no limit.
        let limit = usize::try_from(request.sizelimit).ok().filter(|&limit| limit > 0).unwrap_or(usize::MAX);
        let entries =
            matching.by_ref().take(limit).map(|entry| entry.shown(&request.attrs, request.typesonly)).collect();
        let code = if matching.next().is_some() { LdapResultCode::SizeLimitExceeded } else { LdapResultCode::Success };
        Found { entries, code }
    }
}

impl Found {
    fn nothing(code: LdapResultCode) -> Self {
        Self { entries: Vec::new(), code }
    }
}

fn is_within(name: &Dn, base: &Dn, scope: &LdapSearchScope) -> bool {
    let Some(levels) = name.levels_below(base) else { return false };
    match scope {
        LdapSearchScope::Base => levels == 0,
        LdapSearchScope::OneLevel => levels == 1,
        LdapSearchScope::Subtree => true,
        LdapSearchScope::Children => levels > 0,
    }
}
