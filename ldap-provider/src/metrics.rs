use std::sync::atomic::{AtomicU64, Ordering};

use provider_api::{Decision, Fault, FaultKind, Metric};

/// What has happened since the provider was configured.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    accepted: AtomicU64,
    rejected: AtomicU64,
    unavailable: AtomicU64,
    misconfigured: AtomicU64,
    internal: AtomicU64,
    user_binds: AtomicU64,
}

impl Metrics {
    /// Counts an answered login.
    pub(crate) fn login(&self, answer: &Result<Decision, Fault>) {
        let counter = match answer {
            Ok(Decision::Accepted(_)) => &self.accepted,
            Ok(Decision::Rejected(_)) => &self.rejected,
            Err(fault) => match fault.kind() {
                FaultKind::Unavailable => &self.unavailable,
                FaultKind::Misconfigured => &self.misconfigured,
                _ => &self.internal,
            },
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a login that got as far as trying the password.
    pub(crate) fn user_bind(&self) {
        self.user_binds.fetch_add(1, Ordering::Relaxed);
    }

    /// All counters as they are now.
    pub(crate) fn read(&self) -> Vec<Metric> {
        [
            ("logins_accepted_total", &self.accepted),
            ("logins_rejected_total", &self.rejected),
            ("logins_unavailable_total", &self.unavailable),
            ("logins_misconfigured_total", &self.misconfigured),
            ("logins_internal_total", &self.internal),
            ("user_binds_total", &self.user_binds),
        ]
        .map(|(name, counter)| {
            #[expect(clippy::cast_precision_loss, reason = "2^53 logins are out of reach")]
            let value = counter.load(Ordering::Relaxed) as f64;
            Metric::new(name, value)
        })
        .to_vec()
    }
}
