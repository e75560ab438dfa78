use super::{Answer, Metrics, ShutdownReport, fault_reply, read, reply};
use crate::abi::{AbiReply, Outcome};
use crate::{
    Accepted, Decision, Description, Fault, FaultKind, Group, Identity, ListRequest, ListedUser, ListingEnd, Metric,
    Notice, NoticeCode, RejectReason, Rejection, Stage, UnavailableReason, UserCode, UserPage, ValidationReport,
};

#[test]
fn no_number_but_one_is_an_acceptance() {
    let accepted = Decision::from(Accepted::new(Identity::new("1", "entryUUID", "alice")));
    let sent = reply(Ok(accepted.clone()));
    assert_eq!(read::<Decision>(&sent), Ok(accepted));
    for number in (0..100).chain([u32::MAX, 1 << 31]).filter(|number| *number != Outcome::ACCEPTED.0) {
        let forged = AbiReply { outcome: Outcome(number), body: sent.body.clone() };
        assert!(!matches!(read::<Decision>(&forged), Ok(Decision::Accepted(_))), "outcome {number} was accepted");
    }
}

#[test]
fn an_acceptance_of_nobody_is_an_internal_fault_on_both_sides() {
    for identity in [Identity::new("", "entryUUID", "alice"), Identity::new("1", "entryUUID", "")] {
        let sent = reply(Ok(Decision::from(Accepted::new(identity.clone()))));
        assert_eq!(sent.outcome, Outcome::INTERNAL);
        let body = serde_json::to_string(&Accepted::new(identity)).expect("JSON");
        let forged = AbiReply { outcome: Outcome::ACCEPTED, body: body.into() };
        assert_eq!(read::<Decision>(&forged).expect_err("nobody").kind(), FaultKind::Internal);
    }
    for garbage in ["", "{}", "null", "[]", "{\"identity\":", "{\"identity\":{}}"] {
        let forged = AbiReply { outcome: Outcome::ACCEPTED, body: garbage.into() };
        assert_eq!(read::<Decision>(&forged).expect_err("garbage").kind(), FaultKind::Internal);
    }
}

#[test]
fn rejections_and_faults_keep_their_kind_and_unknown_codes() {
    let rejection = Decision::from(Rejection::new(RejectReason::new("moon_phase"), "full"));
    assert_eq!(read::<Decision>(&reply(Ok(rejection.clone()))), Ok(rejection));
    for fault in [
        Fault::unavailable(UnavailableReason::new("asleep"), "zzz"),
        Fault::setting("port", "is not a port"),
        Fault::internal("oops"),
    ] {
        assert_eq!(read::<Decision>(&fault_reply(&fault)), Err(fault));
    }
}

