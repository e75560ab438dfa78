use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::Violation;
use crate::frame::Frame;
use crate::grammar::SearchAnswer;
use crate::limits::{SearchBudget, UNWANTED};

/// How many abandoned searches are remembered. A server that answers one after so many others were abandoned is taken
/// to answer what nobody asked.
const MOST_ABANDONED: usize = 1_024;

/// How many elements an entry may have, on average, of which so many are waited for that the budget of all would not do.
const ELEMENTS_OF_ONE: usize = 64;

/// The searches that wait for answers, each with what is left of its budget. An abandoned one stays for a while: the
/// server may have answered before it read the abandon request, and does not have to say that it has.
pub(crate) struct Outstanding {
    budget: SearchBudget,
    searches: Mutex<Searches>,
}

#[derive(Default)]
struct Searches {
    by_id: HashMap<u32, Search>,
    /// Those whose answers nobody wants, oldest first. Some may have ended since.
    abandoned: VecDeque<u32>,
}

struct Search {
    whole: SearchBudget,
    left: SearchBudget,
    /// How many octets may still come when nobody wants them.
    unwanted: usize,
    wanted: Wanted,
    may_be_cut_short: bool,
}

/// Whether an answer lies within the budget of its search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Budget {
    Kept,
    /// It does not, and the search is to be given up.
    Exceeded,
}

/// Whether somebody waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Yes,
    No,
}

impl Outstanding {
    pub(crate) fn new(budget: SearchBudget) -> Self {
        Self { budget, searches: Mutex::default() }
    }

    /// A search begins.
    pub(crate) fn begin(&self, id: u32) {
        self.begin_within(id, self.budget, false);
    }

    /// A search begins of which so many entries are waited for: a server may send them all, and the one that is too many.
    /// If there are more than usual, a budget that does not do for them ends the search alone: it was this side's wish.
    pub(crate) fn begin_for(&self, id: u32, entries: usize) {
        let SearchBudget { references, octets, .. } = self.budget;
        let is_large = entries >= self.budget.entries;
        let entries = self.budget.entries.max(entries.saturating_add(1));
        let elements = self.budget.elements.max(entries.saturating_mul(ELEMENTS_OF_ONE));
        self.begin_within(id, SearchBudget { entries, references, octets, elements }, is_large);
    }

    fn begin_within(&self, id: u32, budget: SearchBudget, may_be_cut_short: bool) {
        let search = Search { whole: budget, left: budget, unwanted: UNWANTED, wanted: Wanted::Yes, may_be_cut_short };
        self.with(|searches| searches.by_id.insert(id, search));
    }

    /// Nobody wants to hear of this search any more.
    pub(crate) fn abandon(&self, id: u32) {
        self.with(|searches| {
            let Some(search) = searches.by_id.get_mut(&id) else { return };
            if search.wanted == Wanted::No {
                return;
            }
            search.wanted = Wanted::No;
            searches.abandoned.push_back(id);
            if searches.abandoned.len() > MOST_ABANDONED
                && let Some(oldest) = searches.abandoned.pop_front()
            {
                searches.by_id.remove(&oldest);
            }
        });
    }

    /// Takes a message out of the budget of the search that it answers.
    pub(crate) fn received(&self, id: u32, frame: &Frame) -> Result<Budget, Violation> {
        self.with(|searches| {
            let search = searches.get(id)?;
            if search.wanted == Wanted::No {
                spend(&mut search.unwanted, frame.bytes.len(), "octets that nobody waits for", UNWANTED)?;
                return Ok(Budget::Kept);
            }
            let (whole, left) = (search.whole, &mut search.left);
            let spent = spend(&mut left.octets, frame.bytes.len(), "octets", whole.octets)
                .and_then(|()| spend(&mut left.elements, frame.elements, "elements", whole.elements));
            match spent {
                Ok(()) => Ok(Budget::Kept),
                Err(_) if search.may_be_cut_short => Ok(Budget::Exceeded),
                Err(violation) => Err(violation),
            }
        })
    }

    /// Takes an answer out of the budget of its search, and says whether anybody waits for it. The last one ends the
    /// search.
    pub(crate) fn answered(&self, id: u32, answer: &SearchAnswer<'_>) -> Result<Wanted, Violation> {
        self.with(|searches| {
            let search = searches.get(id)?;
            let (wanted, limits) = (search.wanted, search.whole);
            match answer {
                // What nobody wants is kept nowhere: its octets are limit enough.
                SearchAnswer::Entry(_) | SearchAnswer::Reference if wanted == Wanted::No => {}
                SearchAnswer::Entry(_) => spend(&mut search.left.entries, 1, "entries", limits.entries)?,
                SearchAnswer::Reference => spend(&mut search.left.references, 1, "references", limits.references)?,
                SearchAnswer::Done(..) => searches.end(id),
            }
            Ok(wanted)
        })
    }

