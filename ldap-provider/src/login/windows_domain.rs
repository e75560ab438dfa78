//! The name of a domain in Windows' own names, `DOMAIN\\user`.

use std::time::Instant;

use directory_data::{AttributeName, Dn};
use provider_api::{Fault, MisconfiguredReason};
use wire_guard::SearchScope;

use crate::directory::Directory;
use crate::filter::EncodedFilter;
use crate::name::is_same_domain;
use crate::plan::Plan;
use crate::search::{EntryQuery, Searcher};

const NETBIOS_NAME: &str = "nETBIOSName";

/// Whether users of this domain are the directory's. It is looked up when somebody types such a name, until it is known.
///
/// # Errors
///
/// Also if it cannot be told: a person of another domain is nobody here, and may be somebody elsewhere, where their password
/// is tried next. A person of this one must not be taken for that.
pub(super) async fn is(
    directory: &Directory,
    plan: &Plan,
    domain: &str,
    searcher: &Searcher<'_>,
) -> Result<bool, Fault> {
    if let Some(known) = directory.windows_domain.known(Instant::now()) {
        return Ok(is_same_domain(known?, domain));
    }
    match look_up(plan, searcher).await {
        Ok(ours) => Ok(is_same_domain(directory.windows_domain.learn(ours), domain)),
        Err(fault) => {
            if fault.code() == MisconfiguredReason::NO_PERMISSION.as_str() {
                directory.windows_domain.note_in_vain(Instant::now(), fault.clone());
            }
            Err(fault)
        }
    }
}

