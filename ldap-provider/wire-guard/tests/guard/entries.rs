use std::time::Duration;

use tokio::time::timeout;
use wire_guard::ber::wrap;
use wire_guard::paged_results::{Cookie, PageRequest};
use wire_guard::{
    Connection, EntryStream, ExchangeError, Limits, NextEntry, SearchBudget, SearchRequest, SearchScope,
    SearchTemplate, Security, Violation,
};

use crate::script::{Server, Step, message, play, result};
use crate::{ample, connect_with};

const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;

async fn connected(steps: Vec<Step>) -> (Connection, Server) {
    let (address, server) = play(steps).await;
    (connect_with(address, &Security::Plain, Limits::LISTING, ample()).await.unwrap(), server)
}

fn request() -> SearchRequest {
    SearchTemplate::new("dc=x", SearchScope::Subtree, 0, &["uid"]).with_filter(&wrap(0x87, b"uid"))
}

async fn listing(connection: Connection) -> EntryStream {
    connection.search(&request(), None, ample()).await.unwrap()
}

fn entry(id: u8, name: &str) -> Vec<u8> {
    message(id, SEARCH_ENTRY, &[wrap(4, format!("uid={name}").as_bytes()), wrap(0x30, b"")].concat())
}

fn done(id: u8, code: u8) -> Vec<u8> {
    message(id, SEARCH_DONE, &result(code))
}

/// The DNs up to the end, and the result code.
async fn all(stream: &mut EntryStream) -> Result<(Vec<String>, u32), ExchangeError> {
    let mut dns = Vec::new();
    loop {
        match timeout(Duration::from_secs(20), stream.next()).await.expect("an entry, or the end")? {
            NextEntry::Entry(entry) => dns.push(entry.read(|_, _| {}).into_owned()),
            NextEntry::End(result, _) => return Ok((dns, result.code)),
        }
    }
}

#[tokio::test]
async fn entries_come_one_by_one_and_the_connection_is_there_for_the_next_search() {
    let first = [entry(1, "a"), message(1, 0x73, &wrap(4, b"ldap://x/")), entry(1, "b"), done(1, 0)].concat();
    let steps =
        vec![Step::Read, Step::Send(first), Step::Read, Step::Send([entry(2, "c"), done(2, 4)].concat()), Step::Hang];
    let (connection, _server) = connected(steps).await;
    let mut stream = listing(connection).await;
    assert_eq!(all(&mut stream).await.unwrap(), (vec!["uid=a".to_owned(), "uid=b".to_owned()], 0));
    let mut stream = listing(stream.into_connection().unwrap()).await;
    assert_eq!(all(&mut stream).await.unwrap(), (vec!["uid=c".to_owned()], 4));
}

#[tokio::test]
async fn a_page_is_asked_for_with_where_it_begins() {
    let (connection, server) = connected(vec![Step::Read, Step::Send(done(1, 0)), Step::ReadToEnd]).await;
    let cookie = Cookie::from_control_value(&[0x30, 7, 2, 1, 0, 4, 2, 0xff, 0]).unwrap();
    let page = PageRequest { size: 250, cookie: &cookie };
    let mut stream = connection.search(&request(), Some(page), ample()).await.unwrap();
    assert_eq!(all(&mut stream).await.unwrap(), (Vec::new(), 0));
    drop(stream);
    let value = [0x30, 8, 2, 2, 0, 250, 4, 2, 0xff, 0];
    let control = wrap(0x30, &[wrap(4, b"1.2.840.113556.1.4.319"), wrap(4, &value)].concat());
    assert!(server.sent().await.ends_with(&wrap(0xa0, &control)));
}

