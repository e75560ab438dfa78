use tokio::sync::oneshot;

use super::SearchFailure;
use super::found::{Found, FoundEntry};
use crate::Violation;
use crate::frame::{Frame, Oversized};
use crate::grammar::SearchAnswer;
use crate::limits::Limits;
use crate::message::{Control, Message, OperationResult};
use crate::outstanding::{ById, Checked, Outstanding, Wanted};

/// The searches of a connection, those that somebody waits for, and what was found so far.
pub(super) struct WaitingSearches {
    outstanding: Outstanding,
    last_id: u32,
    searches: ById<Search>,
    /// What the entries of all of them come to, in octets, and may come to.
    gathered: usize,
    limit: usize,
    is_over: bool,
}

/// A search that somebody waits for. Dropped, it lets them go.
pub(super) struct Search {
    answer: oneshot::Sender<Result<Found, SearchFailure>>,
    entries: Vec<FoundEntry>,
    /// What they come to.
    octets: usize,
    most: usize,
}

impl WaitingSearches {
    pub(super) fn new(last_id: u32, limits: Limits) -> Self {
        Self {
            outstanding: Outstanding::new(limits.search),
            last_id,
            searches: ById::default(),
            gathered: 0,
            limit: limits.gathered,
            is_over: false,
        }
    }

    /// A search begins. What it is answered with comes over the channel, which is closed when the connection ends.
    pub(super) fn begin(&mut self, most: usize) -> (u32, oneshot::Receiver<Result<Found, SearchFailure>>) {
        let (answer, receiver) = oneshot::channel();
        let id = self.next_id();
        if !self.is_over {
            self.outstanding.begin_for(id, most);
            self.searches.insert(id, Search { answer, entries: Vec::new(), octets: 0, most });
        }
        (id, receiver)
    }

    /// A message id for the next request: from 1 to 2147483647, RFC 4511 section 4.1.1.1; a connection does not live so long
    /// that they come again.
    pub(super) fn next_id(&mut self) -> u32 {
        self.last_id = if self.last_id >= i32::MAX.cast_unsigned() { 1 } else { self.last_id + 1 };
        self.last_id
    }

    /// Whether more than one is under way.
    pub(super) fn are_several(&self) -> bool {
        self.searches.len() > 1
    }

    /// Whether somebody still waited for this search. From now on nobody does.
    pub(super) fn give_up(&mut self, id: u32) -> bool {
        self.outstanding.abandon(id);
        self.remove(id).is_some()
    }

    /// Deals with a message from the server, whose form was found to be so. Returns the search that is over before its end,
    /// of which the server is to be told.
    pub(super) fn received(
        &mut self,
        message: &Message<'_>,
        frame: &Frame,
        form: Result<SearchAnswer<'_>, Violation>,
    ) -> Result<Option<u32>, Violation> {
        let id = message.id;
        match self.outstanding.check(message, frame, form)? {
            Checked::Wanted(SearchAnswer::Entry(_)) => return Ok(self.entry(id, FoundEntry::copy_of(&frame.bytes))),
            Checked::Wanted(SearchAnswer::Done(result, controls)) => self.answer(id, Some((result, controls))),
            // References to other servers are never followed.
            Checked::Unwanted(_) | Checked::Wanted(SearchAnswer::Reference) => {}
            Checked::CutShort(_) => {
                self.answer(id, None);
                return Ok(Some(id));
            }
            Checked::TooLarge(violation) => {
                self.fail(id, violation);
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// The same for an entry that is passed over.
    pub(super) fn oversized(&mut self, entry: &Oversized) -> Result<Option<u32>, Violation> {
        if self.outstanding.oversized(entry)? == Wanted::No {
            return Ok(None);
        }
        self.fail(entry.id, entry.violation);
        Ok(Some(entry.id))
    }

    /// The connection has ended: nobody waits any more. Those who did are let go when what is returned is dropped.
    pub(super) fn let_go(&mut self) -> ById<Search> {
        self.is_over = true;
        std::mem::take(&mut self.searches)
    }

    /// An entry was found. If there are more than anybody waits for, that is the answer. If there is more than can be
    /// kept for all searches together, the one that holds the most fails. Returns the search that is over by that.
    fn entry(&mut self, id: u32, entry: FoundEntry) -> Option<u32> {
        let octets = entry.octets();
        let search = self.searches.get_mut(&id)?;
        search.entries.push(entry);
        search.octets += octets;
        self.gathered += octets;
        let over = if search.entries.len() > search.most {
            self.answer(id, None);
            id
        } else if self.gathered > self.limit {
            // It holds no less than this entry has added, so that there is room again.
            let (&largest, _) = self.searches.iter().max_by_key(|(_, search)| search.octets)?;
            self.fail(largest, Violation::SearchTooLarge { what: "octets, over all searches,", limit: self.limit });
            largest
        } else {
            return None;
        };
        self.outstanding.abandon(over);
        Some(over)
    }

    fn remove(&mut self, id: u32) -> Option<Search> {
        let search = self.searches.remove(&id)?;
        self.gathered = self.gathered.saturating_sub(search.octets);
        Some(search)
    }

    fn answer(&mut self, id: u32, end: Option<(OperationResult, Vec<Control>)>) {
        if let Some(Search { answer, entries, .. }) = self.remove(id) {
            // Who does not wait any more does not want to know.
            let _ = answer.send(Ok(Found { entries, end }));
        }
    }

    fn fail(&mut self, id: u32, violation: Violation) {
        if let Some(Search { answer, .. }) = self.remove(id) {
            let _ = answer.send(Err(SearchFailure::TooLarge(violation)));
        }
    }
}
