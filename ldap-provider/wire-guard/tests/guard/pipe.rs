use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout_at;
use wire_guard::ber::wrap;
use wire_guard::{Limits, Pipe, PipeEnd, PipeMonitor, SearchBudget, Security, Violation};

use crate::script::{Server, Step, message, play, result};
use crate::{ample, connect_with};

const SEARCH_REQUEST: u8 = 0x63;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;

struct Library {
    stream: UnixStream,
    monitor: PipeMonitor,
    server: Server,
}

async fn library(steps: Vec<Step>) -> Library {
    library_with(Limits::LOGIN, steps).await
}

async fn library_with(limits: Limits, steps: Vec<Step>) -> Library {
    let (address, server) = play(steps).await;
    let connection = connect_with(address, &Security::Plain, limits, ample()).await.unwrap();
    let Pipe { stream, monitor } = connection.into_pipe().unwrap();
    Library { stream: UnixStream::from_std(stream).unwrap(), monitor, server }
}

impl Library {
    /// Sends a search and reads until the pipe ends.
    async fn search(mut self) -> (Vec<u8>, Option<PipeEnd>) {
        self.stream.write_all(&message(1, SEARCH_REQUEST, &[])).await.unwrap();
        let received = read_to_end(&mut self.stream).await;
        (received, self.monitor.end().cloned())
    }
}

/// What comes until the pipe ends, which it has to.
async fn read_to_end(stream: &mut UnixStream) -> Vec<u8> {
    let mut received = Vec::new();
    timeout_at(ample().into(), stream.read_to_end(&mut received)).await.expect("the pipe ends").unwrap();
    received
}

fn entry() -> Vec<u8> {
    message(1, SEARCH_ENTRY, &[wrap(4, b"cn=x"), wrap(0x30, b"")].concat())
}

fn done() -> Vec<u8> {
    message(1, SEARCH_DONE, &result(0))
}

#[tokio::test]
async fn sound_answers_pass_and_the_end_is_told() {
    let answers = [entry(), entry(), done()].concat();
    let (received, end) = library(vec![Step::Read, Step::Send(answers.clone())]).await.search().await;
    assert_eq!(received, answers);
    assert!(matches!(end, Some(PipeEnd::Lost(_))), "{end:?}");
}

#[tokio::test]
async fn nothing_unsound_reaches_the_library() {
    let nested = (0..10_000).fold(Vec::new(), |inner, _| wrap(0x30, &inner));
    for bad in [
        nested,
        vec![0x30, 0x00],
        vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
        vec![0x30, 0x80],
        message(1, SEARCH_ENTRY, &[wrap(4, b"cn=x"), wrap(0x31, b"")].concat()),
        message(1, SEARCH_DONE, &[0x0a, 1, 0, 4, 0]),
        message(1, 0x61, &result(0)),
        message(1, 0x79, &[]),
        message(2, SEARCH_DONE, &result(0)),
        message(0, SEARCH_DONE, &result(0)),
        b"HTTP/1.1 200 OK\r\n".to_vec(),
    ] {
        let answers = [entry(), bad.clone()].concat();
        let (received, end) = library(vec![Step::Read, Step::Send(answers), Step::Hang]).await.search().await;
        assert_eq!(received, entry(), "what was sound before it passes");
        assert!(matches!(end, Some(PipeEnd::Violation(_))), "{:02x?}: {end:?}", &bad[..bad.len().min(16)]);
    }
}

#[tokio::test]
async fn what_the_library_cannot_read_and_nobody_needs_is_mended_and_not_fatal() {
    let control = wrap(0xa0, &wrap(0x30, &wrap(4, b"1.2.3")));
    let end = |diagnostic: &[u8]| {
        let result = [&[0x0a, 1, 50, 4, 0][..], &wrap(4, diagnostic)].concat();
        wrap(0x30, &[&[2, 1, 1][..], &wrap(SEARCH_DONE, &result), &control].concat())
    };
    let reference = message(1, 0x73, &wrap(4, &[0xff]));
    let answers = [reference, entry(), end(b"verw\xe4hrt")].concat();
    let (received, _) = library(vec![Step::Read, Step::Send(answers)]).await.search().await;
    assert_eq!(received, [entry(), end("verw\u{fffd}hrt".as_bytes())].concat());
}

#[tokio::test]
async fn answers_after_the_end_of_a_search_are_a_violation() {
    let answers = [done(), entry()].concat();
    let (received, end) = library(vec![Step::Read, Step::Send(answers), Step::Hang]).await.search().await;
    assert_eq!(received, done());
    assert_eq!(end, Some(PipeEnd::Violation(Violation::Unexpected("an answer to no request"))));
}

