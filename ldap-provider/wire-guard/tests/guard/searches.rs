use std::time::Duration;

use tokio::time::timeout;
use wire_guard::ber::wrap;
use wire_guard::{Found, Limits, PipeEnd, SearchConnection, SearchFailure, SearchRequest, SearchScope, SearchTemplate};
use wire_guard::{Security, Violation};

use crate::script::{Server, Step, message, play, result};
use crate::{ample, connect_with};

const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;

async fn searching(steps: Vec<Step>) -> (SearchConnection, Server) {
    searching_with(Limits::LOGIN, steps).await
}

async fn searching_with(limits: Limits, steps: Vec<Step>) -> (SearchConnection, Server) {
    let (address, server) = play(steps).await;
    let connection = connect_with(address, &Security::Plain, limits, ample()).await.unwrap();
    (connection.into_searches(), server)
}

fn request() -> SearchRequest {
    let presence = wrap(0x87, b"uid");
    SearchTemplate::new("dc=x", SearchScope::OneLevel, 2, &["uid"]).with_filter(&presence)
}

async fn search(connection: &SearchConnection) -> Result<Found, SearchFailure> {
    timeout(Duration::from_secs(20), connection.search(&request(), 2)).await.expect("an answer, or the end")
}

fn entry(id: u8, name: &str) -> Vec<u8> {
    let attribute = wrap(0x30, &[wrap(4, b"uid"), wrap(0x31, &wrap(4, name.as_bytes()))].concat());
    message(id, SEARCH_ENTRY, &[wrap(4, format!("uid={name}").as_bytes()), wrap(0x30, &attribute)].concat())
}

fn done(id: u8, code: u8) -> Vec<u8> {
    message(id, SEARCH_DONE, &result(code))
}

/// The DNs that were found, and the result code if the search has ended.
fn seen(found: &Found) -> (Vec<String>, Option<u32>) {
    let dns = found.entries.iter().map(|entry| entry.read(|_, _| {}).into_owned()).collect();
    (dns, found.end.as_ref().map(|(result, _)| result.code))
}

#[tokio::test]
async fn what_was_found_is_told_with_how_the_search_ended() {
    let answers = [entry(1, "a"), entry(1, "b"), message(1, 0x73, &wrap(4, b"ldap://x/")), done(1, 4)].concat();
    let (connection, _server) = searching(vec![Step::Read, Step::Send(answers), Step::Hang]).await;
    let found = search(&connection).await.unwrap();
    assert_eq!(seen(&found), (vec!["uid=a".to_owned(), "uid=b".to_owned()], Some(4)));
    let mut attributes = Vec::new();
    found.entries[0].read(|name, values| attributes.push((name.to_owned(), values.collect::<Vec<_>>().concat())));
    assert_eq!(attributes, [("uid".to_owned(), b"a".to_vec())]);
}

#[tokio::test]
async fn answers_find_their_searches_in_whichever_order_they_come() {
    // Both requests are there, in one segment or in two, before the second is answered first.
    let answers = [entry(2, "b"), entry(1, "a"), done(2, 0), done(1, 0)].concat();
    let steps = vec![Step::Read, Step::Pause, Step::Pause, Step::Send(answers), Step::Hang];
    let (connection, _server) = searching(steps).await;
    let (first, second) = tokio::join!(search(&connection), search(&connection));
    assert_eq!(seen(&first.unwrap()), (vec!["uid=a".to_owned()], Some(0)));
    assert_eq!(seen(&second.unwrap()), (vec!["uid=b".to_owned()], Some(0)));
}

#[tokio::test]
async fn a_server_that_keeps_no_limit_is_listened_to_no_further() {
    let answers = [entry(1, "a"), entry(1, "b"), entry(1, "c")].concat();
    let steps = vec![Step::Read, Step::Send(answers), Step::Read, Step::Send(done(1, 0)), Step::ReadToEnd];
    let (connection, server) = searching(steps).await;
    assert_eq!(seen(&search(&connection).await.unwrap()).1, None);
    assert_eq!(connection.end(), None, "what else it answers is no violation");
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(connection);
    assert!(server.sent().await.ends_with(&[0x50, 1, 1]), "the search is abandoned");
}

