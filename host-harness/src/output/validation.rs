use std::fmt::Write as _;

use provider_api::{Stage, StageOutcome, ValidationReport, one_line};
use serde::Serialize;

/// A report on a provider's settings, as scripts see it.
#[derive(Serialize)]
pub struct ValidationJson<'a> {
    provider: &'a str,
    valid: bool,
    stages: Vec<StageJson<'a>>,
}

#[derive(Serialize)]
struct StageJson<'a> {
    id: &'a str,
    outcome: StageOutcome,
    code: Option<&'a str>,
    detail: &'a str,
    advice: Option<&'a str>,
    duration_ms: f64,
}

impl<'a> ValidationJson<'a> {
    /// The report on a provider instance.
    pub fn new(instance: &'a str, report: &'a ValidationReport) -> Self {
        let stages = report.stages.iter().map(|stage| StageJson {
            id: &stage.id,
            outcome: stage.outcome,
            code: stage.code.as_deref(),
            detail: &stage.detail,
            advice: stage.advice.as_deref(),
            duration_ms: milliseconds(stage),
        });
        Self { provider: instance, valid: report.is_valid(), stages: stages.collect() }
    }
}

/// A report on a provider's settings, for people.
pub fn validation(instance: &str, report: &ValidationReport) -> String {
    let verdict = if report.is_valid() { "the settings work" } else { "the settings do not work" };
    let mut text = format!("{}: {verdict}\n", one_line(instance));
    let longest = report.stages.iter().map(|stage| stage.id.chars().count()).max().unwrap_or_default();
    for stage in &report.stages {
        let outcome = <&str>::from(stage.outcome);
        let id = one_line(&stage.id);
        // Writing to a String cannot fail.
        let _ = write!(text, "  {outcome:<7}  {id:<longest$}  {:>9.3} ms  ", milliseconds(stage));
        let _ = match &stage.code {
            Some(code) => writeln!(text, "{} ({})", one_line(&stage.detail), one_line(code)),
            None => writeln!(text, "{}", one_line(&stage.detail)),
        };
        if let Some(advice) = &stage.advice {
            let _ = writeln!(text, "           {:longest$}                -> {}", "", one_line(advice));
        }
    }
    text
}

/// Microseconds are kept: a stage on a local network takes a fraction of a millisecond.
fn milliseconds(stage: &Stage) -> f64 {
    (stage.duration.as_secs_f64() * 1e6).round() / 1e3
}
