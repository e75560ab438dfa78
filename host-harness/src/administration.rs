//! What an administrator does with accounts that are there. Removing one is not part of it: its number would be all
//! that is left of who did what.

use provider_api::{Credentials, Rejection, Secret, one_line};
use thiserror::Error;

use crate::fold::Folded;
use crate::local_accounts::{HashError, hash, visible};
use crate::store::{AuditEntry, Link, Origin, Records, Status, Store, StoreError, User, UserId};

/// What an administrator calls an account by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Called {
    /// Its number.
    Number(UserId),
    /// Its name, in any spelling.
    Name(String),
}

impl Called {
    /// Digits are a number: the number of every account can be seen, and a name may be made of digits.
    pub fn new(text: &str) -> Self {
        match text.parse() {
            Ok(number) if text.bytes().all(|byte| byte.is_ascii_digit()) => Self::Number(UserId(number)),
            _ => Self::Name(text.to_owned()),
        }
    }
}

/// An account was left as it was.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// No account has the number.
    #[error("unknown_user: no account has the number {0}; `host-harness users` shows them")]
    NoNumber(UserId),
    /// No account has the name.
    #[error("unknown_user: no account has the name {}; `host-harness users` shows them", one_line(.0))]
    NoName(String),
    /// The name or the password has a form that is not let through.
    #[error("{}: {}", .0.reason, .0.message)]
    Input(Rejection),
    /// The name is the name or the mail address of somebody else.
    #[error("name_taken: the name is that of {} (number {}): choose another", one_line(&.0.name), .0.id)]
    Taken(Box<User>),
    /// A directory answers for the password.
    #[error(
        "not_local: a directory answers for the password of {} (number {}): change it there",
        one_line(&.0.name), .0.id
    )]
    NotLocal(Box<User>),
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An account with the links that lead to it.
pub type Account = (User, Vec<Link>);

/// Says whether an account may log in.
pub async fn set_status(store: &Store, number: UserId, status: Status) -> Result<Account, ChangeError> {
    let change = move |records: &mut dyn Records| {
        let Some(user) = records.user(number)? else { return Ok(None) };
        if user.status != status {
            let (action, what) = match status {
                Status::Active => ("user_enabled", "enabled"),
                Status::Disabled => ("user_disabled", "disabled"),
            };
            records.set_status(number, status)?;
            records.append_audit(&entry(action, &user, &format!("an administrator has {what} {}", user.name)))?;
        }
        Ok(Some((User { status, ..user }, records.links_of(number)?)))
    };
    store.write(change).await?.ok_or(ChangeError::NoNumber(number))
}

/// Calls an account otherwise. A directory's person gets the name that the directory says at their next login, unless
/// somebody else has it by then and does not lose it to them: then the login is refused.
///
/// Refuses what [`local_accounts::add`](crate::local_accounts::add) refuses; another spelling of the account's own
/// name is none of that.
pub async fn rename(store: &Store, number: UserId, name: &str) -> Result<Account, ChangeError> {
    let name = name.trim().to_owned();
    Credentials::check_name(&name).map_err(ChangeError::Input)?;
    let folded = visible(&name).map_err(ChangeError::Input)?;
    let change = move |records: &mut dyn Records| {
        let Some(user) = records.user(number)? else { return Ok(Err(ChangeError::NoNumber(number))) };
        if let Some(other) = records.user_known_as(&folded, Some(number))? {
            return Ok(Err(ChangeError::Taken(Box::new(other))));
        }
        if user.name != name {
            records.rename_user(number, &name)?;
            let detail = format!("an administrator has renamed {} to {name}", user.name);
            records.append_audit(&entry("user_renamed", &user, &detail))?;
        }
        Ok(Ok((User { name: name.clone(), ..user }, records.links_of(number)?)))
    };
    store.write(change).await?
}

/// The local account that is called so.
pub async fn local(store: &Store, called: Called) -> Result<User, ChangeError> {
    store.read(move |records| local_among(records, &called)).await?
}

/// Replaces the password of a [`local`] account. The old one is not asked for: this is for whoever has forgotten it.
pub async fn set_password(store: &Store, user: &User, password: Secret) -> Result<User, ChangeError> {
    Credentials::new(&user.name, password.clone()).check().map_err(ChangeError::Input)?;
    let phc = hash(password).await?;
    let number = Called::Number(user.id);
    let change = move |records: &mut dyn Records| {
        let user = match local_among(records, &number)? {
            Ok(user) => user,
            refused => return Ok(refused),
        };
        records.set_local_password(user.id, &phc)?;
        let detail = format!("an administrator has set the password of the local account {}", user.name);
        records.append_audit(&entry("local_password_set", &user, &detail))?;
        Ok(Ok(user))
    };
    store.write(change).await?
}

fn local_among(records: &dyn Records, called: &Called) -> Result<Result<User, ChangeError>, StoreError> {
    let found = match called {
        Called::Number(number) => records.user(*number)?.ok_or(ChangeError::NoNumber(*number)),
        Called::Name(name) => records.user_named(&Folded::new(name))?.ok_or_else(|| ChangeError::NoName(name.clone())),
    };
    Ok(found.and_then(|user| match user.origin {
        Origin::Local => Ok(user),
        Origin::Directory => Err(ChangeError::NotLocal(Box::new(user))),
    }))
}

fn entry(action: &'static str, user: &User, detail: &str) -> AuditEntry {
    AuditEntry { action, user: Some(user.id), detail: one_line(detail), ..AuditEntry::default() }
}

#[cfg(test)]
mod tests;