#[tokio::test]
async fn a_search_that_is_waited_for_again_has_lost_nothing() {
    let whole = entry(1, "a");
    let (first, second) = whole.split_at(5);
    let steps = vec![
        Step::Read,
        Step::Send(first.to_vec()),
        Step::Pause,
        Step::Pause,
        Step::Send([second, &done(1, 0)].concat()),
        Step::Hang,
    ];
    let (connection, _server) = connected(steps).await;
    let mut stream = listing(connection).await;
    assert!(timeout(Duration::from_millis(1), stream.next()).await.is_err());
    assert_eq!(all(&mut stream).await.unwrap(), (vec!["uid=a".to_owned()], 0));
}

#[tokio::test]
async fn what_is_no_answer_to_the_search_ends_it() {
    for bad in [
        vec![0x30, 0x00],
        message(1, SEARCH_ENTRY, &[wrap(4, b"cn=x"), wrap(0x31, b"")].concat()),
        message(1, 0x61, &result(0)),
        entry(9, "a"),
        done(0, 0),
    ] {
        let steps = vec![Step::Read, Step::Send([entry(1, "a"), bad.clone()].concat()), Step::Hang];
        let (connection, _server) = connected(steps).await;
        let outcome = all(&mut listing(connection).await).await;
        assert!(matches!(outcome, Err(ExchangeError::Violation(_))), "{bad:02x?}: {outcome:?}");
    }
    let (connection, _server) = connected(vec![Step::Read, Step::Send(entry(1, "a"))]).await;
    let outcome = all(&mut listing(connection).await).await;
    assert!(matches!(outcome, Err(ExchangeError::Lost(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_server_that_goes_on_after_the_end_is_asked_nothing_more() {
    let steps = vec![Step::Read, Step::Send([done(1, 0), entry(1, "a")].concat()), Step::Hang];
    let (connection, _server) = connected(steps).await;
    let mut stream = listing(connection).await;
    assert_eq!(all(&mut stream).await.unwrap(), (Vec::new(), 0));
    let next = stream.into_connection().unwrap().search(&request(), None, ample()).await;
    assert!(matches!(next, Err(ExchangeError::Violation(Violation::Unexpected(_)))), "{next:?}");
}

#[tokio::test]
async fn a_search_that_has_not_ended_gives_no_connection_back_and_one_that_has_gives_nothing_more() {
    let (connection, _server) = connected(vec![Step::Read, Step::Send(entry(1, "a")), Step::Hang]).await;
    let mut stream = listing(connection).await;
    assert!(matches!(stream.next().await, Ok(NextEntry::Entry(_))));
    assert!(stream.into_connection().is_none());
    for answers in [[done(1, 0), done(1, 0)].concat(), [done(9, 0), entry(1, "a")].concat()] {
        let (connection, _server) = connected(vec![Step::Read, Step::Send(answers), Step::Hang]).await;
        let mut stream = listing(connection).await;
        let _ = stream.next().await;
        assert!(matches!(stream.next().await, Err(ExchangeError::Lost(_))));
    }
}

#[tokio::test]
async fn what_a_search_may_be_answered_with_is_bounded() {
    let reference = message(1, 0x73, &wrap(4, b"ldap://x/"));
    let usual = Limits::LISTING;
    let few = |search| Limits { search, ..usual };
    for (what, limits, answers) in [
        ("references", usual, reference.repeat(usual.search.references + 1)),
        ("entries", few(SearchBudget { entries: 2, ..usual.search }), entry(1, "a").repeat(3)),
        ("octets", few(SearchBudget { octets: 40, ..usual.search }), entry(1, "a").repeat(3)),
        ("elements", few(SearchBudget { elements: 12, ..usual.search }), entry(1, "a").repeat(3)),
    ] {
        let (address, _server) = play(vec![Step::Read, Step::Send(answers), Step::Hang]).await;
        let connection = connect_with(address, &Security::Plain, limits, ample()).await.unwrap();
        match all(&mut listing(connection).await).await {
            Err(ExchangeError::Violation(Violation::SearchTooLarge { what: exceeded, .. })) => {
                assert_eq!(exceeded, what);
            }
            other => panic!("{what}: {other:?}"),
        }
    }
}
