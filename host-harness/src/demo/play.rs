//! The first act: a directory, the LDAP provider, and the logins of one person.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use provider_api::host::{Plugin, Provider};
use provider_api::{
    Credentials, Deadline, Decision, ListRequest, RejectReason, RequestContext, Secret, StageOutcome, UserCode,
    ValidationReport,
};
use tempfile::TempDir;

use super::DemoError;
use super::directory::{Directory, Received};
use super::expectation::{OrUnexpected as _, Unexpected, expect, expect_accepted, expect_rejected};
use super::narrator::{Narrator, Told};
use super::people::{self, password};
use super::plugins::PluginFiles;
use super::swap;
use crate::login::{self, Host, LoginAnswer};
use crate::providers::ProviderHandle;
use crate::provision::Provisioning;
use crate::store::{Store, User};

/// The instance of the LDAP provider.
const INSTANCE: &str = "company";

/// Plays the whole demo.
pub(super) async fn play(narrator: &mut Narrator, plugins: &PluginFiles) -> Result<(), DemoError> {
    let directory = narrator
        .step(
            "Start a directory",
            "It stands for the one of a company. It holds the names and passwords; this host has none of them.",
            start_directory(),
        )
        .await?;
    let plugin = narrator
        .step(
            "Load the LDAP plugin",
            "A plugin is a file of its own. It says which settings it takes, so that a host can show them \
             without knowing LDAP.",
            load(plugins),
        )
        .await?;
    let provider = narrator
        .step(
            "Check the settings",
            "Each stage is tried for real, in the order of a login. Plain LDAP works but is warned of: \
             passwords cross the wire readable.",
            configure(plugins, &plugin, &directory),
        )
        .await?;
    narrator
        .step(
            "List the users",
            "A listing comes a page at a time and says at its end whether it is complete. One that was cut short \
             never looks whole.",
            list(&provider, &directory),
        )
        .await?;
    // Dropped at the end of this function, and its files with it.
    let folder = TempDir::new()?;
    let ldap = ProviderHandle::ready(INSTANCE, provider.clone());
    let (store, host) = narrator
        .step(
            "Open the host's store",
            "The host keeps accounts, never a directory's passwords. SQLite, in a temporary folder for this demo.",
            open_store(&folder, ldap.clone()),
        )
        .await?;
    let user = narrator
        .step(
            "ada logs in for the first time",
            "The account is linked to the directory's immutable id of the person, not to a name: names change hands.",
            first_login(&host),
        )
        .await?;
    narrator
        .step(
            "ada logs in again",
            "The same account, with whatever the directory says of the person today.",
            second_login(&host, &user),
        )
        .await?;
    narrator
        .step(
            "ada types a wrong password",
            "A wrong password costs exactly one attempt: a directory counts them and locks the account after a few.",
            wrong_password(&host, &directory),
        )
        .await?;
    narrator
        .step(
            "ada leaves the password empty",
            "Many directories answer an empty password with success, for nobody in particular. So it never gets there.",
            empty_password(&host, &provider, &directory),
        )
        .await?;
    swap::play(narrator, plugins, &folder, swap::Scene { store, directory, ldap }).await
}

async fn start_directory() -> Told<Directory> {
    let directory = Directory::start(people::BASE, people::SERVICE_ACCOUNT, people::entries())
        .await
        .or_unexpected("a port on 127.0.0.1 for the directory")?;
    let told = format!("{} people, on {} inside this program", people::COUNT, directory.address());
    Ok((directory, told))
}

async fn load(plugins: &PluginFiles) -> Told<Plugin> {
    let plugin = plugins.open(&plugins.ldap).await.or_unexpected("a plugin that can be loaded")?;
    let description = plugin.description();
    expect(description.id == "ldap", "the provider ldap", &description.id)?;
    let secrets: Vec<&str> = description.secret_settings().collect();
    expect(secrets.contains(&"bind_password"), "bind_password among the settings that are secret", secrets.join(", "))?;
    let settings = description
        .settings_schema
        .get("properties")
        .and_then(|properties| properties.as_object())
        .map_or(0, serde_json::Map::len);
    let told = format!(
        "{} {}, interface {}, {settings} settings",
        description.id, description.version, description.interface_version
    );
    Ok((plugin, told))
}

async fn configure(plugins: &PluginFiles, plugin: &Plugin, directory: &Directory) -> Told<Provider> {
    let settings = people::ldap_settings(directory.address().port());
    let provider = plugin
        .configure(&settings, &plugins.services(INSTANCE))
        .await
        .or_unexpected("settings that the plugin takes")?;
    let report = provider.validate(&context()).await.or_unexpected("a report on the settings")?;
    expect(report.is_valid(), "settings that work", first_failure(&report))?;
    expect(directory.received().service_binds > 0, "a bind as the service account", "none")?;
    let stages: Vec<String> = report
        .stages
        .iter()
        .map(|stage| match stage.outcome {
            StageOutcome::Warned => format!("{} (warning)", stage.id),
            StageOutcome::Skipped => format!("{} (skipped)", stage.id),
            _ => stage.id.clone(),
        })
        .collect();
    Ok((provider, format!("they work; {}", stages.join(", "))))
}

