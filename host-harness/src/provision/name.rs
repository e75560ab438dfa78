//! Who has the name that an accepted person is to have, and whether it passes on.
//!
//! Logins change hands: two people swap theirs, somebody leaves and is hired again under a new id, a new colleague gets
//! the login that another has given up. The directory says so each time, and the host follows, since a name that stays
//! with an account that nobody uses would keep its new owner out for ever. Only the name passes on, never the account.

use std::fmt;

use provider_api::{RejectReason, Rejection, UserCode};

use super::AcceptedLogin;
use crate::fold::Folded;
use crate::store::{Link, Profile, Records, StoreError, User, UserId};

/// What became of the question whether a person may have their name.
pub(super) enum Claim {
    /// Nobody else has it.
    Free,
    /// Somebody else has it who no longer has it in the directory.
    PassesOn(Release),
    /// It is somebody else's.
    Refused(Rejection),
}

/// The account of a directory's person whose name is another's now.
pub(super) struct Release {
    pub(super) holder: User,
    pub(super) link: Link,
    /// What the account will be called.
    pub(super) name: String,
}

/// A name was taken from an account, which is called otherwise now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// The account.
    pub account: UserId,
    /// The name that it had.
    pub old_name: String,
    /// The name that it has until its person logs in again with a name that is free.
    pub new_name: String,
    /// The provider instance whose directory says that the old name is somebody else's.
    pub instance: String,
}

/// Directory data in it may hold any character: print it through [`one_line`](provider_api::one_line).
impl fmt::Display for Released {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "in the directory of {} the login {} is somebody else's now: account {} is called {}",
            self.instance, self.old_name, self.account, self.new_name
        )
    }
}

/// Whether what the directory says is free. `own` is the account that it is said about.
pub(super) fn claim(
    records: &dyn Records,
    own: Option<&User>,
    login: &AcceptedLogin,
    profile: &Profile,
) -> Result<Claim, StoreError> {
    let name = profile.folded_name();
    for (what, folded) in [("login", Some(&name)), ("mail address", profile.folded_email().as_ref())] {
        let Some(folded) = folded else { continue };
        if let Some(local) = records.local_user_known_as(folded)? {
            return Ok(Claim::Refused(of_a_local_account(what, folded, &local)));
        }
    }
    match records.user_named(&name)?.filter(|holder| own.is_none_or(|own| own.id != holder.id)) {
        Some(holder) => held(records, login, holder),
        None => Ok(Claim::Free),
    }
}

/// The name passes on only if the directory has said that it is this person's alone. It has if the name was typed and
/// led to this one entry: a provider answers `ambiguous_user` when it leads to two. Whoever was found by something
/// else, such as their full name, may share their login with others, and would take the name from them.
fn held(records: &dyn Records, login: &AcceptedLogin, holder: User) -> Result<Claim, StoreError> {
    let name = &login.identity.login;
    let free = format!("free the name with `host-harness users rename {} NEW-NAME`", holder.id);
    // Whoever follows the advice must not find out by their complaint.
    let rename = format!("{free} (its person is then refused as name_taken for as long as somebody else has the name)");
    let refused = |why: String| {
        let message = format!("the login {name} is the name of account {}{why}", holder.id);
        Ok(Claim::Refused(refusal(RejectReason::NAME_TAKEN, message)))
    };
    let links = records.links_of(holder.id)?;
    let [link] = links.as_slice() else {
        return refused(format!(", which is not one directory's alone: {rename}"));
    };
    if link.instance != login.instance {
        return refused(format!(
            ", of provider instance {}: give one of the two another login in its directory; if the account is no \
             longer used, {rename}",
            link.instance
        ));
    }
    // Ids of two kinds cannot be compared: this may be one person, whose name stays with their account.
    if !link.subject_attribute.eq_ignore_ascii_case(&login.identity.subject_attribute) {
        return refused(format!(
            ", which is keyed by {}, and this login brings {}: set subject_attribute, or {rename}",
            link.subject_attribute, login.identity.subject_attribute
        ));
    }
    // What is one name for the host may be two for the directory, and both in use.
    if !same_but_for_case(name, &holder.name) {
        return refused(format!(", spelled {}: give one of the two another login, or {rename}", holder.name));
    }
    if !same_but_for_case(name, &login.typed) {
        return refused(format!(
            ", of another entry, and the name that was typed was another, so the directory has not said that {name} is \
             this person's alone: log in as {name} once, or {free}"
        ));
    }
    let name = former_name(records, &holder)?;
    Ok(Claim::PassesOn(Release { link: link.clone(), holder, name }))
}

/// Two spellings that every directory takes for one.
fn same_but_for_case(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// A name for an account that has lost its own. It looks like nobody's login, and tells an administrator what happened.
fn former_name(records: &dyn Records, holder: &User) -> Result<String, StoreError> {
    let mut name = format!("{} (former, number {})", holder.name, holder.id);
    // The number makes it unique, unless somebody has been given this very name.
    while records.user_known_as(&Folded::new(&name), None)?.is_some() {
        name = format!("{name} (former, number {})", holder.id);
    }
    Ok(name)
}

fn of_a_local_account(what: &str, folded: &Folded, local: &User) -> Rejection {
    let rename = if Folded::new(&local.name) == *folded {
        format!(", or the account with `host-harness users rename {} NEW-NAME`", local.id)
    } else {
        String::new()
    };
    let message = format!(
        "the entry's {what} is that of the local account {} (number {}): give the entry another one in the \
         directory{rename}",
        local.name, local.id
    );
    refusal(RejectReason::LOCAL_ACCOUNT_EXISTS, message)
}

/// The password was right, so the person may be told that an administrator can help; whose the name is they are not
/// told.
fn refusal(reason: RejectReason, message: String) -> Rejection {
    Rejection::new(reason, message).telling_the_user(UserCode::ASK_ADMINISTRATOR)
}
