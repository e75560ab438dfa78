//! The names that are tried: all that can be listed, then random ones until there are enough.

use std::collections::HashSet;

use fastrand::Rng;

use super::{known_attacks, unicode, written_at_random};

/// Different names.
pub(super) struct Corpus {
    /// Those that are the same each time.
    pub(super) listed: Vec<String>,
    /// Those that depend on the seed.
    pub(super) random: Vec<String>,
}

impl Corpus {
    /// All listed names, and as many random ones as make `count` different names in all.
    pub(super) fn of(count: usize, seed: u64) -> Self {
        let mut known = HashSet::new();
        let names = unicode::single_octets()
            .chain(known_attacks::all())
            .chain(unicode::mapped_when_compared())
            .chain(unicode::of_every_category());
        let listed: Vec<String> = names.filter(|name| known.insert(name.clone())).collect();
        let mut generator = Rng::with_seed(seed);
        let mut random = Vec::new();
        while listed.len() + random.len() < count {
            let name = written_at_random::name(&mut generator);
            if known.insert(name.clone()) {
                random.push(name);
            }
        }
        Self { listed, random }
    }

    /// All of them.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.listed.iter().chain(&self.random).map(String::as_str)
    }
}

#[test]
fn the_same_seed_makes_the_same_names_and_another_makes_others() {
    let names = |seed| Corpus::of(4_000, seed).random;
    assert_eq!(names(1), names(1));
    assert_ne!(names(1), names(2));
}
