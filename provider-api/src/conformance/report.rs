use std::fmt;

/// What came of all checks, in their order.
#[derive(Clone, Debug, Default)]
pub struct ConformanceReport {
    /// The checks.
    pub checks: Vec<Check>,
}

/// A check.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Check {
    /// Its name; see the [module's page](super).
    pub id: &'static str,
    /// What came of it.
    pub outcome: CheckOutcome,
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckOutcome {
    /// The contract is kept.
    Passed,
    /// It is not: each problem in a line.
    Failed(Vec<String>),
    /// The subject states nothing of it.
    Skipped,
}

impl ConformanceReport {
    pub(super) fn add(&mut self, id: &'static str, result: Result<(), Vec<String>>) {
        let outcome = result.map_or_else(CheckOutcome::Failed, |()| CheckOutcome::Passed);
        self.checks.push(Check { id, outcome });
    }

    pub(super) fn add_if(&mut self, stated: bool, id: &'static str, result: Result<(), Vec<String>>) {
        if stated {
            self.add(id, result);
        } else {
            self.checks.push(Check { id, outcome: CheckOutcome::Skipped });
        }
    }

    /// The names of the checks that failed.
    pub fn failed(&self) -> Vec<&'static str> {
        self.checks
            .iter()
            .filter(|check| matches!(check.outcome, CheckOutcome::Failed(_)))
            .map(|check| check.id)
            .collect()
    }

    /// Fails the test unless every check passed or was skipped.
    ///
    /// # Panics
    ///
    /// With all that is wrong.
    pub fn assert_passed(&self) {
        assert!(self.failed().is_empty(), "the provider does not keep the contract\n{self}");
    }
}

/// A line for each check, and one for each problem.
impl fmt::Display for ConformanceReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            match &check.outcome {
                CheckOutcome::Passed => writeln!(formatter, "passed   {}", check.id)?,
                CheckOutcome::Skipped => writeln!(formatter, "skipped  {}", check.id)?,
                CheckOutcome::Failed(problems) => {
                    writeln!(formatter, "FAILED   {}", check.id)?;
                    for problem in problems {
                        writeln!(formatter, "           {}", crate::one_line(problem))?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The problems that a check finds.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<String>);

impl Problems {
    /// Notes a problem unless something is so.
    pub(super) fn expect(&mut self, so: bool, problem: impl FnOnce() -> String) {
        if !so {
            self.0.push(problem());
        }
    }

    pub(super) fn add(&mut self, problem: impl Into<String>) {
        self.0.push(problem.into());
    }

    pub(super) fn result(self) -> Result<(), Vec<String>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}
