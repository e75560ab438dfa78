use std::time::Duration;

use tokio::time::timeout;

use provider_api::author::UserCursor as _;
use provider_api::{Deadline, ListRequest, ListingEnd, RequestContext};

use super::Listing;
use crate::scripted_directory::{Reply, Request, ScriptedDirectory, bound, done, entry, page_done, person};
use crate::validate::validate;

/// What was listed, and `complete` or the code of what cut it short.
async fn list(directory: &ScriptedDirectory) -> (usize, String) {
    let context = RequestContext::new("test", Deadline::after(Duration::from_secs(20)));
    let mut listing =
        Listing::begin(&directory.configured(), &ListRequest::everybody(), context.deadline).await.unwrap();
    let mut count = 0;
    for _ in 0..200 {
        let page = listing.next_page(&context).await.unwrap();
        count += page.users.len();
        match page.end {
            None => {}
            Some(ListingEnd::Complete) => return (count, "complete".to_owned()),
            Some(ListingEnd::Incomplete(fault)) => return (count, fault.code().to_owned()),
        }
    }
    panic!("a listing that does not end")
}

fn people(id: u8, from: usize, count: usize) -> Vec<u8> {
    (from..from + count).flat_map(|number| person(id, &format!("uid=u{number},dc=x"), &format!("u{number}"))).collect()
}

/// A directory that answers the page after each cookie so.
async fn paging(page: impl Fn(u8, &[u8]) -> Reply + Send + Sync + 'static) -> ScriptedDirectory {
    ScriptedDirectory::start(move |id, request| match request {
        Request::Search { cookie: Some(cookie) } => page(id, cookie),
        _ => Reply::Silence,
    })
    .await
}

async fn assert_listed(
    page: impl Fn(u8, &[u8]) -> Reply + Send + Sync + 'static,
    expected_count: usize,
    expected_end: &str,
) {
    let directory = paging(page).await;
    let directory = if expected_end == "timeout" { directory.silent() } else { directory };
    let (count, end) = list(&directory).await;
    assert_eq!((count, end.as_str()), (expected_count, expected_end));
}

#[tokio::test]
async fn pages_are_followed_to_the_end() {
    let page = |id, cookie: &[u8]| {
        Reply::Send(match cookie {
            b"" => [people(id, 0, 250), page_done(id, b"next")].concat(),
            b"next" => [people(id, 250, 7), page_done(id, b"")].concat(),
            other => panic!("{other:?}"),
        })
    };
    assert_listed(page, 257, "complete").await;
}

/// Only the first page may be all that a server sends by mistake. The directory answers no search without a cookie.
#[tokio::test]
async fn after_a_full_last_page_nobody_is_looked_for() {
    let page = |id, cookie: &[u8]| {
        let (from, next): (usize, &[u8]) = if cookie.is_empty() { (0, b"next") } else { (250, b"") };
        Reply::Send([people(id, from, 250), page_done(id, next)].concat())
    };
    assert_listed(page, 500, "complete").await;
}

#[tokio::test]
async fn a_directory_that_does_not_page_is_listed_completely_too() {
    assert_listed(|id, _| Reply::Send([people(id, 0, 1_203), done(id, 0)].concat()), 1_203, "complete").await;
}

#[tokio::test]
async fn a_directory_that_stops_after_the_first_page_is_found_out() {
    for (users, code, expected) in [
        (250, 0, "complete"),
        (251, 0, "paging_refused"),
        // Cut short, this search tells nothing about how many there are.
        (250, 4, "size_limit"),
        (3, 51, "server_busy"),
    ] {
        let directory = ScriptedDirectory::start(move |id, request| match request {
            Request::Search { cookie: Some(_) } => Reply::Send([people(id, 0, 250), page_done(id, b"")].concat()),
            Request::Search { cookie: None } => Reply::Send([people(id, 0, users), done(id, code)].concat()),
            _ => Reply::Silence,
        })
        .await;
        assert_eq!(list(&directory).await, (250, expected.to_owned()));
    }
}

#[tokio::test]
async fn one_cookie_for_all_pages_is_no_repetition_as_long_as_the_users_differ() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let pages = AtomicUsize::new(0);
    let page = move |id, _: &[u8]| {
        let number = pages.fetch_add(1, Ordering::Relaxed);
        let cookie: &[u8] = if number == 3 { b"" } else { b"0" };
        Reply::Send([people(id, number * 10, 10), page_done(id, cookie)].concat())
    };
    assert_listed(page, 40, "complete").await;
}

