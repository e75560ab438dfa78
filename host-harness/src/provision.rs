//! Makes an account of a directory's person at the first login, and keeps it fresh at later ones.
//!
//! The key is (provider instance, subject), and nothing is ever linked by a name or a mail address: those change
//! hands, and a host that trusts them gives one person's account to another. So a new entry whose login is taken is
//! refused, and an administrator decides. A rename or a move in the directory keeps the subject and therefore the
//! account.

mod plan;
#[cfg(test)]
mod tests;

use provider_api::{Fault, Identity, Rejection, UnavailableReason, one_line};
use serde::Serialize;

use crate::store::{AuditEntry, Link, NewUser, Origin, Records, Store, StoreError, User};
use plan::Plan;

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

/// Finds or creates the account of a person whom the provider `instance` has just accepted.
///
/// User, link and audit line are written in one transaction or not at all, and callers in any number of processes may
/// do so at once. A login that changes nothing only reads, so it also works while the disk is full.
pub async fn provision(store: &Store, instance: &str, identity: &Identity) -> Result<Provisioned, StoreError> {
    let (at, who) = (instance.to_owned(), identity.clone());
    let unchanged = store
        .read(move |records| match plan::plan(records, &at, &who)? {
            Plan::Keep(user) => Ok(Some(Provisioned::Refreshed(user))),
            _ => Ok(None),
        })
        .await?;
    if let Some(unchanged) = unchanged {
        return Ok(unchanged);
    }
    let (at, who) = (instance.to_owned(), identity.clone());
    // Planned again under the write lock: another login may have come first.
    store.write(move |records| carry_out(plan::plan(records, &at, &who)?, records, &at, &who)).await
}

fn carry_out(
    plan: Plan,
    records: &mut dyn Records,
    instance: &str,
    identity: &Identity,
) -> Result<Provisioned, StoreError> {
    let entry = |action, user: Option<&User>, detail: String| AuditEntry {
        action,
        user: user.map(|user| user.id),
        instance: Some(instance.to_owned()),
        subject: Some(identity.subject.clone()),
        detail: one_line(&detail),
    };
    match plan {
        Plan::Keep(user) => Ok(Provisioned::Refreshed(user)),
        Plan::Create(profile) => {
            let user = records.insert_user(&NewUser { profile, origin: Origin::Directory })?;
            records.insert_link(&Link {
                instance: instance.to_owned(),
                subject: identity.subject.clone(),
                subject_attribute: identity.subject_attribute.clone(),
                user: user.id,
                login: identity.login.clone(),
            })?;
            records.append_audit(&entry("user_created", Some(&user), format!("first login as {}", user.name)))?;
            Ok(Provisioned::Created(user))
        }
        Plan::Refresh { user, profile } => {
            records.update_profile(user.id, &profile)?;
            records.update_link_login(instance, &identity.subject, &identity.login)?;
            if user.name != profile.name {
                let detail = format!("{} is now called {}", user.name, profile.name);
                records.append_audit(&entry("user_renamed", Some(&user), detail))?;
            }
            let (name, display_name, email, phone) = (profile.name, profile.display_name, profile.email, profile.phone);
            Ok(Provisioned::Refreshed(User { name, display_name, email, phone, ..user }))
        }
        Plan::Refuse { user, rejection } => {
            let detail = format!("{}: {}", rejection.reason, rejection.message);
            records.append_audit(&entry("login_refused", user.as_ref(), detail))?;
            Ok(Provisioned::Refused(rejection))
        }
        Plan::Misfit(fault) => {
            records.append_audit(&entry("login_refused", None, fault.to_string()))?;
            Ok(Provisioned::Misfit(fault))
        }
    }
}

/// A login that the store cannot serve at present. Refused for now, whatever the directory said.
pub fn store_fault(error: &StoreError) -> Fault {
    let reason = match error {
        StoreError::Busy => UnavailableReason::OVERLOADED,
        _ => UnavailableReason::new("store_failed"),
    };
    Fault::unavailable(reason, error.to_string())
}
