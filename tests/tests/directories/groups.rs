//! The groups that somebody belongs to, and what depends on them.

use provider_api::Identity;
use serde_json::{Value, json};
use tests::deployment::{Deployment, Ldif, Person};
use tests::host::Host;

use crate::answer::{Answer, group_names};
use crate::promise::{Promise, promise};
use crate::settings::host_with;
use crate::table;

/// Many groups: so many chains, each of groups in groups.
const CHAINS: usize = 40;
const DEEP: usize = 5;

pub(crate) fn promises() -> Vec<Promise> {
    vec![
        promise!(nested_groups_are_complete_by_each_way_of_finding_them),
        promise!(groups_can_be_the_direct_ones_alone),
        promise!(a_group_comes_with_its_name_its_dn_and_its_immutable_id),
        promise!(a_ring_of_groups_is_complete_and_comes_to_an_end),
        promise!(two_hundred_groups_nested_five_deep_are_complete),
        promise!(a_group_with_a_hard_name_is_a_group_like_others),
        promise!(the_primary_group_counts),
        promise!(whoever_is_in_a_required_group_is_let_in_and_nobody_else),
        promise!(a_member_of_a_denied_group_is_not_let_in),
        promise!(a_denied_group_that_nobody_can_see_lets_nobody_in),
        promise!(a_group_of_the_same_name_elsewhere_is_another_group),
        promise!(a_required_group_can_be_written_in_other_ways),
        promise!(groups_cost_a_login_no_more_requests_than_the_table_says).alone(),
    ]
}

async fn with_groups(server: &dyn Deployment, how: &str) -> Host {
    host_with(server, json!({ "groups": how })).await
}

/// The names of the groups without those that everybody is in.
fn own_groups<'a>(server: &dyn Deployment, identity: &'a Identity) -> Vec<&'a str> {
    let everybodys = table::everybodys_groups(server.kind());
    group_names(identity).into_iter().filter(|name| !everybodys.contains(name)).collect()
}

async fn nested_groups_are_complete_by_each_way_of_finding_them(server: &dyn Deployment) {
    let person = server.add_person("nested");
    let inner = server.add_group("nested-inner", &[&person.dn]);
    let middle = server.add_group("nested-middle", &[&inner]);
    server.add_group("nested-outer", &[&middle]);
    server.add_group("nested-not", &[&server.add_person("nested-other").dn]);
    for way in table::ways_to_find_groups(server.kind()) {
        let host = with_groups(server, way).await;
        let identity = host.accepts("nested", &person.password).await;
        assert_eq!(own_groups(server, &identity), ["nested-inner", "nested-middle", "nested-outer"], "{way}");
    }
}

async fn groups_can_be_the_direct_ones_alone(server: &dyn Deployment) {
    let person = server.add_person("shallow");
    let inner = server.add_group("shallow-inner", &[&person.dn]);
    server.add_group("shallow-outer", &[&inner]);
    let host = host_with(server, json!({ "groups": "search", "nested_groups": false })).await;
    let identity = host.accepts("shallow", &person.password).await;
    assert_eq!(own_groups(server, &identity), ["shallow-inner"]);
}

async fn a_group_comes_with_its_name_its_dn_and_its_immutable_id(server: &dyn Deployment) {
    let person = server.add_person("labelled");
    let dn = server.add_group("labelled-group", &[&person.dn]);
    let id = server.subject(&Person { dn: dn.clone(), ..person.clone() });
    let host = with_groups(server, "auto").await;
    let identity = host.accepts("labelled", &person.password).await;
    let group = identity.groups.iter().find(|group| group.name == "labelled-group").expect("the group");
    assert!(group.dn.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(&dn)), "{group:?}");
    assert_eq!(group.id.as_deref(), Some(id.as_str()));
}

async fn a_ring_of_groups_is_complete_and_comes_to_an_end(server: &dyn Deployment) {
    let person = server.add_person("ring");
    let first = server.add_group("ring-1", &[&person.dn]);
    let second = server.add_group("ring-2", &[&first]);
    let third = server.add_group("ring-3", &[&second]);
    server.join(&first, &third);
    for way in table::ways_to_find_groups(server.kind()) {
        let host = with_groups(server, way).await;
        let identity = host.accepts("ring", &person.password).await;
        assert_eq!(own_groups(server, &identity), ["ring-1", "ring-2", "ring-3"], "{way}");
    }
}

