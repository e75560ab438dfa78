//! Searches that are sent together, and the root DSE, on a connection that has nothing else to do.

use wire_guard::ber::wrap;
use wire_guard::{
    Connection, ExchangeError, Found, Limits, SearchBatch, SearchFailure, SearchRequest, SearchScope, SearchTemplate,
    Security, Violation,
};

use crate::script::{Server, Step, message, play, result};
use crate::{ample, connect_with, soon, user_bind};

async fn connected(steps: Vec<Step>) -> (Connection, Server) {
    let (address, server) = play(steps).await;
    (connect_with(address, &Security::Plain, Limits::LOGIN, ample()).await.unwrap(), server)
}

fn for_anybody() -> SearchRequest {
    SearchTemplate::new("dc=x", SearchScope::OneLevel, 2, &["uid"]).with_filter(&wrap(0x87, b"uid"))
}

/// A search for up to two entries, and one for the root DSE.
async fn two(steps: Vec<Step>) -> (SearchBatch, Server) {
    let (connection, server) = connected(steps).await;
    let searches = [(&for_anybody(), 2), (&SearchRequest::root_dse(&["vendorName"]), 1)];
    (connection.search_together(&searches, ample()).await.unwrap(), server)
}

fn entry(id: u8, dn: &str) -> Vec<u8> {
    let attribute = wrap(0x30, &[wrap(4, b"uid"), wrap(0x31, &wrap(4, b"a"))].concat());
    message(id, 0x64, &[wrap(4, dn.as_bytes()), wrap(0x30, &attribute)].concat())
}

fn done(id: u8, code: u8) -> Vec<u8> {
    message(id, 0x65, &result(code))
}

fn seen((position, found): (usize, Result<Found, SearchFailure>)) -> (usize, usize, Option<u32>) {
    let found = found.unwrap();
    (position, found.entries.len(), found.end.map(|(result, _)| result.code))
}

#[tokio::test]
async fn they_end_in_any_order_and_leave_the_connection_to_the_next_request() {
    let reference = message(1, 0x73, &wrap(4, b"ldap://x/"));
    let answers = [entry(2, ""), entry(1, "uid=a"), reference, done(2, 0), entry(1, "uid=b"), done(1, 4)].concat();
    let bound = message(3, 0x61, &result(49));
    let steps = vec![Step::Read, Step::Send(answers), Step::Read, Step::Send(bound), Step::ReadToEnd];
    let (mut batch, server) = two(steps).await;
    assert_eq!(seen(batch.next().await.unwrap()), (1, 1, Some(0)));
    assert_eq!(seen(batch.next().await.unwrap()), (0, 2, Some(4)));
    assert!(matches!(batch.next().await, Err(ExchangeError::Lost(_))), "there is no third");
    let answered = batch.into_connection().unwrap().bind_user(user_bind(), ample()).await.unwrap();
    assert_eq!(answered.response.result.code, 49);
    drop(answered);
    let sent = server.sent().await;
    assert!(sent.starts_with(&[0x30]) && sent.windows(10).any(|octets| octets == b"vendorName"));
}

#[tokio::test]
async fn before_all_have_ended_there_is_no_connection_to_have_back() {
    let (mut batch, server) = two(vec![Step::Read, Step::Send(done(1, 0)), Step::ReadToEnd]).await;
    assert_eq!(seen(batch.next().await.unwrap()), (0, 0, Some(0)));
    assert!(batch.into_connection().is_none());
    // The script ends because the server sees the connection close.
    server.sent().await;
}

#[tokio::test]
async fn a_server_that_keeps_no_limit_is_listened_to_no_further() {
    let too_many = ["uid=a", "uid=b", "uid=c"].map(|dn| entry(1, dn)).concat();
    let answers = [too_many, done(1, 0), done(2, 0)].concat();
    let (mut batch, _server) = two(vec![Step::Read, Step::Send(answers), Step::Hang]).await;
    assert_eq!(seen(batch.next().await.unwrap()), (0, 3, None));
    assert!(matches!(batch.next().await, Err(ExchangeError::Lost(_))));
    assert!(batch.into_connection().is_none());
}

