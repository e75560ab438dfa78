use std::time::{Duration, Instant};

use wire_guard::{BindResponse, ExchangeError, Security, UserBindError, Violation};

use crate::script::{Server, Step, message, play, result};
use crate::{ample, connect, request, soon, user_bind};

type Outcome = Result<BindResponse, UserBindError>;

const BIND_RESPONSE: u8 = 0x61;

async fn bind_user(steps: Vec<Step>) -> (Outcome, Server) {
    bind_user_after(Duration::ZERO, ample(), steps).await
}

/// The same when the server has had the time to speak first.
async fn bind_user_later(steps: Vec<Step>) -> (Outcome, Server) {
    bind_user_after(Duration::from_millis(100), ample(), steps).await
}

async fn bind_user_after(wait: Duration, deadline: Instant, steps: Vec<Step>) -> (Outcome, Server) {
    let (address, server) = play(steps).await;
    let connection = connect(address, &Security::Plain, ample()).await.unwrap();
    tokio::time::sleep(wait).await;
    (connection.bind_user(user_bind(), deadline).await.map(|answer| answer.response), server)
}

#[tokio::test]
async fn the_servers_answer_is_handed_on_with_its_code_and_its_words() {
    let content = [&[0x0a, 1, 49, 4, 0, 4, 3][..], b"no\0"].concat();
    let (response, server) =
        bind_user(vec![Step::Read, Step::Send(message(1, BIND_RESPONSE, &content)), Step::ReadToEnd]).await;
    let response = response.unwrap();
    assert_eq!((response.is_success(), response.result.code, response.result.diagnostic.as_str()), (false, 49, "no"));
    let sent = server.sent().await;
    assert_eq!(sent.windows(5).filter(|part| part == b"right").count(), 1, "one password, once");
}

