use super::Kind;
use crate::groups::Source;
use crate::settings::Scope;

/// What is known of a kind of server.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The attributes that a typed name is looked for in.
    pub(crate) username_attributes: &'static [&'static str],
    /// How deep users usually are.
    pub(crate) scope: Scope,
    /// What users have to match, for those who have set no filter.
    pub(crate) filter: &'static str,
    /// Whether `DOMAIN\user` and `user@dns.domain` are names for whoever has the `sAMAccountName`.
    pub(crate) has_windows_names: bool,
    /// The attributes that may hold a person's immutable id: the first that an entry has decides.
    pub(crate) subject: &'static [&'static str],
    /// What is shown as a person's name.
    pub(crate) display_name: &'static [&'static str],
    /// Where the groups of a person are found.
    pub(crate) groups: Source,
    /// Which groups an entry's `memberOf` has.
    pub(crate) member_of: MemberOf,
    /// Whether the server says that a password has expired only after it has found it right.
    pub(crate) judges_age_last: bool,
    /// An attribute by which an entry is found by its DN, so that several are read at once.
    pub(crate) dn_attribute: Option<&'static str>,
    /// What an entry says about whether its owner may log in.
    pub(crate) state: &'static [StateSource],
    /// How many users are asked for at a time when they are listed.
    pub(crate) page_size: usize,
}

/// Which groups an entry's `memberOf` has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberOf {
    /// Those that it is a member of.
    Direct,
    /// The groups of its groups too.
    Transitive,
    /// Those that it is a member of, and there are no others: groups are no members of groups.
    All,
}

/// Attributes of an entry that say whether its owner may log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateSource {
    /// `userAccountControl` and its computed form, `accountExpires`, `pwdLastSet`, `msDS-UserPasswordExpiryTimeComputed`.
    ActiveDirectory,
    /// `pwdAccountLockedTime`, `pwdStartTime`, `pwdEndTime` (draft-behera-ldap-password-policy-10 section 5.3).
    PasswordPolicy,
    /// `nsAccountLock`.
    NsAccountLock,
    /// `krbPrincipalExpiration`, `krbPasswordExpiration`.
    Kerberos,
    /// `shadowExpire` (RFC 2307 section 3).
    Shadow,
}

/// Below the size limits that servers usually have: 389-DS answers 4 to a page as large as its limit (measured with 500).
/// Below 250, listing gets slower (measured).
const USUAL_PAGE: usize = 250;

const WINDOWS: Facts = Facts {
    username_attributes: &["sAMAccountName", "userPrincipalName"],
    scope: Scope::Sub,
    // Groups and computers have a sAMAccountName as well.
    filter: "(&(objectCategory=person)(objectClass=user))",
    has_windows_names: true,
    subject: &["objectGUID"],
    display_name: &["displayName", "cn"],
    groups: Source::TokenGroups,
    member_of: MemberOf::Direct,
    judges_age_last: true,
    dn_attribute: Some("distinguishedName"),
    state: &[StateSource::ActiveDirectory],
    page_size: USUAL_PAGE,
};

const OPENLDAP: Facts = Facts {
    username_attributes: &["uid", "cn"],
    scope: Scope::One,
    filter: "",
    has_windows_names: false,
    subject: &["entryUUID"],
    display_name: &["displayName", "cn"],
    groups: Source::Search,
    member_of: MemberOf::Direct,
    judges_age_last: true,
    dn_attribute: Some("entryDN"),
    state: &[StateSource::PasswordPolicy, StateSource::Shadow],
    page_size: USUAL_PAGE,
};

const DIRSRV_389: Facts = Facts {
    // Each entry has it. entryUUID is there since version 2 and only where it was switched on, so that people would become
    // others on the day it is.
    subject: &["nsUniqueId"],
    // Measured: transitive, if the plugin for it is on. Whether it is cannot be seen, so that `member` is what counts.
    member_of: MemberOf::Transitive,
    state: &[StateSource::NsAccountLock, StateSource::Shadow],
    ..OPENLDAP
};

/// From its documents; never run against one.
const FREEIPA: Facts = Facts {
    subject: &["ipaUniqueID"],
    username_attributes: &["uid"],
    scope: Scope::Sub,
    filter: "(objectClass=person)",
    groups: Source::MemberOf,
    state: &[StateSource::NsAccountLock, StateSource::Kerberos],
    ..DIRSRV_389
};

/// From its documents; never run against one.
const LLDAP: Facts = Facts {
    username_attributes: &["uid"],
    scope: Scope::Sub,
    filter: "(objectClass=person)",
    subject: crate::subject::KNOWN,
    groups: Source::MemberOf,
    member_of: MemberOf::All,
    dn_attribute: None,
    state: &[],
    ..OPENLDAP
};

const OTHER: Facts = Facts {
    subject: crate::subject::KNOWN,
    dn_attribute: None,
    // ApacheDS looks at the age of a password before it compares it.
    judges_age_last: false,
    state: &[StateSource::PasswordPolicy, StateSource::NsAccountLock, StateSource::Shadow],
    ..OPENLDAP
};

impl Kind {
    /// What is known of it.
    pub(crate) fn facts(self) -> &'static Facts {
        match self {
            Self::ActiveDirectory | Self::Samba => &WINDOWS,
            Self::OpenLdap => &OPENLDAP,
            Self::Dirsrv389 => &DIRSRV_389,
            Self::FreeIpa => &FREEIPA,
            Self::Lldap => &LLDAP,
            Self::Other => &OTHER,
        }
    }
}

#[cfg(test)]
mod tests {
    use directory_data::AttributeName;

    use super::Kind;
    use crate::filter::Restriction;

    #[test]
    fn every_fact_can_be_used() {
        for kind in Kind::ALL {
            let facts = kind.facts();
            let names = [facts.username_attributes, facts.subject, facts.display_name].concat();
            for name in names.into_iter().chain(facts.dn_attribute) {
                assert!(AttributeName::parse(name).is_ok(), "{kind}: {name}");
            }
            assert!(Restriction::parse(facts.filter).is_ok(), "{kind}: {}", facts.filter);
        }
    }
}
