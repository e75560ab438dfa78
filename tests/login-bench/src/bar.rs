//! What the plugin has to reach.

use std::process::ExitCode;

use crate::figures::Figures;

/// One thing that has to be reached.
#[derive(Debug)]
pub struct Bar {
    what: String,
    figure: Option<f64>,
    digits: usize,
    limit: Limit,
    aim: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
enum Limit {
    AtLeast(f64),
    AtMost(f64),
    Exactly(f64),
}

impl Bar {
    /// A ratio, or another figure, that has to be as high as this.
    pub fn at_least(what: impl Into<String>, figures: Option<Figures>, limit: f64) -> Self {
        Self::new(what, figures, Limit::AtLeast(limit))
    }

    /// One that has to be as low as this.
    pub fn at_most(what: impl Into<String>, figures: Option<Figures>, limit: f64) -> Self {
        Self::new(what, figures, Limit::AtMost(limit))
    }

    /// One that has to be this and nothing else.
    pub fn exactly(what: impl Into<String>, figures: Option<Figures>, limit: f64) -> Self {
        Self::new(what, figures, Limit::Exactly(limit))
    }

    fn new(what: impl Into<String>, figures: Option<Figures>, limit: Limit) -> Self {
        let figure = figures.map(|figures| figures.median()).filter(|figure| !figure.is_nan());
        Self { what: what.into(), figure, digits: 2, limit, aim: None }
    }

    /// Better than needed, and worth having.
    pub fn aim(mut self, aim: f64) -> Self {
        self.aim = Some(aim);
        self
    }

    /// As many digits after the point.
    pub fn digits(mut self, digits: usize) -> Self {
        self.digits = digits;
        self
    }

    fn is_reached(&self) -> Option<bool> {
        self.figure.map(|figure| match self.limit {
            Limit::AtLeast(limit) => figure >= limit,
            Limit::AtMost(limit) => figure <= limit,
            // Both are quotients of whole numbers, of which one is twice the other or not.
            Limit::Exactly(limit) => (figure - limit).abs() < f64::EPSILON,
        })
    }

    fn row(&self) -> String {
        let (sign, limit) = match self.limit {
            Limit::AtLeast(limit) => ("≥", limit),
            Limit::AtMost(limit) => ("≤", limit),
            Limit::Exactly(limit) => ("=", limit),
        };
        let figure =
            self.figure.map_or_else(|| "not measured".to_owned(), |figure| format!("{figure:.*}", self.digits));
        let aim = self.aim.map_or_else(String::new, |aim| format!("{sign} {aim}"));
        let word = match self.is_reached() {
            Some(true) => "PASS",
            Some(false) => "MISS",
            None => "",
        };
        format!("| {} | {figure} | {sign} {limit} | {aim} | {word} |", self.what)
    }
}

/// Prints them as a table. The exit code is 1 if one was measured and missed.
pub fn print(bars: &[Bar]) -> ExitCode {
    println!("\n| bar | measured | must be | aim | |\n|---|---|---|---|---|");
    for bar in bars {
        println!("{}", bar.row());
    }
    let missed = bars.iter().filter(|bar| bar.is_reached() == Some(false)).count();
    let measured = bars.iter().filter(|bar| bar.figure.is_some()).count();
    println!("\n{} of {measured} bars reached, {} not measured.", measured - missed, bars.len() - measured);
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::Bar;
    use crate::figures::Figures;

    #[test]
    fn what_was_not_measured_is_neither_reached_nor_missed() {
        assert_eq!(Bar::at_least("", None, 1.0).is_reached(), None);
        assert_eq!(Bar::at_least("", Some(Figures::default()), 1.0).is_reached(), None);
        assert_eq!(Bar::at_least("", Some(Figures(vec![0.5])), 1.0).is_reached(), Some(false));
        assert_eq!(Bar::at_most("", Some(Figures(vec![0.5])), 1.0).is_reached(), Some(true));
    }
}
