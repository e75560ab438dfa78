use serde::{Deserialize, Serialize};

/// A counter or a gauge of a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Metric {
    /// The name, with its unit as the last word where it has one: `login_seconds_total`.
    pub name: String,
    /// The value at the time of asking.
    pub value: f64,
}

impl Metric {
    /// A metric.
    pub fn new(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), value }
    }
}