    fn with<T>(&self, action: impl FnOnce(&mut Searches) -> T) -> T {
        action(&mut self.searches.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Searches {
    fn get(&mut self, id: u32) -> Result<&mut Search, Violation> {
        self.by_id.get_mut(&id).ok_or(Violation::Unexpected("an answer to no request"))
    }

    fn end(&mut self, id: u32) {
        if self.by_id.remove(&id).is_some_and(|search| search.wanted == Wanted::No) {
            self.abandoned.retain(|abandoned| *abandoned != id);
        }
    }
}

fn spend(left: &mut usize, amount: usize, what: &'static str, limit: usize) -> Result<(), Violation> {
    *left = left.checked_sub(amount).ok_or(Violation::SearchTooLarge { what, limit })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Budget, MOST_ABANDONED, Outstanding, Wanted};
    use crate::frame::Frame;
    use crate::grammar::SearchAnswer;
    use crate::limits::Limits;

    #[test]
    fn answers_to_an_abandoned_search_are_no_violation_and_wanted_by_nobody() {
        let outstanding = Outstanding::new(Limits::LOGIN.search);
        outstanding.begin(1);
        outstanding.begin(2);
        outstanding.abandon(1);
        assert_eq!(outstanding.answered(1, &SearchAnswer::Reference), Ok(Wanted::No));
        assert_eq!(outstanding.answered(2, &SearchAnswer::Reference), Ok(Wanted::Yes));
        outstanding.abandon(7);
        assert!(outstanding.answered(7, &SearchAnswer::Reference).is_err(), "it has never begun");
    }

    #[test]
    fn what_an_abandoned_search_is_answered_with_has_a_limit_of_its_own() {
        let outstanding = Outstanding::new(Limits::LOGIN.search);
        outstanding.begin(1);
        outstanding.abandon(1);
        for _ in 0..=Limits::LOGIN.search.references {
            assert!(outstanding.answered(1, &SearchAnswer::Reference).is_ok(), "nobody keeps it");
        }
        let frame = Frame { bytes: vec![0; 1024 * 1024].into(), elements: Limits::LOGIN.search.elements + 1 };
        for _ in 0..64 {
            assert_eq!(outstanding.received(1, &frame), Ok(Budget::Kept));
        }
        outstanding.abandon(1);
        assert!(outstanding.received(1, &frame).is_err(), "to abandon it again gives it no more");
    }

    #[test]
    fn a_large_search_that_exceeds_its_budget_is_given_up_and_a_usual_one_is_a_violation() {
        let outstanding = Outstanding::new(Limits::LOGIN.search);
        outstanding.begin_for(1, 1_000);
        outstanding.begin_for(2, 2);
        let frame = Frame { bytes: vec![0; Limits::LOGIN.search.octets].into(), elements: 1 };
        for (id, second) in [(1, Some(Budget::Exceeded)), (2, None)] {
            assert_eq!(outstanding.received(id, &frame), Ok(Budget::Kept));
            assert_eq!(outstanding.received(id, &frame).ok(), second);
        }
        outstanding.abandon(1);
        assert_eq!(outstanding.received(1, &frame), Ok(Budget::Kept), "it was on its way");
    }

    #[test]
    fn the_entry_that_is_one_too_many_is_no_violation() {
        let outstanding = Outstanding::new(Limits::LOGIN.search);
        outstanding.begin_for(1, 1_000);
        let frame = Frame { bytes: crate::ber::wrap(0x30, &[2, 1, 1, 0x73, 0]).into(), elements: 1 };
        for _ in 0..=1_000 {
            assert_eq!(outstanding.received(1, &frame), Ok(Budget::Kept));
        }
    }

    #[test]
    fn abandoned_searches_that_are_never_answered_are_forgotten_some_day() {
        let outstanding = Outstanding::new(Limits::LOGIN.search);
        let most = u32::try_from(MOST_ABANDONED).unwrap();
        for id in 1..=most + 1 {
            outstanding.begin(id);
            outstanding.abandon(id);
        }
        assert!(outstanding.answered(1, &SearchAnswer::Reference).is_err());
        assert_eq!(outstanding.answered(2, &SearchAnswer::Reference), Ok(Wanted::No));
    }
}
