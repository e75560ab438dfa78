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
            assert!(matches!(failed, Err(SearchFailure(PipeEnd::Violation(_)))), "{bad:02x?}: {failed:?}");
        }
    }
    let (connection, _server) = searching(vec![Step::Read]).await;
    assert!(matches!(search(&connection).await, Err(SearchFailure(PipeEnd::Lost(_)))));
}

#[tokio::test]
async fn what_all_searches_gather_has_a_limit_together() {
    let limits = Limits { gathered: 4 * 1024, ..Limits::LOGIN };
    let large = |id| entry(id, &"x".repeat(1_500));
    let steps = vec![Step::Read, Step::Pause, Step::Pause, Step::Send([large(1), large(2)].concat()), Step::Hang];
    let (connection, _server) = searching_with(limits, steps).await;
    let (first, second) = tokio::join!(search(&connection), search(&connection));
    for failed in [first, second] {
        let Err(SearchFailure(PipeEnd::Violation(violation))) = failed else { panic!("{failed:?}") };
        assert!(matches!(violation, Violation::SearchTooLarge { limit: 4096, .. }), "{violation}");
    }
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