#[test]
fn a_page_cut_short_arrives_cut_short() {
    let fault = Fault::unavailable(UnavailableReason::SIZE_LIMIT, "500 entries at most");
    let page = UserPage::cut_short(vec![ListedUser::default()], fault);
    assert_eq!(read::<UserPage>(&reply(Ok(page.clone()))), Ok(page));
    let forged = AbiReply { outcome: Outcome::DONE, body: r#"{"users":[],"end":{"complete":false}}"#.into() };
    let end = read::<UserPage>(&forged).expect("a page").end;
    assert!(matches!(end, Some(ListingEnd::Incomplete(_))), "{end:?}");
}
#[test]
fn a_metric_that_is_no_number_does_not_cost_the_others() {
    let metrics = vec![Metric::new("nan", f64::NAN), Metric::new("logins_total", 3.0)];
    let read: Metrics = read(&reply(Ok(Metrics { metrics }))).expect("the others");
    assert_eq!(read.metrics, [Metric::new("logins_total", 3.0)]);
}

/// Holds today's writer and reader against the text of a reply as 1.0 sends it. A text is never edited: whoever
/// changes a name or drops a member here would break every plugin or host that is out there already. What is new may
/// be added to a reply if it may also be missing.
fn is_still<A: Answer + Clone + PartialEq + std::fmt::Debug>(answer: A, outcome: Outcome, text: &str) {
    let sent = answer.clone().into_reply();
    assert_eq!((sent.outcome, sent.body.as_str()), (outcome, text));
    let received = AbiReply { outcome, body: text.into() };
    assert_eq!(read::<A>(&received), Ok(answer));
    // A newer version may say more.
    let more = format!("{},\"new_in_1_9\":[1]}}", text.strip_suffix('}').expect("an object"));
    assert!(read::<A>(&AbiReply { outcome, body: more.as_str().into() }).is_ok(), "{more}");
}

#[test]
fn replies_are_what_they_were_in_1_0() {
    let mut identity = Identity::new("4711", "entryUUID", "alice");
    identity.display_name = Some("Alice".to_owned());
    let mut group = Group::named("staff");
    group.dn = Some("cn=staff".to_owned());
    identity.groups.push(group);
    identity.attributes.insert("o".to_owned(), vec!["Example".to_owned()]);
    let mut accepted = Accepted::new(identity);
    accepted.notices.push(Notice::new(NoticeCode::PASSWORD_EXPIRES, "in 3 days"));
    is_still(
        Decision::from(accepted),
        Outcome(1),
        r#"{"identity":{"subject":"4711","subject_attribute":"entryUUID","login":"alice","display_name":"Alice","email":null,"phone":null,"groups":[{"dn":"cn=staff","name":"staff","id":null}],"attributes":{"o":["Example"]}},"notices":[{"code":"password_expires","message":"in 3 days"}]}"#,
    );
    is_still(
        Decision::from(
            Rejection::new(RejectReason::ACCOUNT_DISABLED, "data 533").telling_the_user(UserCode::ACCOUNT_DISABLED),
        ),
        Outcome(2),
        r#"{"reason":"account_disabled","message":"data 533","user_code":"account_disabled"}"#,
    );
    is_still(
        ValidationReport::new(vec![
            Stage::failed("connect", &Fault::unavailable(UnavailableReason::CONNECT_FAILED, "refused"))
                .advice("start it")
                .took(std::time::Duration::from_micros(1_500)),
        ]),
        Outcome(6),
        r#"{"stages":[{"id":"connect","outcome":"failed","code":"connect_failed","kind":"unavailable","detail":"refused","advice":"start it","duration_ms":1.5}]}"#,
    );
    let user = ListedUser {
        login: Some("alice".to_owned()),
        refusal: Some(RejectReason::NO_STABLE_ID),
        ..ListedUser::default()
    };
    is_still(
        UserPage::cut_short(vec![user], Fault::unavailable(UnavailableReason::SIZE_LIMIT, "500")),
        Outcome(6),
        r#"{"users":[{"subject":null,"subject_attribute":null,"login":"alice","display_name":null,"email":null,"phone":null,"refusal":"no_stable_id"}],"end":{"complete":false,"outcome":3,"fault":{"reason":"size_limit","message":"500"}}}"#,
    );
    is_still(
        Metrics { metrics: vec![Metric::new("n_total", 1.0)] },
        Outcome(6),
        r#"{"metrics":[{"name":"n_total","value":1.0}]}"#,
    );
    is_still(ShutdownReport { cancelled: 2 }, Outcome(6), r#"{"cancelled":2}"#);
    let description = Description {
        id: "ldap".to_owned(),
        version: "0.1.0".to_owned(),
        interface_version: "1.0.0".to_owned(),
        capabilities: vec![crate::Capability::LIST_USERS],
        settings_schema: serde_json::json!({}),
    };
    is_still(
        description,
        Outcome(6),
        r#"{"id":"ldap","version":"0.1.0","interface_version":"1.0.0","capabilities":["list_users"],"settings_schema":{}}"#,
    );
    for (fault, outcome, text) in [
        (Fault::unavailable(UnavailableReason::TIMEOUT, "8 s"), 3, r#"{"reason":"timeout","message":"8 s"}"#),
        (Fault::setting("port", "is 0"), 4, r#"{"reason":"setting_invalid","message":"is 0","setting":"port"}"#),
        (Fault::internal("a panic"), 5, r#"{"reason":"","message":"a panic"}"#),
    ] {
        let sent = fault_reply(&fault);
        assert_eq!((sent.outcome.0, sent.body.as_str()), (outcome, text));
        assert_eq!(read::<Decision>(&AbiReply { outcome: Outcome(outcome), body: text.into() }), Err(fault));
    }
    assert_eq!(serde_json::to_string(&ListRequest::at_most(5)).expect("JSON"), r#"{"limit":5}"#);
}
