//! The second act: another provider takes over while the host runs.

use provider_api::{RejectReason, Secret, UserCode};
use serde_json::json;
use tempfile::TempDir;

use super::DemoError;
use super::directory::Directory;
use super::expectation::{OrUnexpected as _, Unexpected, expect, expect_accepted, expect_rejected};
use super::narrator::{Narrator, Told};
use super::people::{self, password};
use super::play::{GRACE, context, first_failure, login, users};
use super::plugins::PluginFiles;
use crate::login::Host;
use crate::providers::ProviderHandle;
use crate::provision::Provisioning;
use crate::store::Store;

/// What the first act leaves.
pub(super) struct Scene {
    pub(super) store: Store,
    pub(super) directory: Directory,
    pub(super) ldap: ProviderHandle,
}

pub(super) async fn play(
    narrator: &mut Narrator,
    plugins: &PluginFiles,
    folder: &TempDir,
    scene: Scene,
) -> Result<(), DemoError> {
    let store = scene.store.clone();
    let host = narrator
        .step(
            "Swap to the file provider",
            "Another plugin, loaded into the running host; the directory is switched off. Accounts and host \
             stay as they were.",
            swap(plugins, folder, scene),
        )
        .await?;
    narrator
        .step(
            "dorothy logs in",
            "Another source of people, the same login: the host was neither restarted nor changed.",
            new_source(&host),
        )
        .await?;
    narrator
        .step(
            "The users file's ada logs in",
            "The password is right, but the name is all that she shares with the directory's ada. Accounts are \
             never linked by a name.",
            same_name(&host, &store),
        )
        .await?;
    narrator
        .step(
            "mary, who is disabled, logs in",
            "She hears why only after the right password. A stranger who guesses learns nothing of the account.",
            disabled(&host, &store),
        )
        .await
}

async fn swap(plugins: &PluginFiles, folder: &TempDir, scene: Scene) -> Told<Host> {
    let users_file = people::write_users_file(folder.path()).or_unexpected("a users file")?;
    let plugin = plugins.open(&plugins.file).await.or_unexpected("a plugin that can be loaded")?;
    expect(plugin.description().id == "file", "the provider file", &plugin.description().id)?;
    let settings = json!({ "users_file": users_file });
    let provider =
        plugin.configure(&settings, &plugins.services("file")).await.or_unexpected("settings that the plugin takes")?;
    let report = provider.validate(&context()).await.or_unexpected("a report on the settings")?;
    expect(report.is_valid(), "settings that work", first_failure(&report))?;

    // The new provider is good: from here on it answers. The old one finishes what it has begun.
    let host = Host::new(scene.store, vec![ProviderHandle::ready("file", provider)]);
    let old = scene.ldap.provider().await.or_unexpected("the LDAP provider")?;
    scene.ldap.shutdown(GRACE).await;
    let late = old.validate(&context()).await;
    expect(late.is_err(), "that the LDAP provider is shut down", "an answer")?;
    drop(scene.directory);

    let told = format!("{} {} answers, ldap is shut down", plugin.description().id, plugin.description().version);
    Ok((host, told))
}

async fn new_source(host: &Host) -> Told<()> {
    let answer = login(host, "dorothy", password("dorothy")).await;
    let user = expect_accepted(&answer, Provisioning::Created)?;
    let identity = answer.identity.as_ref().ok_or_else(|| Unexpected::new("an identity", "none"))?;
    let groups: Vec<&str> = identity.groups.iter().map(|group| group.name.as_str()).collect();
    expect(groups == ["computers"], "the group computers", groups.join(", "))?;
    Ok(((), format!("accepted; account {} created for Dorothy Vaughan, group {}", user.id, groups.join(", "))))
}

async fn same_name(host: &Host, store: &Store) -> Told<()> {
    let before = users(store).await?;
    let answer = login(host, "ada", password("ada")).await;
    expect_rejected(&answer, &RejectReason::NAME_TAKEN, &UserCode::ASK_ADMINISTRATOR)?;
    expect(users(store).await? == before, "the accounts as they were", "a change")?;
    Ok(((), "rejected, name_taken; the directory's ada keeps her account".to_owned()))
}

async fn disabled(host: &Host, store: &Store) -> Told<()> {
    let wrong = login(host, "mary", Secret::new("guessed")).await;
    expect_rejected(&wrong, &RejectReason::INVALID_CREDENTIALS, &UserCode::INVALID_CREDENTIALS)?;
    let right = login(host, "mary", password("mary")).await;
    expect_rejected(&right, &RejectReason::ACCOUNT_DISABLED, &UserCode::ACCOUNT_DISABLED)?;
    let users = users(store).await?;
    expect(users.len() == 2 && users.iter().all(|user| user.name != "mary"), "no account for her", users.len())?;
    Ok(((), "rejected; a guess hears invalid_credentials, the right password account_disabled".to_owned()))
}
