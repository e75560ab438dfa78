/// A quantity that was measured several times, round by round.
#[derive(Clone, Debug, Default)]
pub struct Figures(pub Vec<f64>);

impl Figures {
    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// The one in the middle, or the mean of the two there; not a number if there is none.
    pub fn median(&self) -> f64 {
        let (sorted, middle) = (self.sorted(), self.0.len() / 2);
        match self.0.len() {
            0 => f64::NAN,
            odd if odd % 2 == 1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        }
    }

    /// What was measured here against what was measured there in the same round.
    pub fn to(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(own, other)| own / other).collect())
    }

    /// The median alone.
    pub fn shown_median(&self, digits: usize) -> String {
        if self.0.is_empty() { "-".to_owned() } else { format!("{:.digits$}", self.median()) }
    }

    /// The median, and the lowest to the highest.
    pub fn shown(&self, digits: usize) -> String {
        match self.sorted().as_slice() {
            [] => "-".to_owned(),
            [only] => format!("{only:.digits$}"),
            [lowest, .., highest] => format!("{:.digits$} ({lowest:.digits$} to {highest:.digits$})", self.median()),
        }
    }
}

impl FromIterator<f64> for Figures {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Figures;

    #[test]
    fn a_median_is_in_the_middle() {
        assert!((Figures(vec![9.0, 1.0, 2.0]).median() - 2.0).abs() < 1e-9);
        assert!((Figures(vec![4.0, 1.0, 2.0, 9.0]).median() - 3.0).abs() < 1e-9);
        assert!(Figures::default().median().is_nan());
    }

    #[test]
    fn ratios_are_those_of_a_round() {
        // In the second round both were slow: the ratio does not care.
        let ratios = Figures(vec![100.0, 10.0]).to(&Figures(vec![50.0, 5.0]));
        assert_eq!(ratios.shown(1), "2.0 (2.0 to 2.0)");
    }
}
