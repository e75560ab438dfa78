//! What the full form prints.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

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

    /// Prints a line for each scenario and the sum.
    pub(crate) fn print(&self) {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        println!(
            "\n{:<34} {:>7} {:>8} {:>5}  {:>7} {:>8}",
            "scenario", "logins", "validate", "list", "longest", "growth"
        );
        let mut right = 0;
        for (name, row) in rows.iter() {
            let all = || row.played.iter().map(|(_, played)| played);
            let count = |wanted| all().flat_map(|played| &played.operations).filter(|&&done| done == wanted).count();
            let failed: Vec<_> = row.played.iter().filter(|(_, played)| !played.failures.is_empty()).collect();
            right += usize::from(failed.is_empty());
            println!(
                "{name:<34} {:>7} {:>8} {:>5}  {:>4.0} ms {:>4} KiB  {}",
                count(Operation::Login),
                count(Operation::Validate),
                count(Operation::List),
                all().map(|played| played.longest_ms).fold(0.0, f64::max),
                all().map(|played| played.most_growth_kib).max().unwrap_or_default(),
                if failed.is_empty() {
                    row.promise.to_owned()
                } else {
                    format!(
                        "FAILED over {}",
                        failed.iter().map(|(over, _)| over.to_string()).collect::<Vec<_>>().join(", ")
                    )
                }
            );
        }
        println!("\n{right} of {} scenarios", rows.len());
    }
}