/// Adds [`CHAINS`] chains of [`DEEP`] groups around a person. Gives the names, sorted.
fn add_chains(server: &dyn Deployment, person: &Person, prefix: &str) -> Vec<String> {
    let mut ldif = Ldif::default();
    let mut names = Vec::new();
    for chain in 1..=CHAINS {
        let mut member = person.dn.clone();
        for depth in 1..=DEEP {
            let name = format!("{prefix}-{chain:02}-{depth}");
            member = server.write_group(&name, &[&member], &mut ldif);
            names.push(name);
        }
    }
    server.client().change(&ldif);
    names
}

async fn two_hundred_groups_nested_five_deep_are_complete(server: &dyn Deployment) {
    let person = server.add_person("crowded");
    let names = add_chains(server, &person, "crowded");
    assert_eq!(names.len(), 200);
    for way in table::ways_to_find_groups(server.kind()) {
        let host = with_groups(server, way).await;
        let identity = host.accepts("crowded", &person.password).await;
        assert_eq!(own_groups(server, &identity), names, "{way}");
    }
}

async fn a_group_with_a_hard_name_is_a_group_like_others(server: &dyn Deployment) {
    let person = server.add_person("commas, and (so) \\on");
    let name = "group, of \"them\" + (us) \\ #ü";
    let inner = server.add_group(name, &[&person.dn]);
    server.add_group("around the hard one", &[&inner]);
    for way in table::ways_to_find_groups(server.kind()) {
        let host = host_with(server, json!({ "groups": way, "required_groups": inner })).await;
        let identity = host.accepts(&person.login, &person.password).await;
        assert_eq!(own_groups(server, &identity), ["around the hard one", name], "{way}");
    }
}

async fn the_primary_group_counts(server: &dyn Deployment) {
    let person = server.add_person("primary");
    let primary = server.add_group("primary-group", &[&person.dn]);
    server.add_group("around-primary", &[&primary]);
    // Where there is no such thing, the group stays one like others.
    server.set_primary_group(&person, &primary);
    for way in table::ways_to_find_groups(server.kind()) {
        let host = host_with(server, json!({ "groups": way, "required_groups": primary })).await;
        let identity = host.accepts("primary", &person.password).await;
        assert_eq!(own_groups(server, &identity), ["around-primary", "primary-group"], "{way}");
    }
}

async fn whoever_is_in_a_required_group_is_let_in_and_nobody_else(server: &dyn Deployment) {
    let inside = server.add_person("inside");
    let nested = server.add_person("inside-nested");
    let outside = server.add_person("outside");
    let inner = server.add_group("required-inner", &[&nested.dn]);
    let required = server.add_group("required", &[&inside.dn, &inner]);
    let other = server.add_group("required-other", &[&server.add_person("somebody").dn]);
    for groups in [json!(required), json!([other, required])] {
        let host = host_with(server, json!({ "required_groups": groups })).await;
        for person in [&inside, &nested] {
            assert_eq!(Answer::of(&host, &person.login, &person.password).await, Answer::accepted(), "{groups}");
        }
        let answer = Answer::of(&host, "outside", &outside.password).await;
        assert_eq!(answer, Answer::rejected_telling("not_in_required_group", "logon_not_allowed"));
        assert_eq!(Answer::of(&host, "outside", "wrong").await, Answer::rejected("invalid_credentials"));
    }
}

async fn a_member_of_a_denied_group_is_not_let_in(server: &dyn Deployment) {
    let person = server.add_person("denied");
    let other = server.add_person("not-denied");
    let inner = server.add_group("denied-inner", &[&person.dn]);
    let denied = server.add_group("denied-group", &[&inner]);
    let required = server.add_group("denied-required", &[&person.dn, &other.dn]);
    let host = host_with(server, json!({ "denied_groups": [denied], "required_groups": [required] })).await;
    let answer = Answer::of(&host, "denied", &person.password).await;
    assert_eq!(answer, Answer::rejected_telling("in_denied_group", "logon_not_allowed"));
    assert_eq!(Answer::of(&host, "denied", "wrong").await, Answer::rejected("invalid_credentials"));
    assert_eq!(Answer::of(&host, "not-denied", &other.password).await, Answer::accepted());
}

