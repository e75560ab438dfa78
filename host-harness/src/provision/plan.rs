use provider_api::{Fault, Identity, RejectReason, Rejection, UserCode};

use crate::fold::Folded;
use crate::store::{Link, Origin, Profile, Records, Status, StoreError, User};

/// What has to be done for an accepted person, decided by reading alone.
pub(super) enum Plan {
    /// The account is there and shows what the directory says.
    Keep(User),
    /// The account is there; the directory says something new.
    Refresh { user: User, profile: Profile },
    /// There is no account yet and nothing speaks against one.
    Create(Profile),
    /// No.
    Refuse { user: Option<User>, rejection: Rejection },
    /// Not with these settings.
    Misfit(Fault),
}

/// Decides what has to be done.
pub(super) fn plan(records: &dyn Records, instance: &str, identity: &Identity) -> Result<Plan, StoreError> {
    let profile = profile(identity);
    if identity.subject.is_empty() || profile.folded_name().is_empty() {
        return Ok(Plan::Misfit(Fault::internal(
            "the provider accepted a login without saying whose (blank subject or login)",
        )));
    }
    let link = records.link(instance, &identity.subject)?;
    if let Some(fault) = rekeyed(records, instance, identity, link.as_ref())? {
        return Ok(Plan::Misfit(fault));
    }
    let user = match &link {
        Some(link) => records.user(link.user)?,
        None => None,
    };
    if let Some(user) = user {
        return later_login(records, user, profile);
    }
    Ok(match collision(records, None, &profile)? {
        Some(rejection) => Plan::Refuse { user: None, rejection },
        None => Plan::Create(profile),
    })
}

fn later_login(records: &dyn Records, user: User, profile: Profile) -> Result<Plan, StoreError> {
    if user.status == Status::Disabled {
        let message = format!("the host's administrator has disabled account {} ({})", user.id, user.name);
        let rejection =
            Rejection::new(RejectReason::ACCOUNT_DISABLED, message).telling_the_user(UserCode::ACCOUNT_DISABLED);
        return Ok(Plan::Refuse { user: Some(user), rejection });
    }
    if let Some(rejection) = collision(records, Some(&user), &profile)? {
        return Ok(Plan::Refuse { user: Some(user), rejection });
    }
    Ok(if profile.is_of(&user) { Plan::Keep(user) } else { Plan::Refresh { user, profile } })
}

/// The name of an account is its entry's login, never what was typed.
fn profile(identity: &Identity) -> Profile {
    let said = |value: &Option<String>| value.clone().filter(|text| !text.trim().is_empty());
    Profile {
        name: identity.login.clone(),
        display_name: said(&identity.display_name),
        email: said(&identity.email),
        phone: said(&identity.phone),
    }
}

/// Whether the subjects of this instance come from another attribute than before.
///
/// If they do, every person looks new: taking the new subjects for keys would create everybody a second time or,
/// worse, meet the key of somebody else.
fn rekeyed(
    records: &dyn Records,
    instance: &str,
    identity: &Identity,
    link: Option<&Link>,
) -> Result<Option<Fault>, StoreError> {
    let now = &identity.subject_attribute;
    // Names of attributes are compared without case (RFC 4512 section 2.5).
    let before = match link {
        Some(link) if link.subject_attribute.eq_ignore_ascii_case(now) => return Ok(None),
        Some(link) => link.subject_attribute.clone(),
        None => {
            let known = records.subject_attributes(instance)?;
            if known.iter().any(|attribute| attribute.eq_ignore_ascii_case(now)) {
                return Ok(None);
            }
            match known.into_iter().next() {
                Some(before) => before,
                None => return Ok(None),
            }
        }
    };
    let message = format!(
        "the accounts of provider instance {instance} are keyed by {before}, and this login brings {now}: \
         set subject_attribute = \"{before}\", or give the provider a new instance name"
    );
    Ok(Some(Fault::setting("subject_attribute", message)))
}

/// Whether what the directory says belongs to another account already. `own` is the account that it is said about.
fn collision(records: &dyn Records, own: Option<&User>, profile: &Profile) -> Result<Option<Rejection>, StoreError> {
    let name = profile.folded_name();
    for (what, folded) in [("login", Some(&name)), ("mail address", profile.folded_email().as_ref())] {
        let Some(folded) = folded else { continue };
        if let Some(local) = records.local_user_known_as(folded)?
            && !is_own(own, &local)
        {
            let message = format!(
                "the entry's {what} is that of the local account {} (number {}): give the entry another one in the \
                 directory",
                local.name, local.id
            );
            return Ok(Some(refusal(RejectReason::LOCAL_ACCOUNT_EXISTS, message)));
        }
    }
    Ok(taken_by(records, &name)?.filter(|other| !is_own(own, other)).map(|other| {
        let message = format!(
            "the login {} is that of another directory account (number {}): a re-created entry, or one of another \
             provider; give one of the two another login in its directory",
            profile.name, other.id
        );
        refusal(RejectReason::NAME_TAKEN, message)
    }))
}

fn taken_by(records: &dyn Records, name: &Folded) -> Result<Option<User>, StoreError> {
    Ok(records.user_named(name)?.filter(|user| user.origin == Origin::Directory))
}

fn is_own(own: Option<&User>, other: &User) -> bool {
    own.is_some_and(|own| own.id == other.id)
}

/// The password was right, so the person may be told that an administrator can help; whose the name is they are not
/// told.
fn refusal(reason: RejectReason, message: String) -> Rejection {
    Rejection::new(reason, message).telling_the_user(UserCode::ASK_ADMINISTRATOR)
}
