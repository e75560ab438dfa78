use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Fault, FaultKind};

/// What a check of the settings against the real directory found: its stages in the order in which they ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ValidationReport {
    /// The stages. A stage that could not run because an earlier one failed is there as skipped.
    pub stages: Vec<Stage>,
}

impl ValidationReport {
    /// A report of these stages.
    pub fn new(stages: Vec<Stage>) -> Self {
        Self { stages }
    }

    /// Whether the settings work: something was tried, and nothing failed. Warnings do not count.
    pub fn is_valid(&self) -> bool {
        let tried = |stage: &Stage| matches!(stage.outcome, StageOutcome::Passed | StageOutcome::Warned);
        self.stages.iter().any(tried) && self.first_failed().is_none()
    }

    /// The first stage that failed, if any.
    pub fn first_failed(&self) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.outcome == StageOutcome::Failed)
    }
}

/// One step of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stage {
    /// What was checked, a short word such as `connect` or `service_bind`.
    pub id: String,
    /// How it went.
    pub outcome: StageOutcome,
    /// The code of the reason, for a stage that warned or failed.
    #[serde(default)]
    pub code: Option<String>,
    /// Which kind of fault made the stage fail: whether to wait or to call an administrator.
    #[serde(default, rename = "kind")]
    pub fault: Option<StageFault>,
    /// What was found, in words. No secrets.
    pub detail: String,
    /// What to do about it.
    #[serde(default)]
    pub advice: Option<String>,
    /// How long it took.
    #[serde(with = "milliseconds", rename = "duration_ms", default)]
    pub duration: Duration,
}

/// The kind of fault of a failed stage, in the form in which it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "&'static str")]
pub struct StageFault(FaultKind);

impl StageFault {
    /// The kind.
    pub fn kind(self) -> FaultKind {
        self.0
    }
}

impl From<String> for StageFault {
    fn from(word: String) -> Self {
        Self(match word.as_str() {
            "unavailable" => FaultKind::Unavailable,
            "misconfigured" => FaultKind::Misconfigured,
            _ => FaultKind::Internal,
        })
    }
}

impl From<StageFault> for &'static str {
    fn from(fault: StageFault) -> Self {
        match fault.0 {
            FaultKind::Unavailable => "unavailable",
            FaultKind::Misconfigured => "misconfigured",
            FaultKind::Internal => "internal",
        }
    }
}

impl Stage {
    fn new(id: &str, outcome: StageOutcome, detail: impl Into<String>) -> Self {
        Self {
            id: id.to_owned(),
            outcome,
            code: None,
            fault: None,
            detail: detail.into(),
            advice: None,
            duration: Duration::ZERO,
        }
    }

    /// All is well.
    pub fn passed(id: &str, detail: impl Into<String>) -> Self {
        Self::new(id, StageOutcome::Passed, detail)
    }

    /// It works, but somebody should look at it. `code` says what at.
    pub fn warned(id: &str, code: &str, detail: impl Into<String>) -> Self {
        Self { code: Some(code.to_owned()), ..Self::new(id, StageOutcome::Warned, detail) }
    }

    /// It does not work.
    pub fn failed(id: &str, fault: &Fault) -> Self {
        Self {
            code: Some(fault.code().to_owned()),
            fault: Some(StageFault(fault.kind())),
            ..Self::new(id, StageOutcome::Failed, fault.message())
        }
    }

    /// It could not be tried.
    pub fn skipped(id: &str, detail: impl Into<String>) -> Self {
        Self::new(id, StageOutcome::Skipped, detail)
    }

    /// The same stage with a word of advice.
    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// The same stage with the time that it took.
    #[must_use]
    pub fn took(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }
}

/// How a stage went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "&'static str")]
#[non_exhaustive]
pub enum StageOutcome {
    /// All is well.
    Passed,
    /// It works, but somebody should look at it.
    Warned,
    /// It does not work. An outcome that this version does not know is taken for this one.
    Failed,
    /// It was not tried.
    Skipped,
}

impl From<String> for StageOutcome {
    fn from(word: String) -> Self {
        match word.as_str() {
            "passed" => Self::Passed,
            "warned" => Self::Warned,
            "skipped" => Self::Skipped,
            _ => Self::Failed,
        }
    }
}

impl From<StageOutcome> for &'static str {
    fn from(outcome: StageOutcome) -> Self {
        match outcome {
            StageOutcome::Passed => "passed",
            StageOutcome::Warned => "warned",
            StageOutcome::Failed => "failed",
            StageOutcome::Skipped => "skipped",
        }
    }
}

mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        // Microseconds are kept: a stage on a local network takes a fraction of a millisecond.
        let rounded = duration.as_secs_f64().mul_add(1e6, 0.5).floor() / 1e3;
        serializer.serialize_f64(rounded)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let milliseconds = f64::deserialize(deserializer)?;
        Ok(Duration::try_from_secs_f64(milliseconds / 1e3).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::{Stage, StageOutcome, ValidationReport};

    #[test]
    fn an_empty_report_proves_nothing() {
        assert!(!ValidationReport::default().is_valid());
        assert!(!ValidationReport::new(vec![Stage::skipped("bind", "not tried")]).is_valid());
        assert!(ValidationReport::new(vec![Stage::warned("tls", "no_tls", "plain")]).is_valid());
    }

    #[test]
    fn an_unknown_outcome_counts_as_failed() {
        let stage: Stage =
            serde_json::from_str(r#"{"id":"x","outcome":"sparkling","detail":""}"#).expect("a newer provider's stage");
        assert_eq!(stage.outcome, StageOutcome::Failed);
    }
}
