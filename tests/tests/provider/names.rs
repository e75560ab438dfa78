//! Which entry a typed name means: scope, username attributes, the filter, and names that are hard to write.

use provider_api::RejectReason;
use serde_json::{Value, json};
use tests::directory::{Directory, HARD_NAMES, Person, SUFFIX, password_of};
use tests::host::Host;

async fn with(directory: &Directory, key: &str, value: Value) -> Host {
    let mut settings = directory.settings();
    settings[key] = value;
    Host::with_ldap(&settings).await
}

#[tokio::test]
async fn scope_one_sees_the_entries_right_below_the_base() {
    let directory = Directory::start();
    let host = with(&directory, "scope", json!("one")).await;
    host.accepts("alice", &password_of("alice")).await;
    assert_eq!(host.rejects("deep", &password_of("deep")).await, RejectReason::UNKNOWN_USER);
    // The other twin is a level further down.
    host.accepts("twin", &password_of("twin")).await;
}

#[tokio::test]
async fn scope_sub_sees_the_whole_tree_below_the_base() {
    let directory = Directory::start();
    let host = with(&directory, "scope", json!("sub")).await;
    host.accepts("alice", &password_of("alice")).await;
    host.accepts("deep", &password_of("deep")).await;
    assert_eq!(host.rejects("twin", &password_of("twin")).await, RejectReason::AMBIGUOUS_USER);
}

#[tokio::test]
async fn by_default_a_name_is_a_uid_or_a_cn_and_means_the_same_account() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings()).await;
    let by_uid = host.accepts("alice", &password_of("alice")).await;
    let by_cn = host.accepts("Alice Archer", &password_of("alice")).await;
    assert_eq!(by_uid.subject, by_cn.subject);
    assert_eq!(host.rejects("alice@example.com", &password_of("alice")).await, RejectReason::UNKNOWN_USER);
}

#[tokio::test]
async fn the_username_attribute_can_be_the_one_of_active_directory() {
    let directory = Directory::start();
    let host = with(&directory, "username_attribute", json!("sAMAccountName")).await;
    let identity = host.accepts("aarcher", &password_of("alice")).await;
    assert_eq!(identity.login, "AARCHER");
    assert_eq!(host.rejects("alice", &password_of("alice")).await, RejectReason::UNKNOWN_USER);
}

#[tokio::test]
async fn the_username_attribute_can_be_the_mail_address() {
    let directory = Directory::start();
    let host = with(&directory, "username_attribute", json!("mail")).await;
    assert_eq!(host.accepts("alice@example.com", &password_of("alice")).await.login, "alice@example.com");
    assert_eq!(host.rejects("alice", &password_of("alice")).await, RejectReason::UNKNOWN_USER);
}

#[tokio::test]
async fn username_attributes_can_be_a_list_of_which_any_may_match() {
    let directory = Directory::start();
    let host = with(&directory, "username_attribute", json!(["uid", "mail", "sAMAccountName"])).await;
    let mut subjects = Vec::new();
    for name in ["alice", "alice@example.com", "aarcher"] {
        subjects.push(host.accepts(name, &password_of("alice")).await.subject);
    }
    subjects.dedup();
    assert_eq!(subjects.len(), 1, "one person, one account");
    assert_eq!(host.rejects("Alice Archer", &password_of("alice")).await, RejectReason::UNKNOWN_USER);
}

#[tokio::test]
async fn the_filter_narrows_who_may_log_in_with_or_without_outer_parentheses() {
    let directory = Directory::start();
    for filter in ["(&(age=28)(!(name=Bob)))", "&(age=28)(!(name=Bob))"] {
        let host = with(&directory, "filter", json!(filter)).await;
        host.accepts("alice", &password_of("alice")).await;
        // Bob is called Bob, Carol is 30, Deep has no age.
        for login in ["bob", "carol", "deep"] {
            assert_eq!(
                host.rejects(login, &password_of(login)).await,
                RejectReason::UNKNOWN_USER,
                "{login} with {filter}"
            );
        }
    }
}

#[tokio::test]
async fn each_hard_name_logs_in_as_itself() {
    let directory = Directory::start();
    let host = with(&directory, "username_attribute", json!("uid")).await;
    for &login in HARD_NAMES {
        let identity = host.accepts(login, &password_of(login)).await;
        let dn = Person { login, unit: "ou=people", attributes: &[] }.dn();
        assert_eq!(identity.login, login);
        assert_eq!([identity.subject].as_slice(), directory.read(&dn, "entryUUID"), "{login:?}");
    }
}

#[tokio::test]
async fn each_hard_name_is_rejected_with_the_password_of_another() {
    let directory = Directory::start();
    let host = with(&directory, "username_attribute", json!("uid")).await;
    for &login in HARD_NAMES {
        let reason = host.rejects(login, &password_of("alice")).await;
        assert_eq!(reason, RejectReason::INVALID_CREDENTIALS, "{login:?}");
    }
}

#[tokio::test]
async fn a_name_is_a_value_and_never_a_part_of_the_filter() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings()).await;
    let attempts = [
        "*",
        "ali*",
        "alice)(uid=*",
        "*)(uid=*))(|(uid=*",
        "alice)(&)",
        "alice)(userPassword=c*",
        "\\61lice",
        "alic\\65",
        "(",
        ")",
        "((((",
    ];
    for name in attempts {
        assert_eq!(host.rejects(name, &password_of("alice")).await, RejectReason::UNKNOWN_USER, "{name:?}");
    }
    assert_eq!(directory.requests().binds_of(&format!("uid=alice,ou=people,{SUFFIX}")), 0);
}