#[tokio::test]
async fn answers_to_an_abandoned_search_go_nowhere() {
    let second = message(2, SEARCH_DONE, &result(0));
    let late = [entry(), done(), second.clone()].concat();
    let steps = vec![Step::Read, Step::Read, Step::Read, Step::Send(late), Step::Hang];
    let mut library = library(steps).await;
    for request in
        [message(1, SEARCH_REQUEST, &[]), wrap(0x30, &[2, 1, 3, 0x50, 1, 1]), message(2, SEARCH_REQUEST, &[])]
    {
        library.stream.write_all(&request).await.unwrap();
        // Each in a segment of its own, which the server waits for.
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let mut received = vec![0; second.len()];
    timeout_at(ample().into(), library.stream.read_exact(&mut received)).await.expect("an answer").unwrap();
    assert_eq!(received, second);
    assert_eq!(library.monitor.end(), None);
}

#[tokio::test]
async fn the_answers_to_one_search_have_limits_together() {
    let reference = || message(1, 0x73, &wrap(4, b"ldap://x/"));
    let large = || message(1, SEARCH_ENTRY, &[wrap(4, b"cn=x"), wrap(0x30, &attribute(1024))].concat());
    let budget = SearchBudget { entries: 3, references: 3, octets: 4 * 1024, elements: 110 };
    for (what, limit, answer) in [
        ("entries", budget.entries, entry()),
        ("references", budget.references, reference()),
        ("octets", budget.octets, large()),
        ("elements", budget.elements, message(1, SEARCH_ENTRY, &[wrap(4, b"cn=x"), wrap(0x30, &many(40))].concat())),
    ] {
        let limits = Limits { search: budget, ..Limits::LOGIN };
        let enough = if limit == 3 { 3 } else { 2 };
        let within = [answer.repeat(enough), done()].concat();
        let passed = library_with(limits, vec![Step::Read, Step::Send(within)]).await.search().await;
        assert!(passed.0.ends_with(&done()), "{what}: {passed:?}");

        let steps = vec![Step::Read, Step::Send(answer.repeat(10)), Step::Hang];
        let (_, end) = library_with(limits, steps).await.search().await;
        assert_eq!(end, Some(PipeEnd::Violation(Violation::SearchTooLarge { what, limit })));
    }
}

#[tokio::test]
async fn the_server_is_held_back_until_entries_have_been_consumed() {
    let large = message(1, SEARCH_ENTRY, &[wrap(4, b"cn=x"), wrap(0x30, &attribute(1024 * 1024 - 64))].concat());
    let answers = [large.repeat(40), done()].concat();
    let mut library = library_with(Limits::LISTING, vec![Step::Read, Step::Send(answers), Step::Hang]).await;
    library.stream.write_all(&message(1, SEARCH_REQUEST, &[])).await.unwrap();
    let mut received = vec![0; large.len()];
    library.stream.read_exact(&mut received).await.unwrap();
    // The library would take more, were there more.
    let more = tokio::time::timeout(std::time::Duration::from_millis(200), library.stream.readable()).await;
    assert!(more.is_err() || library.stream.try_read(&mut [0]).is_err(), "the second entry has to wait");
    for _ in 1..40 {
        library.monitor.entry_consumed(1);
        library.stream.read_exact(&mut received).await.unwrap();
        assert!(received == large);
    }
    let mut end = vec![0; done().len()];
    library.stream.read_exact(&mut end).await.unwrap();
    assert_eq!(end, done(), "the end of a search does not wait");
}

fn attribute(octets: usize) -> Vec<u8> {
    wrap(0x30, &[wrap(4, b"cn"), wrap(0x31, &wrap(4, &vec![b'x'; octets]))].concat())
}

/// An attribute with so many values.
fn many(values: usize) -> Vec<u8> {
    wrap(0x30, &[wrap(4, b"cn"), wrap(0x31, &wrap(4, b"").repeat(values))].concat())
}

#[tokio::test]
async fn a_notice_of_disconnection_ends_the_pipe_with_its_reason() {
    let inside = message(0, 0x78, &[&result(51)[..], &wrap(0x8a, b"1.3.6.1.4.1.1466.20036")].concat());
    let (received, end) = library(vec![Step::Read, Step::Send(inside), Step::Hang]).await.search().await;
    assert!(received.is_empty());
    assert!(matches!(end, Some(PipeEnd::Disconnected { code: 51, .. })), "{end:?}");
}

#[tokio::test]
async fn a_bind_by_the_library_is_not_let_through() {
    let mut library = library(vec![Step::ReadToEnd]).await;
    let bind = message(1, 0x60, &[2, 1, 3, 4, 0, 0x80, 0]);
    library.stream.write_all(&bind).await.unwrap();
    assert_eq!(read_to_end(&mut library.stream).await, []);
    assert_eq!(library.monitor.end(), Some(&PipeEnd::ClosedByClient));
    assert_eq!(library.server.sent().await, []);
}

#[tokio::test]
async fn dropping_the_monitor_ends_the_connection() {
    let Library { mut stream, monitor, .. } = library(vec![Step::Hang]).await;
    drop(monitor);
    assert_eq!(read_to_end(&mut stream).await, []);
}
