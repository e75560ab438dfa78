use provider_api::{Fault, Identity, RejectReason, Rejection, UserCode};

use super::AcceptedLogin;
use super::name::{Claim, Release, claim};
use crate::store::{Link, Profile, Records, Status, StoreError, User};

/// What has to be done for an accepted person, decided by reading alone.
pub(super) enum Plan {
    /// The account is there and shows what the directory says.
    Keep(User),
    /// The account is there; the directory says something new.
    Refresh { user: User, profile: Profile, release: Option<Release> },
    /// There is no account yet and nothing speaks against one.
    Create { profile: Profile, release: Option<Release> },
    /// No.
    Refuse { user: Option<User>, rejection: Rejection },
    /// Not with these settings.
    Misfit(Fault),
}

/// Decides what has to be done.
pub(super) fn plan(records: &dyn Records, login: &AcceptedLogin) -> Result<Plan, StoreError> {
    let AcceptedLogin { instance, identity, .. } = login;
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
        return later_login(records, login, user, profile);
    }
    Ok(match claim(records, None, login, &profile)? {
        Claim::Free => Plan::Create { profile, release: None },
        Claim::PassesOn(release) => Plan::Create { profile, release: Some(release) },
        Claim::Refused(rejection) => Plan::Refuse { user: None, rejection },
    })
}

fn later_login(records: &dyn Records, login: &AcceptedLogin, user: User, profile: Profile) -> Result<Plan, StoreError> {
    if user.status == Status::Disabled {
        let message = format!("the host's administrator has disabled account {} ({})", user.id, user.name);
        let rejection =
            Rejection::new(RejectReason::ACCOUNT_DISABLED, message).telling_the_user(UserCode::ACCOUNT_DISABLED);
        return Ok(Plan::Refuse { user: Some(user), rejection });
    }
    Ok(match claim(records, Some(&user), login, &profile)? {
        Claim::Free if profile.is_of(&user) => Plan::Keep(user),
        Claim::Free => Plan::Refresh { user, profile, release: None },
        Claim::PassesOn(release) => Plan::Refresh { user, profile, release: Some(release) },
        Claim::Refused(rejection) => Plan::Refuse { user: Some(user), rejection },
    })
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
