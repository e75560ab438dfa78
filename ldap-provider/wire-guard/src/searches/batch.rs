use std::fmt;
use std::io;
use std::time::Instant;

use tokio::io::AsyncWriteExt;
use tokio::time::timeout_at;

use super::SearchFailure;
use super::entries::{Answer, NextEntry, next_answer};
use super::found::{Found, FoundEntry};
use super::request::SearchRequest;
use crate::connection::Connection;
use crate::exchange::ExchangeError;
use crate::message;
use crate::outstanding::Outstanding;

/// A few searches for few entries each, sent together on a connection that has nothing else to do: for whoever has it to
/// himself, and needs no task that looks after it.
///
/// Dropped before its end, it takes its connection with it: that is how a server hears that nobody waits any more.
pub struct SearchBatch {
    connection: Connection,
    outstanding: Outstanding,
    under_way: Vec<UnderWay>,
    /// Whether all that has come so far was an answer that was waited for.
    is_sound: bool,
}

struct UnderWay {
    id: u32,
    position: usize,
    most: usize,
    entries: Vec<FoundEntry>,
    /// Whether it was answered with too much: then its end alone is still waited for.
    has_failed: bool,
}

impl fmt::Debug for SearchBatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SearchBatch").field("connection", &self.connection).finish_non_exhaustive()
    }
}

impl SearchBatch {
    /// Sends the searches, each for at most so many entries, on a connection that is ready.
    pub(crate) async fn send(
        mut connection: Connection,
        searches: &[(&SearchRequest, usize)],
        deadline: Instant,
    ) -> Result<Self, ExchangeError> {
        let mut outstanding = Outstanding::new(connection.limits().search);
        let mut octets = Vec::new();
        let mut under_way = Vec::with_capacity(searches.len());
        for (position, &(request, most)) in searches.iter().enumerate() {
            let id = connection.next_id();
            outstanding.begin_for(id, most);
            message::push(&mut octets, id, request.encoded());
            under_way.push(UnderWay { id, position, most, entries: Vec::new(), has_failed: false });
        }
        let (stream, _) = connection.parts();
        let sending = async {
            stream.write_all(&octets).await.map_err(ExchangeError::Lost)?;
            stream.flush().await.map_err(ExchangeError::Lost)
        };
        timeout_at(deadline.into(), sending).await.map_err(|_| ExchangeError::Timeout)??;
        Ok(Self { connection, outstanding, under_way, is_sound: true })
    }

    /// What the search that ends next has found, and which it was, by its position; they end in any order. A server that
    /// keeps no size limit is listened to up to the entry that is too many. One whose answer is too large fails alone.
    /// Safe to cancel; how long it may take is up to the caller.
    ///
    /// # Errors
    ///
    /// The connection is of no further use, and each further call says [`ExchangeError::Lost`], as it does when no search
    /// is left, for which the end of one that has failed is waited for.
    pub async fn next(&mut self) -> Result<(usize, Result<Found, SearchFailure>), ExchangeError> {
        loop {
            if !self.is_sound || self.under_way.is_empty() {
                return Err(ExchangeError::Lost(io::Error::other("the searches are over")));
            }
            let (stream, incoming) = self.connection.parts();
            let answer = next_answer(stream, incoming, &mut self.outstanding).await;
            self.is_sound &= answer.is_ok();
            let (id, answer) = self.connection.reported(answer)?;
            // An answer to anything else was refused above.
            let Some(index) = self.under_way.iter().position(|search| search.id == id) else { continue };
            let Some(search) = self.under_way.get_mut(index) else { continue };
            let end = match answer {
                Answer::TooLarge(violation) => {
                    search.entries = Vec::new();
                    search.has_failed = true;
                    return Ok((search.position, Err(SearchFailure::TooLarge(violation))));
                }
                Answer::Next(NextEntry::Entry(entry)) => {
                    search.entries.push(entry.on_its_own());
                    if search.entries.len() <= search.most {
                        continue;
                    }
                    self.is_sound = false;
                    None
                }
                Answer::Next(NextEntry::End(result, controls)) => Some((result, controls)),
            };
            let UnderWay { position, entries, has_failed, .. } = self.under_way.swap_remove(index);
            if !has_failed {
                return Ok((position, Ok(Found { entries, end })));
            }
        }
    }

    /// The connection, for the next request. `None` before all searches have ended, and if one of them found more than it was
    /// for: what is still to come would be taken for an answer to that.
    pub fn into_connection(self) -> Option<Connection> {
        (self.is_sound && self.under_way.is_empty()).then_some(self.connection)
    }
}
