//! What people type who want more than to log in.

use super::bench::{Bench, WRONG_PASSWORD, brief};
use super::report::Problems;
use crate::Decision;

/// Names that mean something to somebody: to LDAP, SQL, shells, paths, formats, terminals.
const NAMES: &[&str] = &[
    "",
    " ",
    "*",
    "a*",
    "*)(uid=*",
    "*)(|(objectClass=*)",
    ")(",
    "\\2a",
    "\\",
    "' OR '1'='1",
    "\"; DROP TABLE users; --",
    "$(id)",
    "`id`",
    "../../etc/passwd",
    "%s%n%x",
    "{}",
    "cn=admin,dc=example,dc=com",
    "name\0",
    "name\nname",
    "\u{202e}nimda",
    "\u{feff}",
    "ａｄｍｉｎ",
    "\u{1f984}",
];

pub(super) async fn input(bench: &Bench<'_>) -> Result<(), Vec<String>> {
    let provider = bench.provider().await?;
    let mut problems = Problems::default();
    let Some(known) = bench.subject.users.first() else { return Ok(()) };
    let long = "x".repeat(100_000);
    let longest = "x".repeat(256);
    let names = NAMES.iter().copied().chain([long.as_str(), longest.as_str()]);
    // With the right password of somebody: a name that matches everybody would be accepted.
    for name in names {
        match bench.login(&provider, name, &known.password).await {
            Ok(Decision::Rejected(_)) => {}
            other => problems.add(format!("the name {} is not rejected: {}", shortened(name), brief(&other))),
        }
    }
    let wide = "ü".repeat(512);
    let appended = format!("{}\0", known.password);
    for password in ["", " ", "*", "\0", "\n", "' OR '1'='1", &appended, &long, &wide, "\u{1f984}"] {
        if password == known.password {
            continue;
        }
        match bench.login(&provider, &known.name, password).await {
            Ok(Decision::Rejected(_)) => {}
            other => problems.add(format!("the password {} is not rejected: {}", shortened(password), brief(&other))),
        }
    }
    // After all of this it still works.
    if let Err(problem) = bench.subject_of(&provider, known).await {
        problems.add(problem);
    }
    let _ = bench.login(&provider, &known.name, WRONG_PASSWORD).await;
    problems.result()
}

fn shortened(text: &str) -> String {
    let start: String = text.chars().take(30).collect();
    format!("{start:?}{}", if start.len() < text.len() { ".." } else { "" })
}
