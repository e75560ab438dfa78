use std::time::{Duration, Instant};

use directory_data::Dn;
use provider_api::{Credentials, Deadline, Decision, Group, RequestContext, Secret, UserCode};

use super::found::by_dn;
use super::{FoundGroups, GroupPlan, MOST_GROUPS, SEEN_FOR, Source};
use crate::kind::Kind;
use crate::scripted_directory::{Reply, Request, ScriptedDirectory, bound, done, entry, person};
use crate::settings::GroupChoices;

fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap()
}

fn plan(kind: Kind, source: Option<Source>, required: &[&str], denied: &[&str]) -> GroupPlan {
    let dns = |texts: &[&str]| texts.iter().map(|text| dn(text)).collect();
    let choices = GroupChoices { source, nested: true, base: None, required: dns(required), denied: dns(denied) };
    GroupPlan::new(&choices, kind.facts(), Some(&dn("dc=x")), &dn("ou=people,dc=x"))
}

fn groups(dns: &[&str]) -> FoundGroups {
    let mut groups = FoundGroups::default();
    for text in dns {
        groups.add(dn(text), by_dn(&dn(text))).unwrap();
    }
    groups
}

/// The reason of the rejection, `may` if there is none.
fn decided(required: &[&str], denied: &[&str], of: &[&str]) -> String {
    match plan(Kind::OpenLdap, None, required, denied).decide(&groups(of)) {
        Ok(()) => "may".to_owned(),
        Err(rejection) => {
            assert_eq!(rejection.user_code, UserCode::LOGON_NOT_ALLOWED);
            rejection.reason.to_string()
        }
    }
}

#[test]
fn who_is_in_one_of_the_required_groups_may_log_in_however_its_dn_is_written() {
    let required = ["cn=RustDesk Users,ou=groups,dc=x", "cn=admins,dc=x"];
    assert_eq!(decided(&required, &[], &["CN=rustdesk  users, OU=Groups, DC=x"]), "may");
    assert_eq!(decided(&required, &[], &[r"cn=\61dmins,dc=x", "cn=other,dc=x"]), "may");
    assert_eq!(decided(&required, &[], &["cn=other,dc=x"]), "not_in_required_group");
    assert_eq!(decided(&required, &[], &[]), "not_in_required_group");
    assert_eq!(decided(&[], &[], &[]), "may");
}

#[test]
fn a_group_of_the_same_name_elsewhere_is_another_group() {
    assert_eq!(decided(&["cn=admins,ou=groups,dc=x"], &[], &["cn=admins,ou=people,dc=x"]), "not_in_required_group");
    assert_eq!(decided(&["cn=résumé,dc=x"], &[], &["cn=resume,dc=x"]), "not_in_required_group");
}

#[test]
fn who_is_in_a_denied_group_may_not_whatever_else_they_are_in() {
    assert_eq!(decided(&["cn=users,dc=x"], &["cn=left,dc=x"], &["cn=users,dc=x", "CN=Left,DC=x"]), "in_denied_group");
    assert_eq!(decided(&[], &["cn=left,dc=x"], &["cn=users,dc=x"]), "may");
    assert_eq!(decided(&[], &["cn=résumé,dc=x"], &["cn=resume,dc=x"]), "in_denied_group", "what might be meant");
}

#[test]
fn groups_are_counted_once_and_up_to_a_limit() {
    let mut groups = FoundGroups::default();
    for number in 0..MOST_GROUPS {
        let dn = dn(&format!("cn=g{number},dc=x"));
        assert!(groups.add(dn.clone(), by_dn(&dn)).unwrap());
    }
    assert!(!groups.add(dn("CN=G0,DC=X"), Group::named("again")).unwrap());
    assert_eq!(groups.len(), MOST_GROUPS);
    let over = groups.add(dn("cn=one-more,dc=x"), Group::named("one more")).unwrap_err();
    assert_eq!(over.code(), "size_limit");
}

#[test]
fn a_group_that_was_read_is_better_than_one_of_which_the_dn_is_known() {
    let mut groups = groups(&["cn=a,dc=x"]);
    let mut read = by_dn(&dn("cn=a,dc=x"));
    read.id = Some("id".to_owned());
    groups.add(dn("cn=a,dc=x"), read).unwrap();
    groups.add(dn("cn=a,dc=x"), by_dn(&dn("cn=a,dc=x"))).unwrap();
    assert_eq!(groups.into_groups()[0].id.as_deref(), Some("id"));
}