/// Active Directory keeps it in the entry of the domain among the forest's partitions (MS-ADTS section 6.1.1.2.1.1).
async fn look_up(plan: &Plan, searcher: &Searcher<'_>) -> Result<String, Fault> {
    let below = |configuration: &Dn| Dn::parse(&format!("CN=Partitions,{}", configuration.as_str())).ok();
    let partitions = plan.contexts.configuration.as_ref().and_then(below);
    let partitions = partitions.ok_or_else(|| Fault::internal("the partitions have no DN"))?;
    let filter = EncodedFilter::all(&[
        EncodedFilter::has(NETBIOS_NAME),
        EncodedFilter::equals("nCName", plan.naming_context().as_str().as_bytes()),
    ]);
    let query = EntryQuery {
        base: &partitions,
        scope: SearchScope::OneLevel,
        filter: &filter,
        attributes: &[NETBIOS_NAME],
        most: 2,
    };
    let unknown = |why: &str| {
        Fault::misconfigured(
            MisconfiguredReason::NO_PERMISSION,
            format!(
                "whether a name DOMAIN\\user is one of this domain cannot be told: {why}; give the service account the right to \
                    read what is in {partitions}, or have people type user@domain"
            ),
        )
    };
    let answer = searcher.search(&query, "the search for the name of the domain").await.map_err(|fault| {
        // What a server hides from somebody it also says is not there. Whatever else is wrong, such as the service
        // account's password, has words of its own.
        let hidden = [MisconfiguredReason::NO_PERMISSION, MisconfiguredReason::BASE_DN_NOT_FOUND];
        if hidden.iter().any(|reason| fault.code() == reason.as_str()) { unknown(fault.message()) } else { fault }
    })?;
    let name = AttributeName::parse(NETBIOS_NAME).map_err(Fault::internal)?;
    let names: Vec<_> = answer.entries.iter().flat_map(|entry| entry.texts(&name)).collect();
    match names.as_slice() {
        [one] if answer.is_complete => Ok((*one).to_owned()),
        // Each domain has one entry there, so that none means that it cannot be seen.
        [] => Err(unknown("no name of the domain can be seen")),
        _ => Err(unknown("more than one name of the domain is there")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use provider_api::{Credentials, Deadline, Decision, RequestContext, Secret};

    use crate::directory::Directory;
    use crate::login::authenticate;
    use crate::scripted_directory::{Reply, Request, ScriptedDirectory, bound, done, entry};

    const DN: &str = "cn=alice,dc=x";

    /// The code of the answer to a login, and what else it says.
    async fn login(directory: &Directory, name: &str) -> (String, String) {
        let context = RequestContext::new("test", Deadline::after(Duration::from_secs(20)));
        match authenticate(directory, &context, Credentials::new(name, Secret::new("right"))).await {
            Ok(Decision::Accepted(_)) => ("accepted".to_owned(), String::new()),
            Ok(Decision::Rejected(rejection)) => (rejection.reason.to_string(), rejection.message),
            Err(fault) => (fault.code().to_owned(), fault.message().to_owned()),
        }
    }

    /// An Active Directory with alice that answers the search among the partitions so.
    async fn with_partitions(answer: fn(u8) -> Vec<u8>) -> (ScriptedDirectory, Directory) {
        let searches = AtomicUsize::new(0);
        let scripted = ScriptedDirectory::start(move |id, request| match request {
            Request::RootDse => {
                let said = [("supportedCapabilities", "1.2.840.113556.1.4.800")];
                Reply::Send([entry(id, "", &said), done(id, 0)].concat())
            }
            Request::Search { .. } if searches.fetch_add(1, Ordering::Relaxed) == 0 => Reply::Send(answer(id)),
            Request::Search { .. } => {
                let guid = ("objectGUID", "0123456789abcdef");
                let alice = [("sAMAccountName", "alice"), guid, ("userAccountControl", "512")];
                Reply::Send([entry(id, DN, &alice), done(id, 0)].concat())
            }
            Request::Bind { .. } => Reply::Send(bound(id, 0)),
            Request::Entry { .. } | Request::Other => Reply::Silence,
        });
        let scripted = scripted.await.with_service_account();
        let directory = scripted.configured_with(|settings| {
            settings["directory"] = "active_directory".into();
            settings["username_attribute"] = "sAMAccountName".into();
        });
        (scripted, directory)
    }

    fn partition(id: u8, dn: &str, name: &str) -> Vec<u8> {
        entry(id, &format!("{dn},CN=Partitions,CN=Configuration,dc=x"), &[("nETBIOSName", name)])
    }

    #[tokio::test]
    async fn a_name_of_the_domain_is_one_of_its_users_and_one_of_another_is_nobody() {
        let (scripted, directory) = with_partitions(|id| [partition(id, "CN=LAB", "LAB"), done(id, 0)].concat()).await;
        let (code, message) = login(&directory, r"ELSEWHERE\alice").await;
        assert_eq!(code, "unknown_user", "{message}");
        assert_eq!(scripted.binds().len(), 1, "the service account alone");
        let (code, message) = login(&directory, r"lab\alice").await;
        assert_eq!(code, "accepted", "{message}");
    }

    #[tokio::test]
    async fn a_name_of_which_it_cannot_be_told_is_no_unknown_user() {
        let answers: [fn(u8) -> Vec<u8>; 4] = [
            |id| done(id, 0),
            |id| done(id, 32),
            |id| done(id, 50),
            |id| [partition(id, "CN=A", "A"), partition(id, "CN=B", "B"), done(id, 0)].concat(),
        ];
        for (number, answer) in answers.into_iter().enumerate() {
            let (scripted, directory) = with_partitions(answer).await;
            let (code, message) = login(&directory, r"LAB\alice").await;
            assert_eq!(code, "no_permission", "{number}: {message}");
            assert!(message.contains("user@domain") && message.contains("CN=Partitions,"), "{message}");
            let searches = || {
                let requests = scripted.requests();
                requests.iter().filter(|(_, request)| matches!(request, Request::Search { .. })).count()
            };
            assert_eq!(searches(), 1, "{number}");
            assert_eq!(login(&directory, r"LAB\alice").await.0, "no_permission", "{number}");
            assert_eq!(searches(), 1, "{number}: not at each login");
        }
    }
}
