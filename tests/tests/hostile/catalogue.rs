//! What has to be played: the numbers of the catalogue, and for which of the three operations, or why not.

use std::collections::BTreeSet;

use crate::scenario::Operation::{self, List, Login, Validate};
use crate::scenario::Scenario;

/// The hostile behaviours.
pub(crate) const HOSTILE: [&str; 40] = [
    "h01", "h02", "h03", "h04", "h05", "h06", "h07", "h08", "h09", "h10", "h11", "h12", "h13", "h14", "h15", "h16",
    "h17", "h18", "h19", "h20", "h21", "h22", "h23", "h24", "h25", "h26", "h27", "h28", "h29", "h30", "h31", "h32",
    "h33", "h34", "h35", "h36", "h37", "h38", "h39", "h40",
];

/// The faults that a server of this kind can play.
pub(crate) const FAULTS: [&str; 10] = ["r01", "r04", "r05", "r06", "r08", "r09", "r10", "r11", "r13", "r20"];

/// What is not played, and why it need not be.
const EXEMPT: [(&str, &[Operation], &str); 3] = [
    ("h40", &[Validate, List], "only a login asks for one person, and only with it somebody comes in"),
    ("r01", &[Validate, List], "no password of a person is sent; r11 and h34 end their connections"),
    ("r05", &[Validate, List], "hosts make logins by the hundred; r10 has the others at the same server"),
];

/// Every number has a scenario for each operation, or a reason why not; and none has both, or is unknown.
pub(crate) fn is_complete(scenarios: &[Scenario]) -> Result<(), String> {
    let mut problems = Vec::new();
    for number in HOSTILE.iter().chain(&FAULTS) {
        let of_number = || scenarios.iter().filter(|scenario| scenario.number() == *number);
        let played: BTreeSet<Operation> = of_number().flat_map(Scenario::operations).collect();
        for operation in [Login, Validate, List] {
            let exempt = EXEMPT.iter().any(|(of, operations, _)| of == number && operations.contains(&operation));
            match (played.contains(&operation), exempt) {
                (false, false) => problems.push(format!("{number} has no case for {operation:?}")),
                (true, true) => problems.push(format!("{number} needs no exemption for {operation:?}")),
                (true, false) | (false, true) => {}
            }
        }
    }
    let known = |scenario: &&Scenario| [&HOSTILE[..], &FAULTS[..]].concat().contains(&scenario.number());
    problems.extend(scenarios.iter().filter(|scenario| !known(scenario)).map(|one| format!("{} is unknown", one.name)));
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}