#[tokio::test]
async fn what_a_server_goes_on_to_send_for_a_search_that_is_over_does_not_keep_the_next_answer_away() {
    let too_many = (0..=1_000).flat_map(|number| entry(1, &format!("group{number}")));
    // 3 MiB, which no search that is waited for may be answered with.
    let rest = entry(1, &"x".repeat(600)).repeat(2_600);
    let steps = vec![
        Step::Read,
        Step::Send(too_many.collect()),
        Step::Pause,
        Step::Pause,
        Step::Read,
        Step::Send(rest),
        Step::Send([entry(3, "b"), done(3, 0)].concat()),
        Step::Hang,
    ];
    let (connection, _server) = searching(steps).await;
    let groups = timeout(Duration::from_secs(20), connection.search(&request(), 1_000)).await.unwrap().unwrap();
    assert_eq!((groups.entries.len(), groups.end.is_none()), (1_001, true));
    assert_eq!(seen(&search(&connection).await.unwrap()).0, ["uid=b"]);
    assert_eq!(connection.end(), None);
}

#[tokio::test]
async fn a_search_that_is_given_up_is_abandoned_and_the_next_is_answered() {
    let steps = vec![
        Step::Read,
        Step::Read,
        Step::Read,
        Step::Send([entry(1, "late"), done(1, 0), entry(3, "b"), done(3, 0)].concat()),
        Step::Hang,
    ];
    let (connection, server) = searching(steps).await;
    let given_up = timeout(Duration::from_millis(200), connection.search(&request(), 2)).await;
    assert!(given_up.is_err());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(seen(&search(&connection).await.unwrap()).0, ["uid=b"]);
    assert!(server.record.octets().windows(3).any(|octets| octets == [0x50, 1, 1]));
}

#[tokio::test]
async fn whoever_waits_is_let_go_when_the_connection_ends_and_hears_why() {
    let nested = (0..10_000).fold(Vec::new(), |inner, _| wrap(0x30, &inner));
    for bad in [
        nested,
        vec![0x30, 0x00],
        message(1, SEARCH_ENTRY, &[wrap(4, b"cn=x"), wrap(0x31, b"")].concat()),
        message(1, 0x61, &result(0)),
        done(9, 0),
        done(0, 0),
        b"HTTP/1.1 200 OK\r\n".to_vec(),
    ] {
        let (connection, _server) = searching(vec![Step::Read, Step::Send(bad.clone()), Step::Hang]).await;
        let (first, second) = tokio::join!(search(&connection), search(&connection));
        for failed in [first, second, search(&connection).await] {
            assert!(matches!(failed, Err(SearchFailure::Ended(PipeEnd::Violation(_)))), "{bad:02x?}: {failed:?}");
        }
    }
    let (connection, _server) = searching(vec![Step::Read]).await;
    assert!(matches!(search(&connection).await, Err(SearchFailure::Ended(PipeEnd::Lost(_)))));
}

#[tokio::test]
async fn what_all_searches_gather_has_a_limit_together() {
    let limits = Limits { gathered: 4 * 1024, ..Limits::LOGIN };
    let large = |id| entry(id, &"x".repeat(1_500));
    let answers = [large(1), entry(2, "b"), large(2), done(1, 0), done(2, 0)].concat();
    let steps = vec![Step::Read, Step::Pause, Step::Pause, Step::Send(answers), Step::Hang];
    let (connection, _server) = searching_with(limits, steps).await;
    let (first, second) = tokio::join!(search(&connection), search(&connection));
    let Ok(first) = first else { panic!("{first:?}") };
    assert_eq!(seen(&first), (vec![format!("uid={}", "x".repeat(1_500))], Some(0)));
    let violation = Violation::SearchTooLarge { what: "octets, over all searches,", limit: 4096 };
    assert_eq!(second.unwrap_err(), SearchFailure::TooLarge(violation), "it holds the most");
    assert_eq!(connection.end(), None);
    // One after the other they have all the room.
    let steps = vec![
        Step::Read,
        Step::Send([large(1), done(1, 0)].concat()),
        Step::Read,
        Step::Send([large(2), done(2, 0)].concat()),
        Step::Hang,
    ];
    let (connection, _server) = searching_with(limits, steps).await;
    for _ in 0..2 {
        assert_eq!(search(&connection).await.unwrap().entries.len(), 1);
    }
}

