use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use crate::Violation;
use crate::frame::{Frame, Oversized};
use crate::grammar::SearchAnswer;
use crate::limits::{SearchBudget, UNWANTED};
use crate::message::Message;
use crate::message::operation::{SEARCH_ENTRY, SEARCH_REFERENCE};

/// How many abandoned searches are remembered. A server that answers one after so many others were abandoned is taken
/// to answer what nobody asked.
const MOST_ABANDONED: usize = 1_024;

/// How many elements an entry may have, on average, of which so many are waited for that the budget of all would not do.
const ELEMENTS_OF_ONE: usize = 64;

/// The searches that wait for answers, each with what is left of its budget. An abandoned one stays for a while: the
/// server may have answered before it read the abandon request, and does not have to say that it has.
pub(crate) struct Outstanding {
    budget: SearchBudget,
    by_id: ById<Search>,
    /// Those whose answers nobody wants, oldest first. Some may have ended since.
    abandoned: VecDeque<u32>,
}

/// By the ids of messages, which this side makes by counting: nobody can choose them so that they collide.
pub(crate) type ById<T> = HashMap<u32, T, BuildHasherDefault<IdHasher>>;

/// Spreads ids, and costs a multiplication.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for &octet in octets {
            self.write_u32(octet.into());
        }
    }

    fn write_u32(&mut self, id: u32) {
        // 2^64 divided by the golden ratio.
        self.0 = (self.0 ^ u64::from(id)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

struct Search {
    whole: SearchBudget,
    left: SearchBudget,
    /// How many octets may still come when nobody wants them.
    unwanted: usize,
    wanted: Wanted,
    may_be_cut_short: bool,
}

/// A message that answers a search.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Checked<'a> {
    /// It is sound, and waited for.
    Wanted(SearchAnswer<'a>),
    /// It is sound, and nobody waits for it.
    Unwanted(SearchAnswer<'a>),
    /// It is more than the search may be answered with. It has been abandoned, with what was there before for its answer.
    CutShort(Violation),
    /// It is more than is taken. The search has been abandoned.
    TooLarge(Violation),
}

/// Whether somebody waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Yes,
    No,
}

impl Outstanding {
    pub(crate) fn new(budget: SearchBudget) -> Self {
        Self { budget, by_id: HashMap::default(), abandoned: VecDeque::new() }
    }

    /// A search begins.
    pub(crate) fn begin(&mut self, id: u32) {
        self.begin_within(id, self.budget, false);
    }

    /// A search begins of which so many entries are waited for: a server may send them all, and the one that is too many.
    /// If there are more than usual, a budget that does not do for them ends the search alone: it was this side's wish.
    pub(crate) fn begin_for(&mut self, id: u32, entries: usize) {
        let SearchBudget { references, octets, .. } = self.budget;
        let is_large = entries >= self.budget.entries;
        let entries = self.budget.entries.max(entries.saturating_add(1));
        let elements = self.budget.elements.max(entries.saturating_mul(ELEMENTS_OF_ONE));
        self.begin_within(id, SearchBudget { entries, references, octets, elements }, is_large);
    }

    fn begin_within(&mut self, id: u32, budget: SearchBudget, may_be_cut_short: bool) {
        let search = Search { whole: budget, left: budget, unwanted: UNWANTED, wanted: Wanted::Yes, may_be_cut_short };
        self.by_id.insert(id, search);
    }

    /// Nobody wants to hear of this search any more.
    pub(crate) fn abandon(&mut self, id: u32) {
        let Some(search) = self.by_id.get_mut(&id) else { return };
        if search.wanted == Wanted::No {
            return;
        }
        search.wanted = Wanted::No;
        self.abandoned.push_back(id);
        if self.abandoned.len() > MOST_ABANDONED
            && let Some(oldest) = self.abandoned.pop_front()
        {
            self.by_id.remove(&oldest);
        }
    }

    /// Checks a message, whose form was found to be so, and takes it out of the budget of the search that it answers. The
    /// last one ends the search.
    ///
    /// # Errors
    ///
    /// If it is not sound, or answers nothing, or is one more than is let through for a search that nobody waits for.
    pub(crate) fn check<'a>(
        &mut self,
        message: &Message<'_>,
        frame: &Frame,
        form: Result<SearchAnswer<'a>, Violation>,
    ) -> Result<Checked<'a>, Violation> {
        let id = message.id;
        let search = self.get(id)?;
        let is_wanted = search.wanted == Wanted::Yes;
        if !is_wanted {
            search.spend_unwanted(frame.bytes.len())?;
        } else if let Err(violation) = search.spend(message.operation, frame) {
            let may_be_cut_short = search.may_be_cut_short;
            self.abandon(id);
            return Ok(if may_be_cut_short { Checked::CutShort(violation) } else { Checked::TooLarge(violation) });
        }
        let answer = match form {
            Err(violation @ Violation::DnTooLong { .. }) => {
                self.abandon(id);
                return Ok(if is_wanted {
                    Checked::TooLarge(violation)
                } else {
                    Checked::Unwanted(SearchAnswer::Reference)
                });
            }
            form => form?,
        };
        if let SearchAnswer::Done(..) = answer {
            self.end(id);
        }
        Ok(if is_wanted { Checked::Wanted(answer) } else { Checked::Unwanted(answer) })
    }

    /// Gives up the search that this entry answers, which is passed over, and says whether anybody has waited for it.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub(crate) fn oversized(&mut self, entry: &Oversized) -> Result<Wanted, Violation> {
        let wanted = self.get(entry.id)?.wanted;
        self.abandon(entry.id);
        self.get(entry.id)?.spend_unwanted(entry.octets)?;
        Ok(wanted)
    }

    fn get(&mut self, id: u32) -> Result<&mut Search, Violation> {
        self.by_id.get_mut(&id).ok_or(Violation::Unexpected("an answer to no request"))
    }

    fn end(&mut self, id: u32) {
        if self.by_id.remove(&id).is_some_and(|search| search.wanted == Wanted::No) {
            self.abandoned.retain(|abandoned| *abandoned != id);
        }
    }
}

