//! The LDAP provider: logs people in with the accounts of a directory (OpenLDAP, Active Directory, Samba, 389-DS,
//! FreeIPA, lldap).
//!
//! A login is a search for the name that was typed, as a service account, and one bind as the entry that was found,
//! on a connection that carries nothing but such binds. `provider` is where a call comes in; `login`, `validate` and
//! `listing` are the three things it can be; `plan` says how users are found and read, which follows from the settings
//! and from the `kind` of server; `directory` has the servers and the connections to them,
//! which `wire-guard`, a package of its own, opens, protects and watches over.

#![forbid(unsafe_code)]

mod account_state;
mod directory;
mod entry;
mod fault;
mod filter;
mod groups;
mod input;
mod kind;
mod listing;
mod lock;
mod login;
mod metrics;
mod name;
mod name_match;
mod password_policy;
mod per_lane;
mod plan;
mod profile;
mod provider;
mod result_code;
#[cfg(test)]
mod scripted_directory;
mod search;
mod settings;
mod subject;
mod user_bind;
mod validate;

pub use listing::Listing;
pub use provider::LdapProvider;
pub use settings::Settings;

provider_api::export_provider!(LdapProvider);
