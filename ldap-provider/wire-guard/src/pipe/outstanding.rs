use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::Violation;
use crate::frame::Frame;
use crate::grammar::SearchAnswer;
use crate::limits::SearchBudget;

/// The searches that wait for answers, each with what is left of its budget. An abandoned one stays: the server may
/// have answered before it read the abandon request.
pub(super) struct Outstanding {
    budget: SearchBudget,
    searches: Mutex<HashMap<u32, SearchBudget>>,
}

impl Outstanding {
    pub(super) fn new(budget: SearchBudget) -> Self {
        Self { budget, searches: Mutex::default() }
    }

    /// A search begins.
    pub(super) fn begin(&self, id: u32) {
        self.with(|searches| searches.insert(id, self.budget));
    }

    /// Takes a message out of the budget of the search that it answers.
    pub(super) fn received(&self, id: u32, frame: &Frame) -> Result<(), Violation> {
        let limits = self.budget;
        self.with(|searches| {
            let left = searches.get_mut(&id).ok_or(Violation::Unexpected("an answer to no request"))?;
            spend(&mut left.octets, frame.bytes.len(), "octets", limits.octets)?;
            spend(&mut left.elements, frame.elements, "elements", limits.elements)
        })
    }

    /// Takes an answer out of the budget of its search. The last one ends it.
    pub(super) fn answered(&self, id: u32, answer: &SearchAnswer<'_>) -> Result<(), Violation> {
        let limits = self.budget;
        self.with(|searches| {
            let left = searches.get_mut(&id).ok_or(Violation::Unexpected("an answer to no request"))?;
            match answer {
                SearchAnswer::Entry(_) => spend(&mut left.entries, 1, "entries", limits.entries),
                SearchAnswer::Reference => spend(&mut left.references, 1, "references", limits.references),
                SearchAnswer::Done(..) => {
                    searches.remove(&id);
                    Ok(())
                }
            }
        })
    }

    fn with<T>(&self, action: impl FnOnce(&mut HashMap<u32, SearchBudget>) -> T) -> T {
        action(&mut self.searches.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn spend(left: &mut usize, amount: usize, what: &'static str, limit: usize) -> Result<(), Violation> {
    *left = left.checked_sub(amount).ok_or(Violation::SearchTooLarge { what, limit })?;
    Ok(())
}