impl Search {
    fn spend(&mut self, operation: u8, frame: &Frame) -> Result<(), Violation> {
        let Self { whole, left, .. } = self;
        spend(&mut left.octets, frame.bytes.len(), "octets", whole.octets)?;
        spend(&mut left.elements, frame.elements, "elements", whole.elements)?;
        match operation {
            SEARCH_ENTRY => spend(&mut left.entries, 1, "entries", whole.entries),
            SEARCH_REFERENCE => spend(&mut left.references, 1, "references", whole.references),
            _ => Ok(()),
        }
    }

    /// What nobody wants is kept nowhere: its octets are limit enough.
    fn spend_unwanted(&mut self, octets: usize) -> Result<(), Violation> {
        spend(&mut self.unwanted, octets, "octets that nobody waits for", UNWANTED)
    }
}

fn spend(left: &mut usize, amount: usize, what: &'static str, limit: usize) -> Result<(), Violation> {
    *left = left.checked_sub(amount).ok_or(Violation::SearchTooLarge { what, limit })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Checked, MOST_ABANDONED, Outstanding, Wanted};
    use crate::Violation;
    use crate::ber::wrap;
    use crate::frame::{Frame, Oversized};
    use crate::grammar::{MAX_DN, check_search_answer};
    use crate::limits::{Limits, UNWANTED};
    use crate::message::Message;

    /// What becomes of an answer to a search, which claims to have so many octets and elements.
    fn receive(
        outstanding: &mut Outstanding,
        id: u32,
        answer: &[u8],
        (octets, elements): (usize, usize),
    ) -> Result<&'static str, Violation> {
        let mut bytes = vec![2, 2];
        bytes.extend(u16::try_from(id).unwrap().to_be_bytes());
        bytes.extend(answer);
        let bytes = wrap(0x30, &bytes);
        let frame = Frame { bytes: vec![0; octets].into(), elements };
        let message = Message::parse(&bytes).unwrap();
        outstanding.check(&message, &frame, check_search_answer(&message)).map(|checked| match checked {
            Checked::Wanted(_) => "wanted",
            Checked::Unwanted(_) => "unwanted",
            Checked::CutShort(_) => "cut short",
            Checked::TooLarge(_) => "too large",
        })
    }

    const ENTRY: &[u8] = &[0x64, 4, 4, 0, 0x30, 0];
    const REFERENCE: &[u8] = &[0x73, 3, 4, 1, b'x'];
    const DONE: &[u8] = &[0x65, 7, 0x0a, 1, 0, 4, 0, 4, 0];

    fn begun() -> Outstanding {
        let mut outstanding = Outstanding::new(Limits::LOGIN.search);
        outstanding.begin(1);
        outstanding.begin(2);
        outstanding
    }

    #[test]
    fn answers_to_an_abandoned_search_are_no_violation_and_wanted_by_nobody() {
        let mut outstanding = begun();
        outstanding.abandon(1);
        assert_eq!(receive(&mut outstanding, 1, REFERENCE, (0, 1)), Ok("unwanted"));
        assert_eq!(receive(&mut outstanding, 2, REFERENCE, (0, 1)), Ok("wanted"));
        for (id, last) in [(1, "unwanted"), (2, "wanted")] {
            assert_eq!(receive(&mut outstanding, id, DONE, (0, 1)), Ok(last));
            assert!(receive(&mut outstanding, id, DONE, (0, 1)).is_err(), "it has ended");
        }
        outstanding.abandon(7);
        assert!(receive(&mut outstanding, 7, REFERENCE, (0, 1)).is_err(), "it has never begun");
    }

    #[test]
    fn what_an_abandoned_search_is_answered_with_has_a_limit_of_its_own() {
        let mut outstanding = begun();
        outstanding.abandon(1);
        for _ in 0..=Limits::LOGIN.search.references {
            assert_eq!(receive(&mut outstanding, 1, REFERENCE, (0, 1)), Ok("unwanted"), "nobody keeps it");
        }
        let large = (1024 * 1024, Limits::LOGIN.search.elements + 1);
        for _ in 0..64 {
            assert_eq!(receive(&mut outstanding, 1, ENTRY, large), Ok("unwanted"));
        }
        outstanding.abandon(1);
        assert!(receive(&mut outstanding, 1, ENTRY, large).is_err(), "to abandon it again gives it no more");
    }

    #[test]
    fn a_large_search_that_exceeds_its_budget_is_cut_short_and_a_usual_one_fails() {
        let mut outstanding = Outstanding::new(Limits::LOGIN.search);
        outstanding.begin_for(1, 1_000);
        outstanding.begin_for(2, 2);
        let most = (Limits::LOGIN.search.octets, 1);
        for (id, second) in [(1, "cut short"), (2, "too large")] {
            assert_eq!(receive(&mut outstanding, id, ENTRY, most), Ok("wanted"));
            assert_eq!(receive(&mut outstanding, id, ENTRY, most), Ok(second));
            assert_eq!(receive(&mut outstanding, id, ENTRY, most), Ok("unwanted"), "it was on its way");
        }
    }

    #[test]
    fn entries_references_and_elements_are_counted() {
        let budget = Limits::LOGIN.search;
        for (answer, elements, count) in
            [(ENTRY, 1, budget.entries), (REFERENCE, 1, budget.references), (ENTRY, budget.elements, 1)]
        {
            let mut outstanding = begun();
            for _ in 0..count {
                assert_eq!(receive(&mut outstanding, 1, answer, (0, elements)), Ok("wanted"));
            }
            assert_eq!(receive(&mut outstanding, 1, answer, (0, elements)), Ok("too large"));
            assert_eq!(receive(&mut outstanding, 2, answer, (0, elements)), Ok("wanted"), "another one");
        }
    }

    #[test]
    fn an_entry_with_too_long_a_dn_ends_its_search_and_one_that_is_not_sound_is_a_violation() {
        let mut outstanding = begun();
        let dn = wrap(4, &[b'x'; MAX_DN + 1]);
        let long = wrap(0x64, &[&dn[..], &[0x30, 0]].concat());
        assert_eq!(receive(&mut outstanding, 1, &long, (0, 1)), Ok("too large"));
        assert_eq!(receive(&mut outstanding, 1, &long, (0, 1)), Ok("unwanted"));
        assert!(receive(&mut outstanding, 2, &wrap(0x64, &[&dn[..], &[0x31, 0]].concat()), (0, 1)).is_err());
    }

    #[test]
    fn an_entry_that_is_passed_over_ends_its_search_and_counts() {
        let violation = Violation::TooManyElements { limit: 1 };
        let entry = |id, octets| Oversized { id, octets, violation };
        let mut outstanding = begun();
        assert_eq!(outstanding.oversized(&entry(1, UNWANTED / 2)), Ok(Wanted::Yes));
        assert_eq!(outstanding.oversized(&entry(1, UNWANTED / 2)), Ok(Wanted::No));
        assert!(outstanding.oversized(&entry(1, 1)).is_err());
        assert!(outstanding.oversized(&entry(3, 1)).is_err(), "nobody has asked");
    }

    #[test]
    fn the_entry_that_is_one_too_many_is_no_violation() {
        let mut outstanding = Outstanding::new(Limits::LOGIN.search);
        outstanding.begin_for(1, 1_000);
        for _ in 0..=1_000 {
            assert_eq!(receive(&mut outstanding, 1, ENTRY, (9, 1)), Ok("wanted"));
        }
    }

    #[test]
    fn abandoned_searches_that_are_never_answered_are_forgotten_some_day() {
        let mut outstanding = Outstanding::new(Limits::LOGIN.search);
        let most = u32::try_from(MOST_ABANDONED).unwrap();
        for id in 1..=most + 1 {
            outstanding.begin(id);
            outstanding.abandon(id);
        }
        assert!(receive(&mut outstanding, 1, REFERENCE, (0, 1)).is_err());
        assert_eq!(receive(&mut outstanding, 2, REFERENCE, (0, 1)), Ok("unwanted"));
    }
}
