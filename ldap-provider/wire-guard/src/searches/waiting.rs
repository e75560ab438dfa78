use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::SearchFailure;
use super::found::{Found, FoundEntry};
use crate::Violation;
use crate::message::{Control, OperationResult};

/// The searches that somebody waits for, and what was found so far.
pub(super) struct WaitingSearches {
    state: Mutex<State>,
    /// How much the entries of all of them may come to, in octets.
    limit: usize,
}

struct State {
    last_id: u32,
    searches: HashMap<u32, Search>,
    /// What the entries of all of them come to, in octets.
    gathered: usize,
    is_over: bool,
}

struct Search {
    answer: oneshot::Sender<Result<Found, SearchFailure>>,
    entries: Vec<FoundEntry>,
    /// What they come to.
    octets: usize,
    most: usize,
}

impl WaitingSearches {
    pub(super) fn new(last_id: u32, limit: usize) -> Self {
        let state = State { last_id, searches: HashMap::new(), gathered: 0, is_over: false };
        Self { state: Mutex::new(state), limit }
    }

    /// A search begins. What it is answered with comes over the channel, which is closed when the connection ends.
    pub(super) fn begin(&self, most: usize) -> (u32, oneshot::Receiver<Result<Found, SearchFailure>>) {
        let (answer, receiver) = oneshot::channel();
        let mut state = self.state();
        let id = state.next_id();
        if !state.is_over {
            state.searches.insert(id, Search { answer, entries: Vec::new(), octets: 0, most });
        }
        (id, receiver)
    }

    /// A message id for a request that is not answered.
    pub(super) fn next_id(&self) -> u32 {
        self.state().next_id()
    }

    /// Whether somebody still waited for this search. From now on nobody does.
    pub(super) fn give_up(&self, id: u32) -> bool {
        self.state().remove(id).is_some()
    }

    /// An entry was found. If there are more than anybody waits for, that is the answer. If there is more than can be
    /// kept for all searches together, the one that holds the most fails. Returns the search that is over by that.
    pub(super) fn entry(&self, id: u32, entry: FoundEntry) -> Option<u32> {
        let mut state = self.state();
        let octets = entry.octets();
        let search = state.searches.get_mut(&id)?;
        search.entries.push(entry);
        search.octets += octets;
        let is_over = search.entries.len() > search.most;
        state.gathered += octets;
        if is_over {
            state.answer(id, None);
            return Some(id);
        }
        if state.gathered <= self.limit {
            return None;
        }
        // It holds no less than this entry has added, so that there is room again.
        let (&largest, _) = state.searches.iter().max_by_key(|(_, search)| search.octets)?;
        state.fail(largest, Violation::SearchTooLarge { what: "octets, over all searches,", limit: self.limit });
        Some(largest)
    }

    /// More was found than can be kept: what is there is the answer.
    pub(super) fn cut_short(&self, id: u32) {
        self.state().answer(id, None);
    }

    /// The search has been answered with more than is taken.
    pub(super) fn fail(&self, id: u32, violation: Violation) {
        self.state().fail(id, violation);
    }

    /// A search has ended.
    pub(super) fn end(&self, id: u32, result: OperationResult, controls: Vec<Control>) {
        self.state().answer(id, Some((result, controls)));
    }

    /// The connection has ended: nobody waits any more.
    pub(super) fn let_go(&self) {
        let mut state = self.state();
        state.is_over = true;
        let searches = std::mem::take(&mut state.searches);
        drop(state);
        drop(searches);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// From 1 to 2147483647, RFC 4511 section 4.1.1.1; a connection does not live so long that they come again.
    fn next_id(&mut self) -> u32 {
        self.last_id = if self.last_id >= i32::MAX.cast_unsigned() { 1 } else { self.last_id + 1 };
        self.last_id
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