#[test]
fn each_kind_of_directory_is_asked_in_its_own_way() {
    let asked =
        |kind, source| plan(kind, source, &[], &[]).user_attributes().map(ToOwned::to_owned).collect::<Vec<_>>();
    assert_eq!(asked(Kind::ActiveDirectory, None), [""; 0], "tokenGroups takes a search of its own");
    assert_eq!(asked(Kind::Samba, Some(Source::MemberOf)), ["objectSid", "primaryGroupID", "memberOf"]);
    assert_eq!(asked(Kind::OpenLdap, None), ["uid", "gidNumber"]);
    assert_eq!(asked(Kind::OpenLdap, Some(Source::MemberOf)), ["memberOf"]);
    assert_eq!(asked(Kind::Lldap, None), ["memberOf"]);
}

#[test]
fn settings_by_which_a_denied_group_would_deny_nobody_let_nobody_in() {
    let key = |plan: &GroupPlan| match plan.usable() {
        Ok(()) => "usable".to_owned(),
        Err(provider_api::Fault::Misconfigured { setting, .. }) => setting.unwrap_or_default(),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(key(&plan(Kind::OpenLdap, None, &[], &["cn=a,dc=x"])), "usable");
    assert_eq!(key(&plan(Kind::OpenLdap, None, &[], &["cn=a,dc=y"])), "denied_groups");
    assert_eq!(key(&plan(Kind::OpenLdap, None, &["cn=a,dc=y"], &[])), "required_groups");
    assert_eq!(key(&plan(Kind::OpenLdap, Some(Source::InChain), &[], &["cn=a,dc=x"])), "groups");
    assert_eq!(key(&plan(Kind::Other, Some(Source::TokenGroups), &[], &[])), "groups");
    assert_eq!(key(&plan(Kind::Samba, Some(Source::InChain), &[], &["cn=a,dc=x"])), "usable");
    let choices = GroupChoices { source: None, nested: true, base: None, required: Vec::new(), denied: Vec::new() };
    let nowhere = GroupPlan::new(&choices, Kind::OpenLdap.facts(), None, &dn("ou=people,o=company"));
    assert_eq!(key(&nowhere), "group_base_dn");
}

#[test]
fn where_member_of_does_not_tell_nested_groups_from_others_it_is_not_asked_for_direct_ones() {
    let source = |kind: Kind, nested| {
        let choices = GroupChoices {
            source: Some(Source::MemberOf),
            nested,
            base: None,
            required: Vec::new(),
            denied: Vec::new(),
        };
        GroupPlan::new(&choices, kind.facts(), Some(&dn("dc=x")), &dn("dc=x")).source
    };
    assert_eq!(source(Kind::FreeIpa, true), Source::MemberOf);
    assert_eq!(source(Kind::FreeIpa, false), Source::Search);
    assert_eq!(source(Kind::Dirsrv389, false), Source::Search);
    assert_eq!(source(Kind::OpenLdap, false), Source::MemberOf);
    assert_eq!(source(Kind::Lldap, false), Source::MemberOf);
}

#[tokio::test]
async fn that_a_denied_group_is_there_is_looked_at_again_after_a_minute() {
    let scripted = ScriptedDirectory::start(|id, request| match request {
        Request::Entry { dn } => Reply::Send([entry(id, dn, &[]), done(id, 0)].concat()),
        Request::Search { .. } => Reply::Send([person(id, "uid=alice,dc=x", "alice"), done(id, 0)].concat()),
        Request::RootDse => Reply::Send(done(id, 0)),
        Request::Bind { .. } => Reply::Send(bound(id, 0)),
        Request::Other => Reply::Silence,
    })
    .await
    .with_groups();
    let directory = scripted.configured_with(|settings| settings["denied_groups"] = "cn=left,dc=x".into());
    let looks = async || {
        let context = RequestContext::new("test", Deadline::after(Duration::from_secs(8)));
        let credentials = Credentials::new("alice", Secret::new("s3cret"));
        let answer = crate::login::authenticate(&directory, &context, credentials).await;
        assert!(matches!(answer, Ok(Decision::Accepted(_))), "{answer:?}");
        let is_look = |request: &Request| matches!(request, Request::Entry { dn } if dn == "cn=left,dc=x");
        scripted.requests().iter().filter(|(_, request)| is_look(request)).count()
    };
    assert_eq!((looks().await, looks().await), (1, 1));
    let plan = directory.plan().unwrap();
    *plan.groups.as_ref().unwrap().denied_seen.lock().unwrap() = Instant::now().checked_sub(SEEN_FOR);
    assert_eq!((looks().await, looks().await), (2, 2));
}
