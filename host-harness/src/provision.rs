//! Makes an account of a directory's person at the first login, and keeps it fresh at later ones.
//!
//! The key is (provider instance, subject), and nothing is ever linked by a name or a mail address: those change
//! hands, and a host that trusts them gives one person's account to another. A rename or a move in the directory keeps
//! the subject and therefore the account. A login that another entry of the same directory has now goes over to that
//! entry's account, and the other account keeps everything but the name; one that belongs to a local account, or to
//! somebody of another directory, is refused, and an administrator decides.

mod name;
mod plan;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use provider_api::{Fault, Identity, Rejection, UnavailableReason, one_line};
use serde::Serialize;

pub use name::Released;

use crate::store::{AuditEntry, Link, NewUser, Origin, Records, Store, StoreError, User};
use name::Release;
use plan::Plan;

/// A login that a provider has just accepted.
#[derive(Clone, Debug)]
pub struct AcceptedLogin {
    /// The provider instance.
    pub instance: String,
    /// The name as the person typed it.
    pub typed: String,
    /// Who the provider says it is.
    pub identity: Identity,
}

/// What an accepted login has led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// What became of the person's own account.
    pub account: Provisioned,
    /// The other account that had the person's name, if there was one.
    pub released: Option<Released>,
}

/// What became of the account of an accepted login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provisioned {
    /// It was the first login: the account is new.
    Created(User),
    /// The account was there; it shows what the directory says now.
    Refreshed(User),
    /// The person is who they claim to be but gets no account, or may not use it.
    Refused(Rejection),
    /// The provider's settings no longer fit the accounts that there are.
    Misfit(Fault),
}

/// What became of the account, in the word that scripts see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provisioning {
    /// See [`Provisioned::Created`].
    Created,
    /// See [`Provisioned::Refreshed`].
    Refreshed,
    /// See [`Provisioned::Refused`] and [`Provisioned::Misfit`].
    Refused,
}

/// Finds or creates the account of a person whom a provider has just accepted.
///
/// User, link and audit lines are written in one transaction or not at all, and callers in any number of processes may
/// do so at once. A login that changes nothing only reads, so it also works while the disk is full.
pub async fn provision(store: &Store, login: AcceptedLogin) -> Result<Admission, StoreError> {
    let login = Arc::new(login);
    let reading = Arc::clone(&login);
    let unchanged = store
        .read(move |records| match plan::plan(records, &reading)? {
            Plan::Keep(user) => Ok(Some(Provisioned::Refreshed(user))),
            _ => Ok(None),
        })
        .await?;
    if let Some(account) = unchanged {
        return Ok(Admission { account, released: None });
    }
    // Planned again under the write lock: another login may have come first.
    store.write(move |records| carry_out(plan::plan(records, &login)?, records, &login)).await
}

fn carry_out(plan: Plan, records: &mut dyn Records, login: &AcceptedLogin) -> Result<Admission, StoreError> {
    let AcceptedLogin { instance, identity, .. } = login;
    let entry = |action, user: Option<&User>, detail: String| AuditEntry {
        action,
        user: user.map(|user| user.id),
        instance: Some(instance.clone()),
        subject: Some(identity.subject.clone()),
        detail: one_line(&detail),
    };
    let mut released = None;
    let account = match plan {
        Plan::Keep(user) => Provisioned::Refreshed(user),
        Plan::Create { profile, release } => {
            released = release.map(|release| carry_out_release(release, records)).transpose()?;
            let user = records.insert_user(&NewUser { profile, origin: Origin::Directory })?;
            records.insert_link(&Link {
                instance: instance.clone(),
                subject: identity.subject.clone(),
                subject_attribute: identity.subject_attribute.clone(),
                user: user.id,
                login: identity.login.clone(),
            })?;
            records.append_audit(&entry("user_created", Some(&user), format!("first login as {}", user.name)))?;
            Provisioned::Created(user)
        }
        Plan::Refresh { user, profile, release } => {
            released = release.map(|release| carry_out_release(release, records)).transpose()?;
            records.update_profile(user.id, &profile)?;
            records.update_link_login(instance, &identity.subject, &identity.login)?;
            if user.name != profile.name {
                let detail = format!("{} is now called {}", user.name, profile.name);
                records.append_audit(&entry("user_renamed", Some(&user), detail))?;
            }
            let (name, display_name, email, phone) = (profile.name, profile.display_name, profile.email, profile.phone);
            Provisioned::Refreshed(User { name, display_name, email, phone, ..user })
        }
        Plan::Refuse { user, rejection } => {
            let detail = format!("{}: {}", rejection.reason, rejection.message);
            records.append_audit(&entry("login_refused", user.as_ref(), detail))?;
            Provisioned::Refused(rejection)
        }
        Plan::Misfit(fault) => {
            records.append_audit(&entry("login_refused", None, fault.to_string()))?;
            Provisioned::Misfit(fault)
        }
    };
    Ok(Admission { account, released })
}

/// Frees the name before the other account takes it: no two may have one.
fn carry_out_release(release: Release, records: &mut dyn Records) -> Result<Released, StoreError> {
    let Release { holder, link, name } = release;
    records.rename_user(holder.id, &name)?;
    let released =
        Released { account: holder.id, old_name: holder.name, new_name: name, instance: link.instance.clone() };
    records.append_audit(&AuditEntry {
        action: "name_released",
        user: Some(holder.id),
        instance: Some(link.instance),
        subject: Some(link.subject),
        detail: one_line(&released.to_string()),
    })?;
    Ok(released)
}

/// A login that the store cannot serve at present. Refused for now, whatever the directory said.
pub fn store_fault(error: &StoreError) -> Fault {
    let reason = match error {
        StoreError::Busy => UnavailableReason::OVERLOADED,
        _ => UnavailableReason::new("store_failed"),
    };
    Fault::unavailable(reason, error.to_string())
}
