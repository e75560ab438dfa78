use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// When something was last answered. One relaxed store takes note of it, so that each login can.
#[derive(Debug)]
pub(crate) struct LastAnswer {
    /// Since when answers are taken note of.
    since: Instant,
    /// In microseconds since then; 0 for never.
    micros: AtomicU64,
}

impl LastAnswer {
    /// Nothing was answered before `since`.
    pub(crate) fn none(since: Instant) -> Self {
        Self { since, micros: AtomicU64::new(0) }
    }

    /// Takes note of an answer.
    pub(crate) fn note(&self, now: Instant) {
        let micros = now.saturating_duration_since(self.since).as_micros();
        self.micros.store(u64::try_from(micros).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
    }

    /// When it was, if ever.
    pub(crate) fn when(&self) -> Option<Instant> {
        match self.micros.load(Ordering::Relaxed) {
            0 => None,
            micros => Some(self.since + Duration::from_micros(micros)),
        }
    }

    /// Whether it was later than `before`.
    pub(crate) fn is_after(&self, before: Instant) -> bool {
        self.when().is_some_and(|when| when > before)
    }
}
