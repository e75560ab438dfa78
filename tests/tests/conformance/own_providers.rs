use provider_api::conformance::Subject;
use serde_json::json;
use tests::directory::{Directory, Transport, password_of};
use tests::plugin;
use tests::users_file::UsersFile;

#[tokio::test(flavor = "multi_thread")]
async fn the_file_provider_keeps_the_contract() {
    let file = UsersFile::new()
        .user("ada", "canary: the password of ada")
        .user("grace", "canary: the password of grace")
        .disabled_user("mary", "canary: the password of mary");
    Subject::new(plugin::file_provider(), file.settings())
        .user("ada", "canary: the password of ada")
        .user("grace", "canary: the password of grace")
        .disabled("mary", "canary: the password of mary")
        .check()
        .await
        .assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ldap_provider_keeps_the_contract() {
    let directory = Directory::start();
    for transport in [Transport::Plain, Transport::Ldaps] {
        let settings = directory.settings_over(transport);
        let mut unreachable = settings.clone();
        unreachable["host"] = json!("ldap://127.0.0.1:1");
        if let Some(settings) = unreachable.as_object_mut() {
            settings.retain(|key, _| matches!(key.as_str(), "host" | "base_dn"));
        }
        Subject::new(plugin::ldap_provider(), settings)
            .user("alice", &password_of("alice"))
            .user("bob", &password_of("bob"))
            .unreachable(unreachable)
            .check()
            .await
            .assert_passed();
    }
}
