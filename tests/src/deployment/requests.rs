use std::ops::Sub;

/// How often a server was asked something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Search requests.
    pub searches: usize,
    /// Bind requests.
    pub binds: usize,
}

impl Requests {
    /// Searches and binds together.
    pub fn total(self) -> usize {
        self.searches + self.binds
    }
}

/// What was asked between two moments.
impl Sub for Requests {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { searches: self.searches - before.searches, binds: self.binds - before.binds }
    }
}