#[tokio::test]
async fn a_page_that_comes_again_ends_the_listing_as_incomplete() {
    let same = |id, _: &[u8]| Reply::Send([people(id, 0, 2), page_done(id, b"again")].concat());
    assert_listed(same, 4, "cookie_repeated").await;
    let number = std::sync::atomic::AtomicU64::new(1);
    let new_cookies = move |id, _: &[u8]| {
        let cookie = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_be_bytes();
        Reply::Send([people(id, 0, 2), page_done(id, &cookie)].concat())
    };
    assert_listed(new_cookies, 4, "cookie_repeated").await;
    let empty = |id, _: &[u8]| Reply::Send(page_done(id, b"again"));
    assert_listed(empty, 0, "cookie_repeated").await;
    let number = std::sync::atomic::AtomicU64::new(1);
    let new_and_empty = move |id, _: &[u8]| {
        let cookie = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_be_bytes();
        Reply::Send(page_done(id, &cookie))
    };
    assert_listed(new_and_empty, 0, "cookie_repeated").await;
    let in_turn = |id, cookie: &[u8]| Reply::Send(page_done(id, if cookie == b"a" { b"b" } else { b"a" }));
    assert_listed(in_turn, 0, "cookie_repeated").await;
}

#[tokio::test]
async fn whatever_happens_on_a_later_page_ends_the_listing_as_incomplete_with_the_users_before_it() {
    type Second = fn(u8) -> Reply;
    let cases: [(Second, usize, &str); 9] = [
        (|_| Reply::Close, 3, "connection_lost"),
        (|_| Reply::Silence, 3, "timeout"),
        (|id| Reply::Send([people(id, 3, 2), done(id, 4)].concat()), 5, "size_limit"),
        (|id| Reply::Send(done(id, 11)), 3, "paging_refused"),
        (|id| Reply::Send(done(id, 12)), 3, "paging_refused"),
        (|id| Reply::Send(done(id, 51)), 3, "server_busy"),
        (|id| Reply::Send([people(id, 3, 2), done(id, 0)].concat()), 5, "protocol_violation"),
        // Too many for a page, and no end of it yet.
        (|id| Reply::Send(people(id, 3, 251)), 253, "protocol_violation"),
        (|id| Reply::Send([person(id, "uid=a,dc=y", "a"), page_done(id, b"")].concat()), 3, "protocol_violation"),
    ];
    for (second, count, end) in cases {
        let page = move |id, cookie: &[u8]| match cookie {
            b"" => Reply::Send([people(id, 0, 3), page_done(id, b"next")].concat()),
            _ => second(id),
        };
        assert_listed(page, count, end).await;
        // The third is asked for while the second is dealt with.
        let page = move |id, cookie: &[u8]| match cookie {
            b"" => Reply::Send([people(id, 300, 7), page_done(id, b"second")].concat()),
            b"second" => Reply::Send([people(id, 0, 3), page_done(id, b"third")].concat()),
            _ => second(id),
        };
        assert_listed(page, 7 + count, end).await;
    }
}

#[tokio::test]
async fn a_user_who_could_not_log_in_is_listed_with_the_reason() {
    let directory =
        paging(|id, _| Reply::Send([entry(id, "uid=a,dc=x", &[("uid", "a")]), page_done(id, b"")].concat())).await;
    let context = RequestContext::new("test", Deadline::after(Duration::from_secs(20)));
    let mut listing =
        Listing::begin(&directory.configured(), &ListRequest::everybody(), context.deadline).await.unwrap();
    let page = listing.next_page(&context).await.unwrap();
    assert_eq!(page.users[0].refusal.as_ref().map(provider_api::RejectReason::as_str), Some("no_stable_id"));
    assert_eq!(page.users[0].login.as_deref(), Some("a"));
}

#[tokio::test]
async fn an_entry_whose_dn_cannot_be_read_is_listed_with_a_refusal_and_keeps_nobody_else_from_being_listed() {
    let directory = paging(|id, _| {
        Reply::Send([person(id, r"uid=\FF,dc=x", "odd"), people(id, 0, 2), page_done(id, b"")].concat())
    })
    .await;
    let context = RequestContext::new("test", Deadline::after(Duration::from_secs(20)));
    let mut listing =
        Listing::begin(&directory.configured(), &ListRequest::everybody(), context.deadline).await.unwrap();
    let page = listing.next_page(&context).await.unwrap();
    let seen: Vec<_> = page.users.iter().map(|user| (user.login.as_deref(), user.refusal.is_some())).collect();
    assert_eq!(seen, [(Some("odd"), true), (Some("u0"), false), (Some("u1"), false)]);
    assert_eq!(page.end, Some(ListingEnd::Complete));
}