async fn list(provider: &Provider, directory: &Directory) -> Told<()> {
    let before = directory.received();
    let mut listing = provider.list_users(&context(), &ListRequest::everybody());
    let mut logins = Vec::new();
    while let Some(page) = listing.next_page().await.or_unexpected("a complete listing")? {
        logins.extend(page.into_iter().filter_map(|user| user.login));
    }
    logins.sort_unstable();
    logins.dedup();
    expect(logins.len() == people::COUNT, "everybody once", format!("{}: {}", logins.len(), logins.join(", ")))?;
    let pages = directory.received().pages - before.pages;
    expect(pages > 1, "more than one page", pages)?;
    Ok(((), format!("{} users in {pages} pages, complete", logins.len())))
}

async fn open_store(folder: &TempDir, provider: ProviderHandle) -> Told<(Store, Host)> {
    let store = Store::open("sqlite:users.db", folder.path()).await.or_unexpected("a store")?;
    let users = users(&store).await?;
    expect(users.is_empty(), "no account", users.len())?;
    let host = Host::new(store.clone(), vec![provider]);
    Ok(((store, host), "no account yet".to_owned()))
}

async fn first_login(host: &Host) -> Told<User> {
    let answer = login(host, "ada", password("ada")).await;
    let user = expect_accepted(&answer, Provisioning::Created)?.clone();
    let identity = answer.identity.ok_or_else(|| Unexpected::new("an identity", "none"))?;
    expect(
        user.display_name.as_deref() == Some("Ada Lovelace"),
        "the directory's name of the person",
        format!("{:?}", user.display_name),
    )?;
    expect(
        user.email.as_deref() == Some("ada@example.com"),
        "the directory's mail address",
        format!("{:?}", user.email),
    )?;
    expect(
        identity.subject_attribute.eq_ignore_ascii_case("entryUUID"),
        "entryUUID as the immutable id",
        &identity.subject_attribute,
    )?;
    let told = format!(
        "accepted; account {} created for Ada Lovelace, {} {}",
        user.id, identity.subject_attribute, identity.subject
    );
    Ok((user, told))
}

async fn second_login(host: &Host, first: &User) -> Told<()> {
    let answer = login(host, "ADA", password("ada")).await;
    let user = expect_accepted(&answer, Provisioning::Refreshed)?;
    expect(user.id == first.id, &format!("account {}", first.id), user.id)?;
    Ok(((), format!("accepted, typed as ADA; account {} refreshed, none created", user.id)))
}

async fn wrong_password(host: &Host, directory: &Directory) -> Told<()> {
    let before = directory.received();
    let answer = login(host, "ada", Secret::new("guessed")).await;
    expect_rejected(&answer, &RejectReason::INVALID_CREDENTIALS, &UserCode::INVALID_CREDENTIALS)?;
    let sent = directory.received().user_binds - before.user_binds;
    expect(sent == 1, "one bind with the typed password", sent)?;
    Ok(((), "rejected, invalid_credentials; the directory saw one attempt".to_owned()))
}

async fn empty_password(host: &Host, provider: &Provider, directory: &Directory) -> Told<()> {
    let before = directory.received();
    let answer = login(host, "ada", Secret::new("")).await;
    expect_rejected(&answer, &RejectReason::EMPTY_PASSWORD, &UserCode::INVALID_CREDENTIALS)?;
    // The host has refused it itself. The plugin is asked as well: not every host is as careful.
    let decision = provider.authenticate(&context(), &Credentials::new("ada", Secret::new(""))).await;
    match decision.or_unexpected("a rejection by the plugin")? {
        Decision::Rejected(rejection) if rejection.reason == RejectReason::EMPTY_PASSWORD => {}
        other => return Err(Unexpected::new("a rejection by the plugin, empty_password", format!("{other:?}"))),
    }
    expect_nothing_sent(before, directory)?;
    Ok(((), "rejected, empty_password, by the host and by the plugin; nothing was sent".to_owned()))
}

fn expect_nothing_sent(before: Received, directory: &Directory) -> Result<(), Unexpected> {
    let after = directory.received();
    expect(after == before, "no connection, no search, no bind", format!("{before:?} before and {after:?} after"))
}

/// What stands in the way of a valid report.
pub(super) fn first_failure(report: &ValidationReport) -> String {
    report
        .first_failed()
        .map_or_else(|| "a report without stages".to_owned(), |stage| format!("{}: {}", stage.id, stage.detail))
}

/// All accounts of the host.
pub(super) async fn users(store: &Store) -> Result<Vec<User>, Unexpected> {
    let read = store.read(|records| {
        let mut users = Vec::new();
        records.each_user(&mut |user, _| {
            users.push(user);
            true
        })?;
        Ok(users)
    });
    read.await.or_unexpected("the accounts of the store")
}

/// A login as a server would put it to the host.
pub(super) async fn login(host: &Host, name: &str, password: Secret) -> LoginAnswer {
    host.login(&context(), Credentials::new(name, password)).await
}

/// The context of the next request.
pub(super) fn context() -> RequestContext {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    RequestContext::new(format!("demo-{number}"), Deadline::after(login::DEADLINE))
}

/// How long a provider that is swapped out may finish what it has begun.
pub(super) const GRACE: Duration = Duration::from_secs(2);