async fn a_denied_group_that_nobody_can_see_lets_nobody_in(server: &dyn Deployment) {
    let person = server.add_person("doubtful");
    let group = server.add_group("doubtful-group", &[&person.dn]);
    let misspelt = group.replacen("doubtful-group", "doubtful-grp", 1);
    let host = host_with(server, json!({ "denied_groups": misspelt })).await;
    let fault = host.cannot_tell("doubtful", &person.password).await;
    assert_eq!(fault.code(), "setting_invalid", "{fault}");
    assert_eq!(Answer::of(&host, "doubtful", "wrong").await, Answer::rejected("invalid_credentials"));
    let report = host.validate().await;
    assert_eq!(report.first_failed().map(|stage| stage.id.as_str()), Some("groups"), "{report:#?}");
}

async fn a_group_of_the_same_name_elsewhere_is_another_group(server: &dyn Deployment) {
    let person = server.add_person("impostor");
    let evil = server.add_group("admins", &[&person.dn]);
    let unit = server.add_unit("evil");
    let mut ldif = Ldif::default();
    let evil = ldif.relocate(&evil, &unit);
    table::write_room_for_the_same_name(server.kind(), &evil, &mut ldif);
    server.client().change(&ldif);
    let right = server.add_group("admins", &[&server.add_person("admin-indeed").dn]);
    assert_ne!(evil, right);
    for way in table::ways_to_find_groups(server.kind()) {
        let host = host_with(server, json!({ "groups": way, "required_groups": right })).await;
        let answer = Answer::of(&host, "impostor", &person.password).await;
        assert_eq!(answer, Answer::rejected_telling("not_in_required_group", "logon_not_allowed"), "{way}");
    }
}

async fn a_required_group_can_be_written_in_other_ways(server: &dyn Deployment) {
    let person = server.add_person("spelled");
    let group = server.add_group("spelled, group", &[&person.dn]);
    for spelling in [group.to_uppercase(), group.replace("\\,", "\\2c"), group.replace(",ou", " , ou")] {
        let host = host_with(server, json!({ "required_groups": spelling })).await;
        assert_eq!(Answer::of(&host, "spelled", &person.password).await, Answer::accepted(), "{spelling}");
    }
}

/// How many requests one login makes when its connections are open.
async fn cost_of_a_login(server: &dyn Deployment, person: &Person, further: Value) -> usize {
    let host = host_with(server, further).await;
    for _ in 0..2 {
        host.accepts(&person.login, &person.password).await;
    }
    let before = server.requests();
    host.accepts(&person.login, &person.password).await;
    (server.requests() - before).total()
}

async fn groups_cost_a_login_no_more_requests_than_the_table_says(server: &dyn Deployment) {
    let person = server.add_person("thrifty");
    let inner = server.add_group("thrifty-inner", &[&person.dn]);
    server.add_group("thrifty-outer", &[&inner]);
    let crowded = server.add_person("thrifty-crowded");
    add_chains(server, &crowded, "thrifty");
    // Groups whose outermost ones are at each level.
    let mixed = server.add_person("thrifty-mixed");
    let mut ldif = Ldif::default();
    for deep in 1..=DEEP {
        let mut member = mixed.dn.clone();
        for level in 1..=deep {
            member = server.write_group(&format!("thrifty-mixed-{deep}-{level}"), &[&member], &mut ldif);
        }
    }
    server.client().change(&ldif);
    let mut beyond = Vec::new();
    for (person, deep) in [(person, 2), (crowded, DEEP), (mixed, DEEP)] {
        let without = cost_of_a_login(server, &person, json!({ "groups": "none" })).await;
        assert_eq!(without, 2, "a search and a bind");
        for way in table::ways_to_find_groups(server.kind()) {
            let further = cost_of_a_login(server, &person, json!({ "groups": way })).await - without;
            let most = table::requests_for_groups(server.kind(), way, deep);
            if further > most {
                beyond.push(format!("{}, {way}: {further} instead of {most}", person.login));
            }
        }
    }
    assert!(beyond.is_empty(), "{beyond:#?}");
}
