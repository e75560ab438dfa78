//! The settings: what an administrator writes, and what becomes of it.

mod bind_template;
mod choices;
mod config;
#[cfg(test)]
mod config_tests;
mod duration;
mod hosts;
mod names;
mod one_or_many;
mod server;

use directory_data::AttributeName;
use provider_api::{Fault, Secret};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use bind_template::{BindTemplate, Rendered};
pub(crate) use choices::{Choices, GroupChoices, ProfileChoices};
pub(crate) use config::{Account, Config};
use hosts::Hosts;
use names::OneOrMany;

use crate::groups::Source;
use crate::kind::Kind;

/// Settings of the LDAP provider. The first ten are those of the LDAP page of RustDesk Server Pro.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "they are what an administrator writes")]
pub struct Settings {
    /// The directory server: a host name, an IP address, or a URL that begins with ldap:// or ldaps://. A name
    /// without a scheme is spoken to by plain LDAP unless `start_tls` is on. Or several servers of one directory, as a
    /// list or with commas between them, in the order in which they are preferred: the next one is asked when one does
    /// not answer.
    pub host: Hosts,
    /// The port of each server that does not name its own; refused if each names another. By default 389, and 636 for
    /// ldaps://.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// The DN below which users are searched for, such as ou=people,dc=example,dc=com.
    pub base_dn: String,
    /// How deep users are searched for: `one` finds those immediately below the base DN, `sub` finds the base itself
    /// and everything below it. By default `one`, and `sub` in Active Directory, Samba, FreeIPA and lldap.
    #[serde(default)]
    pub scope: Option<Scope>,
    /// The service account that searches for users: a DN, or for Active Directory also user@domain or DOMAIN\user.
    /// Without it the search is anonymous.
    #[serde(default)]
    pub bind_dn: Option<String>,
    /// The password of the service account.
    #[serde(default)]
    pub bind_password: Option<Secret>,
    /// A filter that users must match beside their name, with or without outer parentheses, such as
    /// (&(objectClass=person)(!(description=guest))). By default none, and in Active Directory and Samba
    /// (&(objectCategory=person)(objectClass=user)), in FreeIPA and lldap (objectClass=person).
    #[serde(default)]
    pub filter: Option<String>,
    /// The attribute that a typed name is looked for in, or a list of them, such as uid and mail. By default uid and cn,
    /// in FreeIPA and lldap uid, in Active Directory and Samba sAMAccountName and userPrincipalName. Where
    /// sAMAccountName is among them, Active Directory's other names for it are too: DOMAIN\user and user@dns.domain.
    #[serde(default)]
    pub username_attribute: Option<OneOrMany>,
    /// Which directory server it is. By default `auto`: it is asked. What follows from it, a validation tells; every
    /// other setting overrules it.
    #[serde(default)]
    #[schemars(extend("default" = "auto"))]
    pub directory: DirectoryChoice,
    /// Logs people in without a search as the service account: what they type becomes the DN or the name that they bind
    /// as, and their entry is read as them. A DN such as uid={username},ou=people,dc=example,dc=com, or for Active
    /// Directory {username}@example.com. Listing users still takes a service account.
    #[serde(default)]
    pub bind_template: Option<String>,
    /// Whether the connection begins in the clear and becomes TLS before anything else is said. Not together with
    /// ldaps://.
    #[serde(default)]
    pub start_tls: bool,
    /// Switches the checks of the server's certificate and of its name off, for this provider instance alone. Whoever
    /// can redirect the connection can then read passwords.
    #[serde(default)]
    pub no_tls_verify: bool,
    /// A file with certificates in PEM that are trusted beside the system's: the CA's, or the server's own if it is
    /// self-signed. A file that is replaced is picked up within some seconds.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// The name that the server's certificate has to carry, if it is not the host.
    #[serde(default)]
    pub tls_server_name: Option<String>,
    /// Refuses settings by which passwords would travel unprotected: plain LDAP, and `no_tls_verify`.
    #[serde(default)]
    pub require_tls: bool,
    /// The attribute that holds the immutable id of a person, which accounts are keyed by. By default entryUUID in
    /// OpenLDAP, objectGUID in Active Directory and Samba, nsUniqueId in 389-DS, ipaUniqueID in FreeIPA, elsewhere the
    /// first that an entry has of entryUUID, objectGUID, nsUniqueId, ipaUniqueID and GUID. A change would make other
    /// accounts of the same people, so hosts refuse it.
    #[serde(default)]
    pub subject_attribute: Option<String>,
    /// Where the groups of a person come from: `none`, `auto` for what suits the directory, `member_of` for the entry's
    /// own memberOf, `search` for the groups that have it as member, uniqueMember or memberUid, `token_groups` or
    /// `in_chain` for Active Directory's ways. By default `none`, and `auto` if `required_groups` or `denied_groups` are
    /// set.
    #[serde(default)]
    pub groups: Option<GroupsChoice>,
    /// Whether the groups of a person's groups count. By default they do.
    #[serde(default = "yes")]
    pub nested_groups: bool,
    /// The DN below which groups are searched for; what lies elsewhere counts for nothing. By default the naming context
    /// that `base_dn` lies in.
    #[serde(default)]
    pub group_base_dn: Option<String>,
    /// The DN of a group, or a list of them: who is in none of them may not log in, nor anybody while it cannot be told.
    #[serde(default)]
    pub required_groups: Option<OneOrMany>,
    /// The DN of a group, or a list of them: who is in one of them may not log in, nor anybody while it cannot be told.
    #[serde(default)]
    pub denied_groups: Option<OneOrMany>,
    /// How long before its end an accepted login is told that the password expires: a number with s, m, h or d. 0s for
    /// never.
    #[serde(default = "duration::default_warning")]
    pub password_expiry_warning: String,
    /// The attribute of the name to show, or a list of them of which the first that is there counts. By default
    /// displayName and cn.
    #[serde(default)]
    pub display_name_attribute: Option<OneOrMany>,
    /// The attribute of the given name, or a list of them. By default givenName.
    #[serde(default)]
    pub given_name_attribute: Option<OneOrMany>,
    /// The attribute of the family name, or a list of them. By default sn.
    #[serde(default)]
    pub family_name_attribute: Option<OneOrMany>,
    /// The attribute of the mail address, or a list of them. By default mail.
    #[serde(default)]
    pub email_attribute: Option<OneOrMany>,
    /// The attribute of the telephone number, or a list of them. By default telephoneNumber and mobile.
    #[serde(default)]
    pub phone_attribute: Option<OneOrMany>,
    /// Further attributes whose values are handed to the host, at most 16.
    #[serde(default)]
    pub extra_attributes: Option<OneOrMany>,
    /// How passwords of users are tried: `pooled` on connections that carry nothing else and are used again, `fresh` on
    /// a new connection each, which costs a handshake a login. By default `pooled`.
    #[serde(default)]
    #[schemars(extend("default" = "pooled"))]
    pub user_binds: UserBinds,
    /// The longest that a login may take, all of its steps and servers together, and that each step of a validation or page of a
    /// listing may take: a number with ms, s or m, from 50ms to 10m. By default 8s.
    #[serde(default = "duration::default_timeout")]
    pub timeout: String,
}