#[tokio::test]
async fn a_bind_answered_by_anything_but_its_response_is_never_a_success() {
    for answer in [
        message(1, 0x78, &result(0)),
        message(1, 0x65, &result(0)),
        message(2, BIND_RESPONSE, &result(0)),
        message(1, BIND_RESPONSE, &[]),
        vec![0x30, 0x00],
        vec![0x30, 0x80, 0, 0],
        b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
    ] {
        let (outcome, _) = bind_user(vec![Step::Read, Step::Send(answer.clone()), Step::Hang]).await;
        assert!(
            matches!(outcome, Err(UserBindError::Unanswered(ExchangeError::Violation(_)))),
            "{answer:02x?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn of_two_answers_the_first_counts_even_if_they_come_at_once() {
    for codes in [[49, 0], [0, 49]] {
        let both = codes.map(|code| message(1, BIND_RESPONSE, &result(code))).concat();
        let (outcome, _) = bind_user(vec![Step::Read, Step::Send(both), Step::Hang]).await;
        assert_eq!(outcome.unwrap().result.code, u32::from(codes[0]));
    }
}

#[tokio::test]
async fn a_service_connection_that_was_answered_twice_is_of_no_use() {
    let both = [message(1, BIND_RESPONSE, &result(0)), message(1, BIND_RESPONSE, &result(0))].concat();
    let (address, _server) = play(vec![Step::Read, Step::Send(both), Step::Hang]).await;
    let mut connection = connect(address, &Security::Plain, ample()).await.unwrap();
    assert!(connection.bind(request(), ample()).await.unwrap().is_success());
    let again = connection.bind(request(), ample()).await;
    assert!(matches!(again, Err(ExchangeError::Violation(Violation::Unexpected(_)))), "{again:?}");
}

#[tokio::test]
async fn a_connection_that_cannot_be_used_any_more_is_sent_nothing() {
    let early = message(1, BIND_RESPONSE, &result(0));
    let (outcome, server) = bind_user_later(vec![Step::Send(early), Step::ReadToEnd]).await;
    assert!(
        matches!(outcome, Err(UserBindError::NotSent(ExchangeError::Violation(Violation::Unexpected(_)), _))),
        "{outcome:?}"
    );
    assert_eq!(server.sent().await, []);

    let (outcome, _) = bind_user_later(vec![]).await;
    assert!(matches!(outcome, Err(UserBindError::NotSent(ExchangeError::Lost(_), _))), "{outcome:?}");

    let (outcome, server) = bind_user_after(Duration::ZERO, Instant::now(), vec![Step::ReadToEnd]).await;
    assert!(matches!(outcome, Err(UserBindError::NotSent(ExchangeError::Timeout, _))), "{outcome:?}");
    assert_eq!(server.sent().await, [], "nothing is sent when the time is over");
}

#[tokio::test]
async fn a_notice_of_disconnection_is_told_as_such() {
    let name = wire_guard::ber::wrap(0x8a, b"1.3.6.1.4.1.1466.20036");
    let notice = message(0, 0x78, &[&result(52)[..], &name].concat());
    let (outcome, _) = bind_user(vec![Step::Read, Step::Send(notice)]).await;
    assert!(
        matches!(outcome, Err(UserBindError::Unanswered(ExchangeError::Disconnected(ref result))) if result.code == 52),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn silence_and_a_closed_connection_are_told_apart() {
    let (silent, _) = bind_user_after(Duration::ZERO, soon(), vec![Step::Read, Step::Hang]).await;
    assert!(matches!(silent, Err(UserBindError::Unanswered(ExchangeError::Timeout))), "{silent:?}");
    let drip = vec![Step::Read, Step::Send(vec![0x30, 0x0c]), Step::Pause, Step::Send(vec![2]), Step::Hang];
    let (dripping, _) = bind_user_after(Duration::ZERO, soon(), drip).await;
    assert!(matches!(dripping, Err(UserBindError::Unanswered(ExchangeError::Timeout))), "{dripping:?}");
    let (closed, _) = bind_user(vec![Step::Read]).await;
    assert!(matches!(closed, Err(UserBindError::Unanswered(ExchangeError::Lost(_)))), "{closed:?}");
}

/// Answers the first request, and then each further one with the code that comes next.
fn answering(codes: &[u8]) -> Vec<Step> {
    let answer = |(position, code): (usize, &u8)| {
        [Step::Read, Step::Send(message(u8::try_from(position + 1).unwrap(), BIND_RESPONSE, &result(*code)))]
    };
    codes.iter().enumerate().flat_map(answer).chain([Step::ReadToEnd]).collect()
}

#[tokio::test]
async fn a_connection_carries_one_bind_after_the_other() {
    let (address, server) = play(answering(&[49, 0, 49])).await;
    let mut connection = connect(address, &Security::Plain, ample()).await.unwrap();
    for code in [49, 0, 49] {
        let answer = connection.bind_user(user_bind(), ample()).await.unwrap();
        assert_eq!(answer.response.result.code, code);
        connection = answer.connection.expect("the server said nothing else");
    }
    drop(connection);
    assert_eq!(server.sent().await.windows(5).filter(|part| part == b"right").count(), 3);
}

#[tokio::test]
async fn a_second_answer_ends_the_connection_before_the_next_password_is_sent() {
    let twice = [message(1, BIND_RESPONSE, &result(49)), message(1, BIND_RESPONSE, &result(0))].concat();
    let (address, _server) = play(vec![Step::Read, Step::Send(twice), Step::Hang]).await;
    let connection = connect(address, &Security::Plain, ample()).await.unwrap();
    assert!(connection.bind_user(user_bind(), ample()).await.unwrap().connection.is_none(), "they came together");

    let answer = || Step::Send(message(1, BIND_RESPONSE, &result(0)));
    let steps = vec![Step::Read, answer(), Step::Pause, answer(), Step::Pause, Step::ReadToEnd];
    let (address, server) = play(steps).await;
    let connection = connect(address, &Security::Plain, ample()).await.unwrap();
    let connection = connection.bind_user(user_bind(), ample()).await.unwrap().connection.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    match connection.bind_user(user_bind(), ample()).await {
        Err(UserBindError::NotSent(_, bind)) => drop(bind.unspent()),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.sent().await.windows(5).filter(|part| part == b"right").count(), 1);
}

#[tokio::test]
async fn a_probe_finds_out_whether_there_still_is_a_server() {
    let alive = message(1, 0x78, &result(0));
    let (address, server) = play(vec![Step::Read, Step::Send(alive), Step::ReadToEnd]).await;
    let mut connection = connect(address, &Security::Plain, ample()).await.unwrap().probe(ample()).await.unwrap();
    assert!(connection.end().is_none(), "it is still there");
    drop(connection);
    assert!(server.sent().await.ends_with(b"1.3.6.1.4.1.4203.1.11.3"));

    let (address, _server) = play(vec![]).await;
    let mut connection = connect(address, &Security::Plain, ample()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(connection.end().is_some(), "the server has closed it");

    let unasked = Step::Send(message(1, BIND_RESPONSE, &result(0)));
    let (address, _server) = play(vec![unasked, Step::Hang]).await;
    let mut connection = connect(address, &Security::Plain, ample()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let end = connection.end().expect("the server has spoken first");
    assert!(format!("{end:?}").contains("an answer before its request"), "{end:?}");

    let (address, _server) = play(vec![Step::Read, Step::Hang]).await;
    let silent = connect(address, &Security::Plain, ample()).await.unwrap().probe(soon()).await;
    assert!(matches!(silent, Err(ExchangeError::Timeout)), "{silent:?}");
    let (address, _server) = play(vec![Step::Read, Step::Send(message(1, BIND_RESPONSE, &result(0)))]).await;
    let wrong = connect(address, &Security::Plain, ample()).await.unwrap().probe(ample()).await;
    assert!(matches!(wrong, Err(ExchangeError::Violation(_))), "{wrong:?}");
}