/// An entry with so many values, each of so many octets.
fn entry_of(id: u8, dn: &str, values: usize, octets: usize) -> Vec<u8> {
    let values = wrap(4, &vec![b'x'; octets]).repeat(values);
    let attribute = wrap(0x30, &[wrap(4, b"mail"), wrap(0x31, &values)].concat());
    message(id, SEARCH_ENTRY, &[wrap(4, dn.as_bytes()), wrap(0x30, &attribute)].concat())
}

#[tokio::test]
async fn an_answer_that_is_too_large_fails_its_search_alone() {
    let budget = Limits::LOGIN.search;
    let long_dn = format!("uid={}", "x".repeat(8 * 1024));
    let reference = message(1, 0x73, &wrap(4, b"ldap://x/"));
    let [large, huge] = [1_200_000, 20 << 20].map(|octets| entry_of(1, "uid=a", 1, octets));
    let message_too_large = |entry: &[u8]| Violation::MessageTooLarge { declared: entry.len(), limit: 1 << 20 };
    for (too_large, expected) in [
        (entry_of(1, "uid=a", 17_000, 0), Violation::TooManyElements { limit: 16_384 }),
        (large.clone(), message_too_large(&large)),
        (huge.clone(), message_too_large(&huge)),
        (entry_of(1, &long_dn, 1, 1), Violation::DnTooLong { octets: 8 * 1024 + 4, limit: 8 * 1024 }),
        (
            entry_of(1, "uid=a", 9_000, 0).repeat(2),
            Violation::SearchTooLarge { what: "elements", limit: budget.elements },
        ),
        (
            reference.repeat(budget.references + 1),
            Violation::SearchTooLarge { what: "references", limit: budget.references },
        ),
    ] {
        // Again, as whoever does not know yet that nobody waits for it sends it.
        let answers = [&too_large[..], &too_large, &entry(2, "b"), &done(1, 0), &done(2, 0)].concat();
        let next = [entry(4, "c"), done(4, 0)].concat();
        let steps = vec![
            Step::Read,
            Step::Pause,
            Step::Pause,
            Step::Send(answers),
            Step::Pause,
            Step::Pause,
            Step::Read,
            Step::Send(next),
            Step::ReadToEnd,
        ];
        let (connection, server) = searching(steps).await;
        let (first, second) = tokio::join!(search(&connection), search(&connection));
        assert_eq!(first.unwrap_err(), SearchFailure::TooLarge(expected));
        assert_eq!(seen(&second.unwrap()), (vec!["uid=b".to_owned()], Some(0)), "{expected}");
        assert_eq!(connection.end(), None, "{expected}");
        assert_eq!(seen(&search(&connection).await.unwrap()).0, ["uid=c"], "{expected}");
        drop(connection);
        assert!(server.sent().await.windows(3).any(|octets| octets == [0x50, 1, 1]), "it is abandoned");
    }
}

#[tokio::test]
async fn what_is_too_large_and_answers_no_search_or_goes_on_and_on_ends_the_connection() {
    let beyond = [&[0x30, 0x84, 4, 0, 0, 0, 2, 1, 1, 0x64, 0x84, 3, 0xff, 0xff, 0xf7][..], &[4; 64]].concat();
    for bad in [
        entry_of(9, "uid=a", 1, 1_200_000),
        entry_of(9, "uid=a", 17_000, 0),
        message(1, SEARCH_DONE, &[&result(0)[..], &wrap(0x8b, &vec![0; 1 << 20])].concat()),
        message(1, SEARCH_DONE, &[&result(0)[..], &[0x8b, 0].repeat(17_000)].concat()),
        beyond,
        entry_of(1, "uid=a", 1, 1 << 20).repeat(64),
    ] {
        let (connection, _server) = searching(vec![Step::Read, Step::Send(bad), Step::Hang]).await;
        let _ = search(&connection).await;
        timeout(Duration::from_secs(20), async {
            while connection.end().is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
        .expect("the connection ends");
        assert!(matches!(connection.end(), Some(PipeEnd::Violation(_))), "{:?}", connection.end());
    }
}