/// How deep users are searched for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Immediately below the base DN.
    #[default]
    One,
    /// The base DN itself and everything below it.
    Sub,
}

/// How passwords of users are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UserBinds {
    /// On connections that carry binds of users and nothing else, one after the other.
    #[default]
    Pooled,
    /// Each on a new connection.
    Fresh,
}

/// Which directory server it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DirectoryChoice {
    /// It is asked.
    #[default]
    Auto,
    /// Active Directory.
    ActiveDirectory,
    /// A Samba domain controller.
    Samba,
    /// `OpenLDAP`.
    Openldap,
    /// 389 Directory Server.
    #[serde(rename = "389ds")]
    Dirsrv389,
    /// `FreeIPA`.
    Freeipa,
    /// lldap.
    Lldap,
    /// None of those.
    Other,
}

impl DirectoryChoice {
    /// The kind, unless it is asked.
    pub(crate) fn kind(self) -> Option<Kind> {
        Some(match self {
            Self::Auto => return None,
            Self::ActiveDirectory => Kind::ActiveDirectory,
            Self::Samba => Kind::Samba,
            Self::Openldap => Kind::OpenLdap,
            Self::Dirsrv389 => Kind::Dirsrv389,
            Self::Freeipa => Kind::FreeIpa,
            Self::Lldap => Kind::Lldap,
            Self::Other => Kind::Other,
        })
    }
}

/// Where the groups of a person come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupsChoice {
    /// Nobody asks for them.
    None,
    /// What suits the directory.
    Auto,
    /// The entry's own `memberOf`.
    MemberOf,
    /// The groups that have it as a member.
    Search,
    /// Active Directory's `tokenGroups`: the security groups of a person, the primary group and nested ones among them.
    TokenGroups,
    /// Active Directory's rule of membership in a chain.
    InChain,
}

impl GroupsChoice {
    /// The source, if it is one and the administrator has chosen it.
    pub(crate) fn source(self) -> Option<Source> {
        match self {
            Self::None | Self::Auto => None,
            Self::MemberOf => Some(Source::MemberOf),
            Self::Search => Some(Source::Search),
            Self::TokenGroups => Some(Source::TokenGroups),
            Self::InChain => Some(Source::InChain),
        }
    }
}

fn yes() -> bool {
    true
}

/// A setting that is there and not blank: a form sends its empty fields too.
fn present(setting: Option<&str>) -> Option<&str> {
    setting.map(str::trim).filter(|text| !text.is_empty())
}

fn attribute(key: &str, text: &str) -> Result<AttributeName, Fault> {
    AttributeName::parse(text.trim()).map_err(|error| Fault::setting(key, error))
}
