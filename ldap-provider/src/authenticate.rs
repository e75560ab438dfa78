use std::net::SocketAddr;

use provider_api::{
    Accepted, Credentials, Deadline, Decision, Fault, Identity, MisconfiguredReason, RejectReason, Rejection,
    RequestContext, one_line,
};
use wire_guard::Limits;

use crate::attribute::AttributeName;
use crate::directory::Directory;
use crate::dn::Dn;
use crate::entry::Entry;
use crate::input::Typed;
use crate::metrics::Metrics;
use crate::name_match;
use crate::profile::{self, Profile};
use crate::search::{self, Found};
use crate::settings::Config;
use crate::user_bind;

/// Answers a login: a search for the name, one bind as the entry that was found, and who that is.
pub(crate) async fn authenticate(
    directory: &Directory,
    metrics: &Metrics,
    context: &RequestContext,
    credentials: Credentials,
) -> Result<Decision, Fault> {
    let config = &*directory.config;
    let typed = match Typed::check(credentials) {
        Ok(typed) => typed,
        Err(rejection) => return Ok(rejection.into()),
    };
    let deadline = context.deadline.at_most(config.timeout);
    let (entry, server) = match find(directory, &typed.name, deadline).await? {
        Ok(found) => found,
        Err(rejection) => return Ok(rejection.into()),
    };
    // Known before the password is sent: whoever cannot get an account needs no bind.
    let identity = match identity(config, &entry, &typed.name)? {
        Ok(identity) => identity,
        Err(rejection) => return Ok(rejection.into()),
    };
    let connection = directory.for_user(server, deadline).await?;
    metrics.user_bind();
    let response = connection.bind(&entry.dn, typed.password, typed.permit, deadline).await?;
    Ok(match user_bind::verdict(&response.result)? {
        Ok(()) => Accepted::new(identity).into(),
        Err(rejection) => rejection.into(),
    })
}

/// The entry, and the address of the server that has it.
async fn find(
    directory: &Directory,
    name: &str,
    deadline: Deadline,
) -> Result<Result<(Box<Entry>, Option<SocketAddr>), Rejection>, Fault> {
    let mut service = directory.service(Limits::LOGIN, deadline).await?;
    let found = search::find_user(&mut service, &directory.config, name, directory.is_anonymous(), deadline).await?;
    Ok(match found {
        Found::One(entry) => Ok((entry, service.peer)),
        Found::Nobody => {
            Err(Rejection::new(RejectReason::UNKNOWN_USER, "no entry below the base DN carries this name"))
        }
        Found::Several(dns) => Err(Rejection::new(RejectReason::AMBIGUOUS_USER, ambiguity(&dns))),
    })
}

fn ambiguity(dns: &[Dn]) -> String {
    let seen: Vec<_> = dns.iter().take(2).map(ToString::to_string).collect();
    format!(
        "more than one entry carries this name (among them {}); make names unique, or set filter or username_attribute",
        seen.join(" and ")
    )
}

/// Who the entry is. A missing id is the entry's fault; a missing login name is the service account's, which found
/// the entry by it.
fn identity(config: &Config, entry: &Entry, typed: &str) -> Result<Result<Identity, Rejection>, Fault> {
    let Some(login) = profile::login(entry, &config.username_attributes) else {
        let names: Vec<_> = config.username_attributes.iter().map(AttributeName::as_str).collect();
        return Err(Fault::misconfigured(
            MisconfiguredReason::NO_PERMISSION,
            format!(
                "the service account may search for {} but not read it; let it read what it searches for; or the server \
                    calls it by another name: set username_attribute to the name in the entry",
                one_line(&names.join(", "))
            ),
        ));
    };
    if !name_match::carries(entry, &config.username_attributes, typed) {
        let message = format!(
            "the server answered with the entry {}, which does not carry this name; if a proxy stands in between, it \
                mixes answers up",
            entry.dn
        );
        return Ok(Err(Rejection::new(RejectReason::NAME_MISMATCH, message)));
    }
    let subject = match config.subject.of(entry) {
        Ok(subject) => subject,
        Err(error) => return Ok(Err(Rejection::new(RejectReason::NO_STABLE_ID, format!("{}: {error}", entry.dn)))),
    };
    let profile = Profile::of(entry);
    let mut identity = Identity::new(subject.id, subject.attribute, login);
    identity.display_name = profile.display_name;
    identity.email = profile.email;
    identity.phone = profile.phone;
    Ok(Ok(identity))
}
