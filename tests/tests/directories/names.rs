//! Who is meant by what was typed.

use serde_json::{Value, json};
use tests::deployment::{Deployment, Ldif};
use tests::directory::HARD_NAMES;
use tests::host::Host;

use crate::answer::Answer;
use crate::promise::{Promise, promise};
use crate::settings::host_with;
use crate::table;

pub(crate) fn promises() -> Vec<Promise> {
    vec![
        promise!(host_base_account_and_password_are_settings_enough_for_each_name_form),
        promise!(a_wrong_password_is_rejected_by_each_name_form),
        promise!(names_of_somewhere_else_are_nobodys),
        promise!(each_hard_name_logs_in_as_itself),
        promise!(each_hard_name_is_rejected_with_the_password_of_another),
        promise!(what_the_server_is_can_be_said_instead_of_found_out),
        promise!(a_bind_template_needs_no_service_account),
        promise!(the_settings_are_found_valid),
    ]
}

async fn host_base_account_and_password_are_settings_enough_for_each_name_form(server: &dyn Deployment) {
    let person = server.add_person("minimal");
    let subject = server.subject(&person);
    let host = Host::with_ldap(&server.settings()).await;
    for name in table::name_forms(server.kind(), &person) {
        let identity = host.accepts(&name, &person.password).await;
        assert_eq!((identity.login.as_str(), identity.subject.as_str()), ("minimal", subject.as_str()), "{name:?}");
        assert_eq!(identity.subject_attribute, table::subject_attribute(server.kind()));
        assert_eq!(identity.display_name.as_deref(), Some("Full name of minimal"));
        assert_eq!(identity.groups, [], "groups are not asked for");
    }
}

async fn a_wrong_password_is_rejected_by_each_name_form(server: &dyn Deployment) {
    let host = Host::with_ldap(&server.settings()).await;
    for (number, _) in table::name_forms(server.kind(), &server.add_person("form")).iter().enumerate() {
        // Somebody new for each, whom nothing locks.
        let person = server.add_person(&format!("form{number}"));
        let name = &table::name_forms(server.kind(), &person)[number];
        assert_eq!(Answer::of(&host, name, "wrong").await, Answer::rejected("invalid_credentials"), "{name:?}");
    }
}

async fn names_of_somewhere_else_are_nobodys(server: &dyn Deployment) {
    let person = server.add_person("elsewhere");
    let host = Host::with_ldap(&server.settings()).await;
    for name in table::names_of_somewhere_else(server.kind(), &person) {
        let answer = Answer::of(&host, &name, &person.password).await;
        assert_eq!(answer, Answer::rejected("unknown_user"), "{name:?}");
    }
    assert_eq!(server.failed_attempts(&person), 0);
}

/// Those with hard names, in a unit of their own: each with a login as the server has it.
fn hard_people(server: &dyn Deployment, unit: &str) -> (String, Vec<tests::deployment::Person>) {
    let unit_dn = server.add_unit(unit);
    let mut ldif = Ldif::default();
    // An account's name is one in the whole domain on Samba: each test has its own.
    let people = HARD_NAMES.iter().map(|name| server.write_person(&table::hard_name(unit, name), &unit_dn, &mut ldif));
    let people = people.collect();
    server.client().change(&ldif);
    (unit_dn, people)
}

async fn each_hard_name_logs_in_as_itself(server: &dyn Deployment) {
    let (unit, people) = hard_people(server, "hard");
    let host = host_with(server, json!({ "base_dn": unit })).await;
    for person in people {
        let identity = host.accepts(&person.login, &person.password).await;
        assert_eq!((&identity.login, &identity.subject), (&person.login, &server.subject(&person)));
    }
}

async fn each_hard_name_is_rejected_with_the_password_of_another(server: &dyn Deployment) {
    let (unit, people) = hard_people(server, "harder");
    let host = host_with(server, json!({ "base_dn": unit })).await;
    for (person, other) in people.iter().zip(people.iter().cycle().skip(1)) {
        let answer = Answer::of(&host, &person.login, &other.password).await;
        assert_eq!(answer, Answer::rejected("invalid_credentials"), "{:?}", person.login);
        assert_eq!(server.failed_attempts(person), 1, "{:?}", person.login);
    }
}

async fn what_the_server_is_can_be_said_instead_of_found_out(server: &dyn Deployment) {
    let person = server.add_person("said");
    for word in ["auto", server.kind().name()] {
        let host = host_with(server, json!({ "directory": word })).await;
        for name in table::name_forms(server.kind(), &person) {
            assert_eq!(Answer::of(&host, &name, &person.password).await, Answer::accepted(), "{word}: {name:?}");
        }
    }
}

async fn a_bind_template_needs_no_service_account(server: &dyn Deployment) {
    let person = server.add_person("direct");
    let mut settings = server.settings();
    let members = settings.as_object_mut().expect("settings are an object");
    members.remove("bind_dn");
    members.remove("bind_password");
    settings["bind_template"] = Value::from(table::bind_template(server.kind(), &server.people()));
    let host = Host::with_ldap(&settings).await;
    let identity = host.accepts("direct", &person.password).await;
    assert_eq!((identity.login.as_str(), identity.subject), ("direct", server.subject(&person)));
    let before = server.failed_attempts(&person);
    assert_eq!(Answer::of(&host, "direct", "wrong").await, Answer::rejected("invalid_credentials"));
    assert_eq!(server.failed_attempts(&person), before + 1);
}

async fn the_settings_are_found_valid(server: &dyn Deployment) {
    let report = Host::with_ldap(&server.settings()).await.validate().await;
    assert!(report.is_valid(), "{report:#?}");
}
