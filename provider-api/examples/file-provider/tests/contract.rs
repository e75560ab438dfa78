//! The plugin file, as a host sees it: does it keep the contract? A copy of this package states its own people here.

use std::fs;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use provider_api::conformance::{Subject, plugin_of_this_package};
use serde_json::json;

fn user(name: &str, more: &str) -> String {
    // At the lowest cost there is: this is not about the cost.
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(Params::MIN_M_COST, 1, 1, None).unwrap());
    let hash = argon2.hash_password(password(name).as_bytes()).unwrap();
    format!("[[users]]\nid = \"id-of-{name}\"\nname = \"{name}\"\npassword_hash = \"{hash}\"\n{more}\n")
}

fn password(name: &str) -> String {
    format!("the password of {name}")
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.toml");
    fs::write(&file, user("ada", "") + &user("grace", "") + &user("mary", "disabled = true")).unwrap();
    Subject::new(plugin_of_this_package("file_provider"), json!({ "users_file": file }))
        .user("ada", &password("ada"))
        .user("grace", &password("grace"))
        .disabled("mary", &password("mary"))
        .check()
        .await
        .assert_passed();
}
