//! The second provider, through the same interface: what a host may expect of any provider holds for it too.

use provider_api::host::{HostServices, Plugin, Trust};
use provider_api::{Decision, Fault, RejectReason, UserCode};
use serde_json::json;
use tests::directory::{Directory, password_of};
use tests::host::Host;
use tests::plugin;
use tests::users_file::UsersFile;

const PASSWORD: &str = "canary: of the file";

async fn host(users: &UsersFile) -> Host {
    Host::try_file(&users.settings()).await.unwrap()
}

#[tokio::test]
async fn a_user_of_the_file_logs_in() {
    let users = UsersFile::new().user("ada", PASSWORD);
    let identity = host(&users).await.accepts("ADA", PASSWORD).await;
    assert_eq!((identity.subject.as_str(), identity.login.as_str()), ("id-1", "ada"));
    assert_eq!(identity.email.as_deref(), Some("ada@file.example.com"));
    assert_eq!(identity.groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["everybody"]);
}

#[tokio::test]
async fn each_refusal_has_its_own_reason() {
    let users = UsersFile::new().user("ada", PASSWORD).disabled_user("grace", PASSWORD);
    let host = host(&users).await;
    assert_eq!(host.rejects("ada", "wrong").await, RejectReason::INVALID_CREDENTIALS);
    assert_eq!(host.rejects("ada", "").await, RejectReason::EMPTY_PASSWORD);
    assert_eq!(host.rejects("ada", &format!("{PASSWORD}\0")).await, RejectReason::INPUT_REFUSED);
    assert_eq!(host.rejects("nobody", PASSWORD).await, RejectReason::UNKNOWN_USER);
    assert_eq!(host.rejects("grace", "wrong").await, RejectReason::INVALID_CREDENTIALS);
}

#[tokio::test]
async fn that_an_account_is_disabled_is_told_after_the_right_password_alone() {
    let users = UsersFile::new().disabled_user("grace", PASSWORD);
    let host = host(&users).await;
    let Ok(Decision::Rejected(right)) = host.login("grace", PASSWORD).await else {
        panic!("a disabled user is rejected")
    };
    assert_eq!((right.reason, right.user_code), (RejectReason::ACCOUNT_DISABLED, UserCode::ACCOUNT_DISABLED));
    let Ok(Decision::Rejected(wrong)) = host.login("grace", "wrong").await else {
        panic!("a wrong password is rejected")
    };
    assert_eq!(wrong.user_code, UserCode::INVALID_CREDENTIALS);
}

#[tokio::test]
async fn everybody_in_the_file_is_listed() {
    let users = UsersFile::new().user("ada", PASSWORD).disabled_user("grace", PASSWORD);
    let (listed, end) = host(&users).await.list().await;
    assert_eq!(end, Ok(()));
    let told: Vec<_> = listed.iter().map(|user| (user.login.as_deref(), user.refusal.as_ref())).collect();
    assert_eq!(told, [(Some("ada"), None), (Some("grace"), Some(&RejectReason::ACCOUNT_DISABLED))]);
}

#[tokio::test]
async fn a_missing_users_file_is_refused_by_the_name_of_its_setting() {
    let Err(fault) = Host::try_file(&json!({"users_file": "/nowhere/users.toml"})).await else { panic!("accepted") };
    let Fault::Misconfigured { setting: Some(key), .. } = &fault else { panic!("{fault:?}") };
    assert_eq!(key, "users_file");
}

#[tokio::test]
async fn two_different_plugins_work_in_one_process() {
    let directory = Directory::start();
    let users = UsersFile::new().user("ada", PASSWORD);
    let of_ldap = Host::with_ldap(&directory.settings()).await;
    let of_the_file = host(&users).await;
    of_ldap.accepts("alice", &password_of("alice")).await;
    of_the_file.accepts("ada", PASSWORD).await;
    assert_eq!(of_ldap.rejects("ada", PASSWORD).await, RejectReason::UNKNOWN_USER);
    assert_eq!(of_the_file.rejects("alice", &password_of("alice")).await, RejectReason::UNKNOWN_USER);
}

#[tokio::test]
async fn a_plugin_says_which_settings_it_takes_and_which_are_secret() {
    let ldap = Plugin::open(plugin::ldap_provider(), &Trust::developer()).await.unwrap();
    let file = Plugin::open(plugin::file_provider(), &Trust::developer()).await.unwrap();
    assert_eq!((ldap.description().id.as_str(), file.description().id.as_str()), ("ldap", "file"));
    assert_eq!(ldap.description().secret_settings().collect::<Vec<_>>(), ["bind_password"]);
    let properties = ldap.description().settings_schema["properties"].as_object().unwrap().clone();
    let expected = [
        "host",
        "port",
        "base_dn",
        "scope",
        "bind_dn",
        "bind_password",
        "filter",
        "username_attribute",
        "start_tls",
        "no_tls_verify",
        "ca_file",
        "tls_server_name",
        "require_tls",
        "subject_attribute",
        "timeout",
    ];
    for key in expected {
        let property = properties.get(key).unwrap_or_else(|| panic!("{key} is not in the schema"));
        assert!(property["description"].is_string(), "{key} is not described");
    }
    // Configuring is checked in the plugin, whatever the host read in the schema.
    assert!(ldap.configure(&json!({}), &HostServices::silent()).await.is_err());
}
