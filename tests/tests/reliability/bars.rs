//! What has to hold, in the form that is asked for, and what came of it.

use std::fmt::{Debug, Display};
use std::io::Write as _;
use std::time::Duration;

/// How much is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A few seconds, for every run of the tests; only what must hold on any machine.
    Short,
    /// Minutes, with an optimised build; rates and times as well.
    Long,
}

impl Form {
    pub(crate) fn asked_for() -> Self {
        match std::env::var("RELIABILITY").as_deref() {
            Ok("long") => Self::Long,
            Err(_) => Self::Short,
            Ok(other) => panic!("RELIABILITY={other}: the only other form is `long`"),
        }
    }

    pub(crate) fn is_long(self) -> bool {
        self == Self::Long
    }

    /// The one or the other.
    pub(crate) fn pick<T>(self, short: T, long: T) -> T {
        if self.is_long() { long } else { short }
    }
}

/// The bars of one scenario. What is missed is told at the end, and all of it.
pub(crate) struct Bars {
    scenario: String,
    pub(crate) form: Form,
    missed: Vec<String>,
}

impl Bars {
    pub(crate) fn of(scenario: impl Into<String>) -> Self {
        let bars = Self { scenario: scenario.into(), form: Form::asked_for(), missed: Vec::new() };
        bars.say(format_args!("== {}", bars.scenario));
        bars
    }

    /// Says something in the long form, past the capture of the test's output: whoever waits wants to know now.
    pub(crate) fn say(&self, what: impl Display) {
        if self.form.is_long() {
            let _ = writeln!(std::io::stderr(), "{what}");
        }
    }

    /// What must hold in both forms. The figure is what was seen.
    pub(crate) fn holds(&mut self, bar: &str, met: bool, figure: impl Display) {
        self.say(format_args!("{} {bar}: {figure}", if met { "PASS" } else { "MISS" }));
        if !met {
            self.missed.push(format!("{bar}: {figure}"));
        }
    }

    /// What the long form measures, and the short one does not look at: the machine may have other things to do.
    pub(crate) fn measures(&mut self, bar: &str, met: bool, figure: impl Display) {
        if self.form.is_long() {
            self.holds(bar, met, figure);
        }
    }

    /// As [`Self::holds`] for what must be equal.
    pub(crate) fn equal<T: PartialEq + Debug + Copy>(&mut self, bar: &str, seen: T, wanted: T) {
        let met = seen == wanted;
        let figure = if met { format!("{seen:?}") } else { format!("{seen:?}, not {wanted:?}") };
        self.holds(bar, met, figure);
    }

    /// Fails the test with everything that was missed.
    pub(crate) fn conclude(self) {
        assert!(self.missed.is_empty(), "{}: missed:\n  {}", self.scenario, self.missed.join("\n  "));
    }
}

/// The time that so many of a thousand are within; nothing for nobody.
pub(crate) fn within(times: &[Duration], permille: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let index = (sorted.len() * permille).div_ceil(1_000).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

/// A share as people read it.
pub(crate) fn share(part: usize, whole: usize) -> String {
    let hundredths = (part * 1_000_000).checked_div(whole).unwrap_or_default();
    format!("{part} of {whole} ({}.{:04} %)", hundredths / 10_000, hundredths % 10_000)
}

#[test]
fn the_99th_percentile_is_the_time_that_all_but_one_in_a_hundred_are_within() {
    let times: Vec<Duration> = (1..=200).rev().map(Duration::from_millis).collect();
    assert_eq!(within(&times, 990), Duration::from_millis(198));
    assert_eq!(within(&times, 1_000), Duration::from_millis(200));
    assert_eq!(within(&[], 990), Duration::ZERO);
    assert_eq!(share(999, 1_000), "999 of 1000 (99.9000 %)");
}
