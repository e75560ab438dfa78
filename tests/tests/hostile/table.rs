//! What is printed on request: a line for each scenario, and the sum.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tests::hostile::transport::Transport;

use crate::catalogue::{FAULTS, HOSTILE};
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
        for (kind, numbers) in [("h", &HOSTILE[..]), ("r", &FAULTS[..])] {
            let held = numbers.iter().filter(|number| {
                let mut of_number = rows.iter().filter(|(name, _)| name.starts_with(**number)).peekable();
                of_number.peek().is_some() && of_number.all(|(_, row)| row.failed().is_empty())
            });
            println!("{kind}: {} of {}", held.count(), numbers.len());
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