#[tokio::test]
async fn whoever_has_come_back_for_more_once_does_not_wait_for_the_request_of_the_next_page() {
    let directory = paging(|id, cookie| {
        let number = cookie.first().copied().unwrap_or_default();
        let next: &[u8] = if number == 3 { b"" } else { &[number + 1] };
        Reply::Send([people(id, usize::from(number) * 2, 2), page_done(id, next)].concat())
    })
    .await;
    let context = RequestContext::new("test", Deadline::after(Duration::from_secs(20)));
    let mut listing =
        Listing::begin(&directory.configured(), &ListRequest::everybody(), context.deadline).await.unwrap();
    let pages = || directory.requests().iter().filter(|(_, request)| matches!(request, Request::Search { .. })).count();
    listing.next_page(&context).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(pages(), 1, "nobody has asked for a second one yet");
    listing.next_page(&context).await.unwrap();
    let third = async {
        while pages() < 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(20), third).await.expect("the third page is asked for before it is wanted");
    let last = [listing.next_page(&context).await.unwrap(), listing.next_page(&context).await.unwrap()];
    assert_eq!(last.map(|page| (page.users.len(), page.end)), [(2, None), (2, Some(ListingEnd::Complete))]);
    assert_eq!(pages(), 4);
}

#[tokio::test]
async fn a_server_that_ends_the_connection_between_two_pages_costs_none_of_the_users_before() {
    let directory = paging(|id, cookie| match cookie {
        b"" => Reply::Send([people(id, 0, 3), page_done(id, b"second")].concat()),
        b"second" => Reply::SendAndClose([people(id, 3, 3), page_done(id, b"third")].concat()),
        other => panic!("{other:?}"),
    })
    .await;
    let (count, end) = list(&directory).await;
    assert_eq!((count, end.as_str()), (6, "connection_lost"));
}

#[tokio::test]
async fn whoever_takes_long_over_a_page_or_has_little_time_is_not_asked_for_ahead() {
    let directory = paging(|id, cookie| {
        let number = cookie.first().copied().unwrap_or_default();
        Reply::Send([people(id, usize::from(number) * 2, 2), page_done(id, &[number + 1])].concat())
    })
    .await;
    let pages = || directory.requests().iter().filter(|(_, request)| matches!(request, Request::Search { .. })).count();
    let context = |patience| RequestContext::new("test", Deadline::after(patience));
    let ample = Duration::from_secs(20);
    let configured = directory.configured();
    let mut listing = Listing::begin(&configured, &ListRequest::everybody(), Deadline::after(ample)).await.unwrap();
    listing.next_page(&context(ample)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    listing.next_page(&context(ample)).await.unwrap();
    listing.next_page(&context(Duration::from_millis(400))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(pages(), 3);
    listing.next_page(&context(ample)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(pages(), 5, "the fourth, and the fifth ahead");
}

#[tokio::test]
async fn a_validation_tells_that_a_second_connection_cannot_be_had_and_asks_for_nothing_ahead() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let answer = |id, request: &Request| match request {
        Request::RootDse => Reply::Send([entry(id, "", &[]), done(id, 0)].concat()),
        Request::Entry { .. } | Request::Search { cookie: None } => {
            Reply::Send([person(id, "dc=x", "x"), done(id, 0)].concat())
        }
        Request::Search { cookie: Some(cookie) } => {
            let number = cookie.first().copied().unwrap_or_default();
            Reply::Send([people(id, usize::from(number) * 250, 250), page_done(id, &[number + 1])].concat())
        }
        Request::Bind { .. } => Reply::Send(bound(id, 0)),
        Request::Other => Reply::Silence,
    };
    let users = |report: provider_api::ValidationReport| {
        report.stages.into_iter().find(|stage| stage.id == "users").expect("a stage for the users")
    };
    let context = || RequestContext::new("test", Deadline::after(Duration::from_secs(20)));

    let directory = ScriptedDirectory::start(answer).await.with_service_account();
    let stage = users(validate(&directory.configured(), &context()).await);
    assert_eq!(stage.detail, "at least 1000 users found");
    tokio::time::sleep(Duration::from_millis(200)).await;
    let requests = directory.requests();
    let pages = requests.iter().filter(|(_, request)| matches!(request, Request::Search { cookie: Some(_) }));
    assert_eq!(pages.count(), 4);
    assert_eq!(directory.binds().len(), 2, "one for each connection");

    let binds = AtomicUsize::new(0);
    let once = move |id, request: &Request| match request {
        Request::Bind { .. } if binds.fetch_add(1, Ordering::Relaxed) > 0 => Reply::Close,
        other => answer(id, other),
    };
    let directory = ScriptedDirectory::start(once).await.with_service_account();
    let stage = users(validate(&directory.configured(), &context()).await);
    assert_eq!(stage.code.as_deref(), Some("connection_lost"));
    assert!(stage.detail.contains("a connection for listing"), "{}", stage.detail);
}
