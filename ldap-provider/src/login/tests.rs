use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use provider_api::{Credentials, Deadline, Decision, Fault, RequestContext, Secret};

use super::authenticate;
use crate::scripted_directory::{
    Reply, Request, SERVICE_DN, SERVICE_PASSWORD, ScriptedDirectory, alive, bound, done, entry, person,
};

const DN: &str = "uid=alice,dc=x";

async fn login(directory: &ScriptedDirectory, name: &str, password: &str) -> Result<Decision, Fault> {
    let context = RequestContext::new("test", Deadline::after(Duration::from_secs(20)));
    authenticate(&directory.configured(), &context, Credentials::new(name, Secret::new(password))).await
}

/// The code of an answer, `accepted` for an acceptance.
fn code(answer: &Result<Decision, Fault>) -> &str {
    match answer {
        Ok(Decision::Accepted(_)) => "accepted",
        Ok(Decision::Rejected(rejection)) => rejection.reason.as_str(),
        Err(fault) => fault.code(),
    }
}

/// A directory that finds alice and answers her bind so.
async fn with_bind(reply: impl Fn(u8) -> Reply + Send + Sync + 'static) -> ScriptedDirectory {
    ScriptedDirectory::start(move |id, request| match request {
        Request::Search { .. } => Reply::Send([person(id, DN, "alice"), done(id, 0)].concat()),
        Request::Bind { .. } => reply(id),
        Request::RootDse | Request::Entry { .. } | Request::Other => Reply::Silence,
    })
    .await
}

/// A directory that answers each search so, and each bind with success.
async fn with_search(answer: impl Fn(u8) -> Vec<u8> + Send + Sync + 'static) -> ScriptedDirectory {
    ScriptedDirectory::start(move |id, request| match request {
        Request::Search { .. } => Reply::Send(answer(id)),
        Request::Bind { .. } => Reply::Send(bound(id, 0)),
        Request::RootDse | Request::Entry { .. } | Request::Other => Reply::Silence,
    })
    .await
}

