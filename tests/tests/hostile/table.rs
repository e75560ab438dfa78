//! What is printed on request: a line for each scenario, and the sum.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tests::hostile::transport::Transport;

use crate::play::Played;
use crate::scenario::{Operation, Scenario};

/// All that was played.
#[derive(Default)]
pub(crate) struct Table(Mutex<BTreeMap<&'static str, Row>>);

struct Row {
    promise: &'static str,
    played: Vec<(Transport, Played)>,
}

impl Table {
    pub(crate) fn add(&self, scenario: &Scenario, transport: Transport, played: Played) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let row = rows.entry(scenario.name).or_insert(Row { promise: scenario.promise, played: Vec::new() });
        row.played.push((transport, played));
    }

    pub(crate) fn print(&self) {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (logins, validations, lists) = ("logins", "valid.", "lists");
        println!("\n{:<42} {logins:>6} {validations:>6} {lists:>6}  longest   growth   in all  promise", "scenario");
        for (name, row) in rows.iter() {
            println!("{name:<42} {}", row.text());
        }
        let numbers = |rows: &mut dyn Iterator<Item = (&&'static str, &Row)>| -> BTreeSet<&str> {
            rows.filter_map(|(name, _)| name.split('_').next()).collect()
        };
        let played = numbers(&mut rows.iter());
        let failed = numbers(&mut rows.iter().filter(|(_, row)| !row.failed().is_empty()));
        for kind in ["h", "r"] {
            let of = |set: &BTreeSet<&str>| set.iter().filter(|number| number.starts_with(kind)).count();
            println!("{kind}: {} of {}", of(&played) - of(&failed), of(&played));
        }
    }
}

impl Row {
    fn text(&self) -> String {
        let all = || self.played.iter().map(|(_, played)| played);
        let count = |wanted| all().flat_map(|played| &played.operations).filter(|&&done| done == wanted).count();
        let failed = self.failed();
        format!(
            "{:>6} {:>6} {:>6} {:>5.0} ms {:>4} KiB {:>6.1} s  {}",
            count(Operation::Login),
            count(Operation::Validate),
            count(Operation::List),
            all().map(|played| played.longest_ms).fold(0.0, f64::max),
            all().map(|played| played.most_growth_kib).max().unwrap_or_default(),
            all().map(|played| played.took).sum::<Duration>().as_secs_f64(),
            if failed.is_empty() { self.promise.to_owned() } else { format!("FAILED over {}", failed.join(", ")) }
        )
    }

    fn failed(&self) -> Vec<String> {
        let failed = self.played.iter().filter(|(_, played)| !played.failures.is_empty());
        failed.map(|(transport, _)| transport.to_string()).collect()
    }
}
