//! What the matter with an account is, and who may know.

use tests::deployment::{AccountState, Deployment};
use tests::host::Host;

use crate::answer::Answer;
use crate::promise::{Promise, promise};
use crate::table;

pub(crate) fn promises() -> Vec<Promise> {
    vec![
        promise!(each_account_state_comes_to_what_the_table_says),
        promise!(with_a_wrong_password_no_account_state_can_be_told_from_another),
    ]
}

async fn each_account_state_comes_to_what_the_table_says(server: &dyn Deployment) {
    let host = Host::with_ldap(&server.settings()).await;
    let mut differences = Vec::new();
    for state in AccountState::ALL {
        let login = format!("state-{}", state.name());
        let person = server.add_person(&login);
        let known = server.put_in_state(&person, state);
        let expected = table::login_in(server.kind(), state);
        assert_eq!(known, expected.is_some(), "{state:?}");
        let Some(expected) = expected else { continue };
        let answer = Answer::of(&host, &login, &person.password).await;
        if answer != expected {
            differences.push(format!("{state:?}: {answer:?} instead of {expected:?}"));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}

async fn with_a_wrong_password_no_account_state_can_be_told_from_another(server: &dyn Deployment) {
    let host = Host::with_ldap(&server.settings()).await;
    for state in AccountState::ALL {
        let login = format!("veiled-{}", state.name());
        let person = server.add_person(&login);
        server.put_in_state(&person, state);
        match Answer::of(&host, &login, "wrong").await {
            Answer::Rejected(_, user_code) => assert_eq!(user_code, "invalid_credentials", "{state:?}"),
            other => panic!("{state:?}: {other:?}"),
        }
    }
}