#[tokio::test]
async fn the_right_password_is_accepted_as_the_entry_that_was_found() {
    let directory = with_bind(|id| Reply::Send(bound(id, 0))).await;
    match login(&directory, "ALICE", "right").await {
        Ok(Decision::Accepted(accepted)) => {
            let identity = accepted.identity;
            assert_eq!((identity.login.as_str(), identity.subject.as_str()), ("alice", "id-of-alice"));
            assert_eq!(identity.subject_attribute, "nsUniqueId");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_wrong_password_costs_exactly_one_bind() {
    let directory = with_bind(|id| Reply::Send(bound(id, 49))).await;
    assert_eq!(code(&login(&directory, "alice", "wrong").await), "invalid_credentials");
    let bind = Request::Bind { name: DN.to_owned(), password: "wrong".to_owned() };
    assert_eq!(directory.binds(), [(1, bind)]);
}

#[tokio::test]
async fn a_refused_service_account_searches_for_nobody_and_tries_no_password() {
    let directory = with_bind(|id| Reply::Send(bound(id, 49))).await.with_service_account();
    assert_eq!(code(&login(&directory, "alice", "right").await), "service_credentials_refused");
    let bind = Request::Bind { name: SERVICE_DN.to_owned(), password: SERVICE_PASSWORD.to_owned() };
    assert_eq!(directory.requests(), [(1, bind)]);
}

#[tokio::test]
async fn a_bind_without_an_answer_is_never_sent_again() {
    for (reply, expected) in [
        (0, "connection_lost"),
        (1, "timeout"),
        (2, "protocol_violation"),
        (3, "server_busy"),
        (4, "server_error"),
        (5, "server_error"),
    ] {
        let directory = with_bind(move |id| match reply {
            0 => Reply::Close,
            1 => Reply::Silence,
            2 => Reply::Send(done(id, 0)),
            3 => Reply::Send(bound(id, 51)),
            4 => Reply::Send(bound(id, 14)),
            _ => Reply::Send(bound(id, 10)),
        })
        .await;
        let directory = if expected == "timeout" { directory.silent() } else { directory };
        assert_eq!(code(&login(&directory, "alice", "right").await), expected);
        assert_eq!(directory.binds().len(), 1, "{expected}");
    }
}

#[tokio::test]
async fn what_is_refused_as_input_reaches_no_directory() {
    let directory = with_bind(|id| Reply::Send(bound(id, 0))).await;
    for (name, password, expected) in [
        ("alice", "", "empty_password"),
        ("", "right", "input_refused"),
        (" ", "right", "input_refused"),
        ("alice", "right\0junk", "input_refused"),
        ("alice\n", "right", "input_refused"),
        ("alice", &"x".repeat(1_025), "input_refused"),
        (&"x".repeat(257), "right", "input_refused"),
    ] {
        assert_eq!(code(&login(&directory, name, password).await), expected);
    }
    assert_eq!(directory.requests(), []);
}

#[tokio::test]
async fn a_password_is_sent_for_exactly_one_usable_entry_and_for_nothing_else() {
    type Answer = fn(u8) -> Vec<u8>;
    let cases: [(Answer, &str); 13] = [
        (|id| done(id, 0), "unknown_user"),
        (|id| [person(id, "uid=a,dc=x", "a"), person(id, "uid=b,dc=x", "b"), done(id, 0)].concat(), "ambiguous_user"),
        // slapd with a limit of one: an entry, and the word that there are more.
        (|id| [person(id, DN, "alice"), done(id, 4)].concat(), "ambiguous_user"),
        // A limit that lets nobody through tells nothing.
        (|id| done(id, 4), "size_limit"),
        (|id| [person(id, "uid=alice,dc=y", "alice"), done(id, 0)].concat(), "protocol_violation"),
        (|id| [person(id, "", "alice"), done(id, 0)].concat(), "protocol_violation"),
        (|id| [person(id, "no dn", "alice"), done(id, 0)].concat(), "protocol_violation"),
        (|id| [person(id, r"uid=alice\FF,dc=x", "alice"), done(id, 0)].concat(), "protocol_violation"),
        (|id| [person(id, "uid=bob,dc=x", "bob"), done(id, 0)].concat(), "name_mismatch"),
        (|id| [entry(id, DN, &[("uid", "alice")]), done(id, 0)].concat(), "no_stable_id"),
        (|id| [entry(id, DN, &[("nsUniqueId", "x")]), done(id, 0)].concat(), "no_permission"),
        (|id| done(id, 32), "base_dn_not_found"),
        (|id| [person(id, DN, "alice"), done(id, 51)].concat(), "server_busy"),
    ];
    for (answer, expected) in cases {
        let directory = with_search(answer).await;
        assert_eq!(code(&login(&directory, "alice", "right").await), expected);
        assert_eq!(directory.binds(), [], "{expected}");
    }
}

#[tokio::test]
async fn a_search_that_breaks_off_is_an_outage_and_never_an_unknown_user() {
    let closing = ScriptedDirectory::start(|_, _| Reply::Close).await;
    assert_eq!(code(&login(&closing, "alice", "right").await), "connection_lost");
    let silent = ScriptedDirectory::start(|_, _| Reply::Silence).await.silent();
    assert_eq!(code(&login(&silent, "alice", "right").await), "timeout");
    let endless = with_search(|id| (0..200).flat_map(|_| person(id, DN, "alice")).collect()).await;
    assert_eq!(code(&login(&endless, "alice", "right").await), "ambiguous_user", "three entries are enough to know");
}

#[tokio::test]
async fn malformed_answers_are_violations_and_no_panic() {
    let nested = (0..10_000).fold(Vec::new(), |inner, _| wire_guard::ber::wrap(0x30, &inner));
    for answer in [nested, vec![0x30, 0x00], b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), vec![0x30, 0x80, 0, 0]] {
        let directory = with_search(move |_| answer.clone()).await;
        assert_eq!(code(&login(&directory, "alice", "right").await), "protocol_violation");
    }
}

/// A directory that says this of itself, finds alice as one of its own would be found, and lets her in.
async fn saying(root_dse: impl Fn(u8) -> Vec<u8> + Send + Sync + 'static) -> ScriptedDirectory {
    let directory = ScriptedDirectory::start(move |id, request| match request {
        Request::RootDse => Reply::Send(root_dse(id)),
        Request::Search { .. } => Reply::Send([person(id, DN, "alice"), done(id, 0)].concat()),
        Request::Bind { .. } => Reply::Send(bound(id, 0)),
        Request::Entry { .. } | Request::Other => Reply::Silence,
    });
    directory.await.unknown()
}

#[tokio::test]
async fn the_directory_is_asked_once_what_it_is_and_before_anybody_is_bound_on_that_connection_where_groups_are_looked_for()
 {
    let said = [("vendorName", "389 Project")];
    let directory = saying(move |id| [entry(id, "", &said), done(id, 0)].concat()).await.with_service_account();
    let directory = directory.with_groups();
    let configured = directory.configured();
    for _ in 0..3 {
        let context = RequestContext::new("test", Deadline::after(Duration::from_secs(20)));
        let answer = authenticate(&configured, &context, Credentials::new("alice", Secret::new("right"))).await;
        assert_eq!(code(&answer), "accepted");
    }
    assert_eq!(configured.plan().unwrap().kind.to_string(), "389-DS");
    let requests = directory.requests();
    let asked: Vec<_> = requests.iter().filter(|(_, request)| *request == Request::RootDse).collect();
    assert_eq!(asked.len(), 1);
    let before = requests.iter().take_while(|(_, request)| *request != Request::RootDse);
    assert!(before.clone().all(|(connection, _)| *connection != asked[0].0), "{requests:?}");
    let carriers = |bound_as: &str| -> Vec<_> {
        let binds = directory.binds().into_iter();
        binds
            .filter(|(_, bind)| matches!(bind, Request::Bind { name, .. } if name == bound_as))
            .map(|(on, _)| on)
            .collect()
    };
    assert!(!carriers(SERVICE_DN).iter().any(|service| carriers(DN).contains(service)), "{requests:?}");
}

#[tokio::test]
async fn a_directory_that_does_not_say_what_it_is_is_one_of_no_known_kind() {
    for refusal in [0, 32, 48, 50, 53] {
        let directory = saying(move |id| done(id, refusal)).await.with_service_account();
        assert_eq!(code(&login(&directory, "alice", "right").await), "accepted", "{refusal}");
    }
}

#[tokio::test]
async fn a_directory_that_is_busy_when_it_is_asked_what_it_is_is_asked_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let directory = saying(move |id| match counted.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => done(id, 51),
        _ => [entry(id, "", &[("vendorName", "389 Project")]), done(id, 0)].concat(),
    });
    let configured = directory.await.with_service_account().configured();
    let context = || RequestContext::new("test", Deadline::after(Duration::from_secs(20)));
    let typed = || Credentials::new("alice", Secret::new("right"));
    assert_eq!(code(&authenticate(&configured, &context(), typed()).await), "server_busy");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut answer = authenticate(&configured, &context(), typed()).await;
    for _ in 0..100 {
        if answer.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        answer = authenticate(&configured, &context(), typed()).await;
    }
    assert_eq!(code(&answer), "accepted");
    assert_eq!(configured.plan().unwrap().kind.to_string(), "389-DS");
}

