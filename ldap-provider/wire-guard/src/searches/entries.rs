use std::{fmt, io};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::found::FoundEntry;
use super::request::SearchRequest;
use crate::Violation;
use crate::connection::Connection;
use crate::exchange::ExchangeError;
use crate::frame::Next;
use crate::grammar::{SearchAnswer, check_search_answer};
use crate::incoming::Incoming;
use crate::message::{self, Control, Message, OperationResult};
use crate::outstanding::{Checked, Outstanding, Wanted};
use crate::paged_results::PageRequest;

/// A search on a connection that has nothing else to do, and its entries as they come, of which none is kept: for
/// listings. Whoever does not take them holds the server back.
///
/// Dropped before its end, it takes its connection with it: that is how a server hears that nobody waits any more.
pub struct EntryStream {
    connection: Connection,
    outstanding: Outstanding,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    UnderWay,
    /// The server has said so, and the connection can carry the next request.
    Ended,
    Broken,
}

impl fmt::Debug for EntryStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EntryStream").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// What comes next of a search.
#[derive(Clone, Debug)]
pub enum NextEntry {
    /// An entry.
    Entry(FoundEntry),
    /// The end, with the server's result and its controls.
    End(OperationResult, Vec<Control>),
}

impl EntryStream {
    pub(crate) fn over(connection: Connection, id: u32) -> Self {
        let mut outstanding = Outstanding::new(connection.limits().search);
        outstanding.begin(id);
        Self { connection, outstanding, state: State::UnderWay }
    }

    /// The next entry, or the end. References to other servers are passed over. Safe to cancel; how long it may take is up
    /// to the caller.
    ///
    /// # Errors
    ///
    /// The connection is of no further use, and each further call says [`ExchangeError::Lost`], as it does after the end.
    pub async fn next(&mut self) -> Result<NextEntry, ExchangeError> {
        if self.state != State::UnderWay {
            return Err(ExchangeError::Lost(io::Error::other("the search is over")));
        }
        let (stream, incoming) = self.connection.parts();
        let next = next_answer(stream, incoming, &mut self.outstanding).await.and_then(|(_, answer)| match answer {
            Answer::Next(next) => Ok(next),
            Answer::TooLarge(violation) => Err(violation.into()),
        });
        match &next {
            Ok(NextEntry::Entry(_)) => {}
            Ok(NextEntry::End(..)) => self.state = State::Ended,
            Err(_) => self.state = State::Broken,
        }
        self.connection.reported(next)
    }

    /// The connection, for the next request. `None` before the [end](NextEntry::End): what is still to come would be taken
    /// for an answer to that.
    pub fn into_connection(self) -> Option<Connection> {
        (self.state == State::Ended).then_some(self.connection)
    }
}

/// Sends a search on a connection that is ready; how long that may take is up to the caller. The server's answers are to
/// be taken by [`next_answer`].
pub(crate) async fn send_search(
    stream: &mut (impl AsyncWrite + Unpin),
    id: u32,
    request: &SearchRequest,
    page: Option<PageRequest<'_>>,
) -> Result<(), ExchangeError> {
    let mut operation = request.encoded().to_vec();
    if let Some(page) = page {
        message::push_controls(&mut operation, &[page.into()]);
    }
    stream.write_all(&message::encode(id, &operation)).await.map_err(ExchangeError::Lost)?;
    stream.flush().await.map_err(ExchangeError::Lost)
}

/// An answer to a search.
pub(super) enum Answer {
    Next(NextEntry),
    /// It was more than is taken. From now on nobody waits for answers to this search.
    TooLarge(Violation),
}

/// The next answer to a search that is outstanding and somebody waits for, or its end, and the id of its request. Safe to
/// cancel.
pub(super) async fn next_answer(
    stream: &mut (impl AsyncRead + Unpin),
    incoming: &mut Incoming,
    outstanding: &mut Outstanding,
) -> Result<(u32, Answer), ExchangeError> {
    loop {
        let frame = match incoming.answer_or_oversized(stream).await? {
            Next::Whole(frame) => frame,
            Next::Oversized(entry) if outstanding.oversized(&entry)? == Wanted::Yes => {
                return Ok((entry.id, Answer::TooLarge(entry.violation)));
            }
            Next::Oversized(_) => continue,
        };
        let message = Message::parse(&frame.bytes)?;
        let id = message.id;
        let checked = outstanding.check(&message, &frame, check_search_answer(&message))?;
        let answer = match checked {
            Checked::Wanted(SearchAnswer::Entry(_)) => Answer::Next(NextEntry::Entry(FoundEntry::of(frame.bytes))),
            Checked::Wanted(SearchAnswer::Done(result, controls))
            | Checked::Unwanted(SearchAnswer::Done(result, controls)) => Answer::Next(NextEntry::End(result, controls)),
            Checked::Wanted(SearchAnswer::Reference) | Checked::Unwanted(_) => continue,
            Checked::CutShort(violation) | Checked::TooLarge(violation) => Answer::TooLarge(violation),
        };
        return Ok((id, answer));
    }
}