#[tokio::test]
async fn an_answer_that_is_too_large_fails_its_search_alone() {
    let large = |id| message(id, 0x64, &[wrap(4, b"uid=a"), wrap(0x30, &vec![0; 1 << 20])].concat());
    let answers = [large(1), large(1), entry(2, ""), done(2, 0), done(1, 0)].concat();
    let bound = message(3, 0x61, &result(49));
    let steps = vec![Step::Read, Step::Send(answers), Step::Read, Step::Send(bound), Step::Hang];
    let (mut batch, _server) = two(steps).await;
    let (position, failed) = batch.next().await.unwrap();
    let too_large = |failed: &_| matches!(failed, Err(SearchFailure::TooLarge(Violation::MessageTooLarge { limit, .. })) if *limit == 1 << 20);
    assert!(position == 0 && too_large(&failed.map(drop)));
    assert_eq!(seen(batch.next().await.unwrap()), (1, 1, Some(0)));
    // The end of the one that has failed comes before the next answer.
    assert!(matches!(batch.next().await, Err(ExchangeError::Lost(_))));
    let answered = batch.into_connection().unwrap().bind_user(user_bind(), ample()).await.unwrap();
    assert_eq!(answered.response.result.code, 49);
    let (connection, _server) = connected(vec![Step::Read, Step::Send(large(1)), Step::Hang]).await;
    let outcome = connection.root_dse(&["vendorName"], ample()).await.map(drop);
    assert!(matches!(outcome, Err(ExchangeError::Violation(Violation::MessageTooLarge { .. }))), "{outcome:?}");
}

#[tokio::test]
async fn what_answers_no_search_is_a_violation_and_ends_the_connection() {
    for answer in [done(3, 0), entry(0, ""), message(1, 0x61, &result(0)), [done(1, 0), done(1, 0)].concat()] {
        let (mut batch, _server) = two(vec![Step::Read, Step::Send(answer), Step::Hang]).await;
        let outcome = loop {
            match batch.next().await {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(matches!(outcome, ExchangeError::Violation(Violation::Unexpected(_))), "{outcome:?}");
        assert!(matches!(batch.next().await, Err(ExchangeError::Lost(_))));
        assert!(batch.into_connection().is_none());
    }
}

#[tokio::test]
async fn the_end_of_the_connection_ends_them() {
    let (mut batch, _server) = two(vec![Step::Read, Step::Send(entry(1, "uid=a"))]).await;
    assert!(matches!(batch.next().await, Err(ExchangeError::Lost(_))));
    assert!(batch.into_connection().is_none());
}

async fn root_dse(answer: Vec<u8>) -> Result<Found, ExchangeError> {
    let (connection, _server) = connected(vec![Step::Read, Step::Send(answer), Step::Hang]).await;
    connection.root_dse(&["vendorName"], ample()).await.map(|(_, found)| found)
}

#[tokio::test]
async fn what_the_server_says_of_itself_is_handed_on_and_so_is_why_it_says_nothing() {
    assert_eq!(root_dse([entry(1, ""), done(1, 0)].concat()).await.unwrap().entries.len(), 1);
    for code in [0, 48, 50, 53] {
        let found = root_dse(done(1, code)).await.unwrap();
        assert!(found.entries.is_empty(), "{code}");
        assert_eq!(found.end.map(|(result, _)| result.code), Some(u32::from(code)));
    }
}

#[tokio::test]
async fn what_is_no_root_dse_is_a_violation() {
    for answer in [entry(2, ""), done(2, 0), [entry(1, ""), entry(1, "")].concat(), message(1, 0x61, &result(0))] {
        let outcome = root_dse(answer).await;
        assert!(matches!(outcome, Err(ExchangeError::Violation(Violation::Unexpected(_)))), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_silent_is_waited_for_until_the_deadline() {
    let (connection, _server) = connected(vec![Step::Read, Step::Hang]).await;
    assert!(matches!(connection.root_dse(&["vendorName"], soon()).await, Err(ExchangeError::Timeout)));
}