#[tokio::test]
async fn what_is_no_answer_to_the_question_what_it_is_ends_the_login() {
    let twice = |id| [entry(id, "", &[]), entry(id, "", &[]), done(id, 0)].concat();
    assert_eq!(code(&login(&saying(twice).await, "alice", "right").await), "protocol_violation");
    let somebody = |id| [bound(id, 0)].concat();
    assert_eq!(code(&login(&saying(somebody).await, "alice", "right").await), "protocol_violation");
}

#[tokio::test]
async fn in_a_windows_domain_a_group_or_a_machine_is_nobody() {
    for control in ["4096", "514", "not a number"] {
        let directory = ScriptedDirectory::start(move |id, request| match request {
            Request::RootDse => {
                let said = [("supportedCapabilities", "1.2.840.113556.1.4.800")];
                Reply::Send([entry(id, "", &said), done(id, 0)].concat())
            }
            Request::Search { .. } => {
                let guid = "0123456789abcdef";
                let account = [("uid", "alice"), ("objectGUID", guid), ("userAccountControl", control)];
                Reply::Send([entry(id, DN, &account), done(id, 0)].concat())
            }
            Request::Bind { .. } => Reply::Send(bound(id, 0)),
            Request::Entry { .. } | Request::Other => Reply::Silence,
        });
        let directory = directory.await.unknown();
        let answer = login(&directory, "alice", "right").await;
        let expected = if control == "514" { "account_disabled" } else { "other_refusal" };
        assert_eq!(code(&answer), expected, "{control}");
    }
}

#[tokio::test]
async fn a_login_after_a_pause_waits_for_two_answers_one_after_the_other_and_not_for_three() {
    const LATE: Duration = Duration::from_secs(1);
    let is_late = Arc::new(AtomicBool::new(false));
    let late = Arc::clone(&is_late);
    let scripted = ScriptedDirectory::start(move |id, request| {
        let answer = match request {
            Request::Search { .. } => [person(id, DN, "alice"), done(id, 0)].concat(),
            Request::Bind { .. } => return Reply::Send(bound(id, 0)),
            Request::Other => alive(id),
            Request::RootDse | Request::Entry { .. } => done(id, 0),
        };
        if late.load(Ordering::Relaxed) { Reply::SendLate(LATE, answer) } else { Reply::Send(answer) }
    })
    .await;
    let directory = scripted.configured();
    let login = || async {
        let context = RequestContext::new("test", Deadline::after(Duration::from_secs(20)));
        let began = Instant::now();
        let answer = authenticate(&directory, &context, Credentials::new("alice", Secret::new("right"))).await;
        assert_eq!(code(&answer), "accepted", "{answer:?}");
        began.elapsed()
    };
    // Of these the second opens the connection for searching.
    login().await;
    login().await;
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    let signs_of_life = || scripted.requests().iter().filter(|(_, request)| *request == Request::Other).count();
    let before = signs_of_life();
    is_late.store(true, Ordering::Relaxed);
    let took = login().await;
    assert_eq!(signs_of_life(), before + 1, "of the connection for the bind");
    assert!((LATE..LATE * 2).contains(&took), "the search and the sign of life are waited for together: {took:?}");
}
