//! Many ways to write one name: each is that person or nobody, and never somebody else.

use serde_json::json;
use tests::deployment::{Deployment, Ldif};
use tests::spellings;

use crate::answer::Answer;
use crate::promise::{Promise, promise};
use crate::settings::host_with;
use crate::table;

/// Somebody's login, and what may be typed that looks like it, is it, or was meant to be.
const SPELLINGS: &[(&str, &[&[&str]])] = &[
    ("alice", &[spellings::OF_ALICE, &["*", "a*", "", "   ", "alice)(uid=*"]]),
    ("josé", &[&["jos\u{e9}", "jose\u{301}", "JOS\u{c9}", "jose"]]),
    ("straße", &[&["straße", "strasse", "STRASSE", "STRA\u{1e9e}E"]]),
    ("kelvin", &[&["kelvin", "\u{212a}elvin"]]),
    ("istanbul", &[&["istanbul", "\u{130}stanbul", "\u{131}stanbul", "ISTANBUL"]]),
];

pub(crate) fn promises() -> Vec<Promise> {
    vec![promise!(each_spelling_is_the_person_whom_the_table_says_or_nobody)]
}

async fn each_spelling_is_the_person_whom_the_table_says_or_nobody(server: &dyn Deployment) {
    let unit = server.add_unit("spellings");
    let mut ldif = Ldif::default();
    let people: Vec<_> = SPELLINGS.iter().map(|(login, _)| server.write_person(login, &unit, &mut ldif)).collect();
    server.client().change(&ldif);
    let host = host_with(server, json!({ "base_dn": unit })).await;
    let mut differences = Vec::new();
    for (person, (login, spellings)) in people.iter().zip(SPELLINGS) {
        let subject = server.subject(person);
        for spelling in spellings.iter().copied().flatten() {
            let is_accepted = match host.login(spelling, &person.password).await {
                Ok(provider_api::Decision::Accepted(accepted)) => {
                    assert_eq!(accepted.identity.subject, subject, "{spelling:?}");
                    assert_eq!(accepted.identity.login, *login, "{spelling:?}");
                    true
                }
                Ok(provider_api::Decision::Rejected(rejection)) => {
                    assert_eq!(rejection.user_code.as_str(), "invalid_credentials", "{spelling:?}");
                    false
                }
                Err(fault) => panic!("{spelling:?}: {fault}"),
            };
            if is_accepted != table::is_a_spelling_of(server.kind(), login, spelling) {
                differences.push(format!("{login}: {spelling:?} accepted: {is_accepted}"));
            }
        }
        // None of them was a wrong password for the person.
        assert_eq!(server.failed_attempts(person), 0);
        assert_eq!(Answer::of(&host, &person.login, &person.password).await, Answer::accepted());
    }
    assert!(differences.is_empty(), "{differences:#?}");
}
