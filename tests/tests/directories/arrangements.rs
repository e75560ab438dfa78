//! The servers themselves, asked by OpenLDAP's client: that what the fixtures arrange is what the other tests take it
//! for.

use tests::deployment::{ALLOWED_FAILURES, AccountState, Deployment, Kind, Person};

use crate::promise::{Promise, promise};
use crate::table::{self, Bound};

pub(crate) fn promises() -> Vec<Promise> {
    vec![
        promise!(the_server_answers_a_bind_in_each_account_state_as_the_table_says),
        promise!(the_server_counts_wrong_passwords_and_forgets_them_after_a_right_one),
        promise!(a_renamed_moved_and_deleted_person_is_where_the_fixture_says),
        promise!(what_the_server_says_of_groups_is_in_the_table),
        promise!(the_requests_that_the_server_tells_of_are_counted).alone(),
    ]
}

async fn the_server_answers_a_bind_in_each_account_state_as_the_table_says(server: &dyn Deployment) {
    let mut differences = Vec::new();
    for state in AccountState::ALL {
        let person = server.add_person(&format!("raw-{}", state.name()));
        let known = server.put_in_state(&person, state);
        let answer = server.bind(&person, &person.password);
        let expected = table::bind_in(server.kind(), state);
        let same = match &expected {
            Bound::NoSuchState => !known,
            Bound::Answer(code, text) => known && answer.code == *code && answer.text.contains(text),
        };
        if !same {
            differences.push(format!("{state:?}: {answer:?} instead of {expected:?}"));
        }
        let wrong = server.bind(&person, "wrong");
        if wrong.code == 0 {
            differences.push(format!("{state:?}: a wrong password is right"));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}

async fn the_server_counts_wrong_passwords_and_forgets_them_after_a_right_one(server: &dyn Deployment) {
    let person = server.add_person("counted");
    for failures in 1..ALLOWED_FAILURES {
        server.fail(&person, 1);
        assert_eq!(server.failed_attempts(&person), failures);
    }
    assert_eq!(server.bind(&person, &person.password).code, 0);
    assert_eq!(server.failed_attempts(&person), 0);
}

async fn a_renamed_moved_and_deleted_person_is_where_the_fixture_says(server: &dyn Deployment) {
    let before = server.add_person("before, renamed");
    let subject = server.subject(&before);
    let group = server.add_group("of the renamed", &[&before.dn]);
    let renamed = server.rename(&before, "renamed+then");
    let moved = server.move_away(&renamed);
    assert_eq!(server.client().read_if_there(&before.dn, "cn"), None);
    assert_eq!(server.client().read_if_there(&renamed.dn, "cn"), None);
    assert_eq!(server.subject(&moved), subject);
    assert_eq!(server.bind(&moved, &moved.password).code, 0, "{moved:?}");
    // Referential integrity: the group follows, on OpenLDAP and 389 DS a moment later.
    let is_moved = |member: &String| member.to_lowercase().contains("engineers");
    let follows = || server.client().read(&group, "member").iter().any(is_moved);
    assert!((0..100).any(|_| follows() || {
        std::thread::sleep(std::time::Duration::from_millis(20));
        false
    }));
    server.delete(&moved);
    assert_eq!(server.client().read_if_there(&moved.dn, "cn"), None);
    let again = server.add_person("renamed+then");
    assert_ne!(server.subject(&again), subject);
}

async fn what_the_server_says_of_groups_is_in_the_table(server: &dyn Deployment) {
    let person = server.add_person("memberof");
    let inner = server.add_group("memberof-inner", &[&person.dn]);
    let outer = server.add_group("memberof-outer", &[&inner]);
    let names = |values: &[String]| {
        let mut names: Vec<&str> = values.iter().filter_map(|dn| dn.split(',').next()?.split('=').nth(1)).collect();
        names.sort_unstable();
        names.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let groups = names(&server.client().read(&person.dn, "memberOf"));
    assert_eq!(groups, table::member_of(server.kind(), "memberof-inner", "memberof-outer"));
    // A ring, and a primary group.
    server.join(&inner, &outer);
    if server.set_primary_group(&person, &inner) {
        let groups = names(&server.client().read(&person.dn, "memberOf"));
        assert!(!groups.contains(&"memberof-inner".to_owned()), "a primary group is not in memberOf: {groups:?}");
    } else {
        assert_ne!(server.kind(), Kind::Samba);
    }
}

async fn the_requests_that_the_server_tells_of_are_counted(server: &dyn Deployment) {
    let person: Person = server.add_person("asking");
    let before = server.requests();
    server.bind(&person, &person.password);
    let asked = server.requests() - before;
    assert_eq!((asked.binds, asked.searches), (1, 1));
    let before = server.requests();
    server.fail(&person, 2);
    let asked = server.requests() - before;
    assert_eq!((asked.binds, asked.searches), (2, 0));
}
