//! The DN of the entry that was found is what is bound as, in the spelling in which the directory sent it: whoever
//! writes it anew can only get it wrong.

use provider_api::RejectReason;
use serde_json::json;
use tests::host::Host;
use tests::hostile::wire::Request;
use tests::oracle::{OnlyEntry, Oracle, knows_one};

use super::lane::{BASE_DN, settings};

/// First components of DNs: the examples of RFC 4514 section 4, and spellings that nobody has to use.
const FIRST_COMPONENTS: &[&str] = &[
    "UID=jsmith",
    "OU=Sales+CN=J.  Smith",
    "CN=J.  Smith+OU=Sales",
    "CN=James \\\"Jim\\\" Smith\\, III",
    "CN=Before\\0dAfter",
    "1.3.6.1.4.1.1466.0=#04024869",
    "CN=Lu\\C4\\8Di\\C4\\87",
    "CN=Lučić",
    "uid=\\61lice",
    "uid=\\20 alice\\20",
    "uid=\\ alice\\ ",
    "uid=\\#alice",
    "uid=a\\,b\\+c\\;d\\<e\\>f\\=g",
    "uid=a\\2cb\\2bc",
    "uid=a=b",
    "uid=x\\,ou\\=admins",
    "uid=a\\\\b",
    "uid=\\00",
    "uid=alice)(uid=*",
    "uid=*",
    "uid=ａｌｉｃｅ",
    "uid=jose\u{301}",
    "UID = alice",
];

async fn host(oracle: &Oracle) -> Host {
    let mut settings = settings(oracle);
    settings["username_attribute"] = json!("uid");
    Host::with_ldap(&settings).await
}

#[tokio::test]
async fn the_dn_that_was_found_is_bound_as_octet_for_octet() {
    let oracle = Oracle::start().await;
    let host = host(&oracle).await;
    // The first two logins have the connections opened, of which one is asked for a sign of life.
    oracle.answers(knows_one(OnlyEntry::of_person("alice", format!("uid=alice,{BASE_DN}"))));
    for _ in 0..2 {
        host.accepts("alice", "a password").await;
    }
    drop(oracle.asked());
    for component in FIRST_COMPONENTS {
        let dn = format!("{component},{BASE_DN}");
        oracle.answers(knows_one(OnlyEntry::of_person("alice", dn.as_str())));
        host.accepts("alice", "a password").await;
        let asked: Vec<Request> = oracle.asked().into_iter().map(Result::unwrap).collect();
        let [Request::Search { .. }, Request::Bind { name, .. }] = asked.as_slice() else {
            panic!("{dn}: one search and one bind were to be made, not {asked:?}")
        };
        assert_eq!(name, dn.as_bytes(), "{dn}");
    }
}

/// A proxy that answers every search with somebody does not let everybody in as that person.
#[tokio::test]
async fn an_entry_that_does_not_carry_the_typed_name_is_not_bound_as() {
    let oracle = Oracle::start().await;
    let host = host(&oracle).await;
    oracle.answers(knows_one(OnlyEntry::of_person("alice", format!("uid=alice,{BASE_DN}"))));
    for other in ["bob", "alic", "alice2", "*", "ali*", "аlice", "a lice", "alice)(uid=*", "\\61lice"] {
        assert_eq!(host.rejects(other, "a password").await, RejectReason::NAME_MISMATCH, "{other:?}");
        let asked = oracle.asked();
        assert!(matches!(asked.as_slice(), [Ok(Request::Search { .. })]), "{other:?}: {asked:?}");
    }
    for spelling in ["alice", "ALICE", " alice ", "ａｌｉｃｅ", "alice\u{a0}"] {
        host.accepts(spelling, "a password").await;
    }
}
