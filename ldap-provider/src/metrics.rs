use std::ops::Deref;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use provider_api::{Deadline, Decision, Fault, FaultKind, Metric};

use crate::per_lane::PerLane;

/// What has happened since the provider was configured: what each lane has counted, since what all count together would be
/// in the one thread's cache when the other needs it.
#[derive(Debug, Default)]
pub(crate) struct Metrics(PerLane<Counted>);

/// One of the counters.
type Which = fn(&Counted) -> &Counter;

/// Those of the caller's lane.
impl Deref for Metrics {
    type Target = Counted;

    fn deref(&self) -> &Counted {
        self.0.here()
    }
}

/// What one lane has counted.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    accepted: Counter,
    rejected: Counter,
    unavailable: Counter,
    misconfigured: Counter,
    internal: Counter,
    /// Logins that the host gave up before their deadline.
    cancelled: Counter,
    /// Of all logins but those that were given up.
    login_time: Histogram,
    /// Searches that were sent for logins: for users, for their groups, for the name of a domain; with the binds, the
    /// requests of a login in the long run. Neither signs of life nor what a server is asked of itself.
    pub(crate) searches: Counter,
    /// Binds with a typed password that were sent, or may have been.
    pub(crate) user_binds: Counter,
    pub(crate) service_binds: Counter,
    pub(crate) service_binds_refused: Counter,
    /// Signs of life that were asked for on connections that had been idle.
    pub(crate) probes: Counter,
    pub(crate) connections_opened: Counter,
    pub(crate) connections_open: Gauge,
    /// User binds on a connection that had carried one before.
    pub(crate) connections_reused: Counter,
    /// Handshakes that were begun. If a server refuses StartTLS, none was.
    pub(crate) tls_handshakes: Counter,
    /// Logins that went on with another server.
    pub(crate) failovers: Counter,
}

impl Metrics {
    /// A login begins, which has to be answered by the deadline.
    pub(crate) fn login(&self, deadline: Deadline) -> CountedLogin<'_> {
        CountedLogin { metrics: self, began: Instant::now(), deadline, is_answered: false }
    }

    /// All of them as they are now. Names and labels are those of Prometheus' text format.
    pub(crate) fn read(&self) -> Vec<Metric> {
        let counters: [(_, Which); 15] = [
            ("logins_accepted_total", |counted| &counted.accepted),
            ("logins_rejected_total", |counted| &counted.rejected),
            ("logins_unavailable_total", |counted| &counted.unavailable),
            ("logins_misconfigured_total", |counted| &counted.misconfigured),
            ("logins_internal_total", |counted| &counted.internal),
            ("logins_cancelled_total", |counted| &counted.cancelled),
            ("searches_total", |counted| &counted.searches),
            ("user_binds_total", |counted| &counted.user_binds),
            ("service_binds_total", |counted| &counted.service_binds),
            ("service_binds_refused_total", |counted| &counted.service_binds_refused),
            ("probes_total", |counted| &counted.probes),
            ("connections_opened_total", |counted| &counted.connections_opened),
            ("connections_reused_total", |counted| &counted.connections_reused),
            ("tls_handshakes_total", |counted| &counted.tls_handshakes),
            ("failovers_total", |counted| &counted.failovers),
        ];
        let sum = |counter: Which| exact(total(self.0.all().map(counter)));
        let mut metrics: Vec<_> = counters.iter().map(|(name, counter)| Metric::new(*name, sum(*counter))).collect();
        let open: i64 = self.0.all().map(|counted| counted.connections_open.read()).sum();
        metrics.push(Metric::new("connections_open", signed(open)));
        let times: Vec<_> = self.0.all().map(|counted| &counted.login_time).collect();
        metrics.extend(read_histograms(&times, "login_seconds"));
        metrics
    }
}

/// A login under way. Is counted when it is answered, or when it ends without an answer.
#[derive(Debug)]
pub(crate) struct CountedLogin<'a> {
    metrics: &'a Metrics,
    began: Instant,
    deadline: Deadline,
    is_answered: bool,
}

impl CountedLogin<'_> {
    /// Counts it, and the time that it took.
    pub(crate) fn answered(mut self, answer: &Result<Decision, Fault>) {
        self.is_answered = true;
        self.count(match answer {
            Ok(Decision::Accepted(_)) => &self.metrics.accepted,
            Ok(Decision::Rejected(_)) => &self.metrics.rejected,
            Err(fault) => match fault.kind() {
                FaultKind::Unavailable => &self.metrics.unavailable,
                FaultKind::Misconfigured => &self.metrics.misconfigured,
                _ => &self.metrics.internal,
            },
        });
    }

    fn count(&self, counter: &Counter) {
        counter.add();
        self.metrics.login_time.add(self.began.elapsed());
    }
}

impl Drop for CountedLogin<'_> {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        if std::thread::panicking() {
            self.count(&self.metrics.internal);
        } else if self.deadline.remaining().is_zero() {
            // It was answered for, as one that could not be answered in time.
            self.count(&self.metrics.unavailable);
        } else {
            // How long somebody had patience says nothing about how long logins take.
            self.metrics.cancelled.add();
        }
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted has not happened after all: it was counted a moment before, so as not to be missed if the call is
    /// given up, and whoever reads in that moment sees one too many.
    pub(crate) fn take_back(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts what is returned when it is dropped, also because the call is given up.
    pub(crate) fn add_when_dropped(&self) -> Pending<'_> {
        Pending(Some(self))
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Something that is counted at its end, unless it turns out that it has not happened.
#[derive(Debug)]
pub(crate) struct Pending<'a>(Option<&'a Counter>);

impl Pending<'_> {
    pub(crate) fn withdraw(mut self) {
        self.0 = None;
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if let Some(counter) = self.0 {
            counter.add();
        }
    }
}

/// How many of something there are at present.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicI64);

impl Gauge {
    pub(crate) fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn down(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// What has gone up in one lane and down in another is less than nothing here.
    fn read(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The upper bounds of the histogram's buckets, in milliseconds.
const BOUNDS: [(u64, &str); 15] = [
    (1, "0.001"),
    (2, "0.002"),
    (5, "0.005"),
    (10, "0.01"),
    (20, "0.02"),
    (50, "0.05"),
    (100, "0.1"),
    (200, "0.2"),
    (500, "0.5"),
    (1_000, "1"),
    (2_000, "2"),
    (4_000, "4"),
    (8_000, "8"),
    (12_000, "12"),
    (u64::MAX, "+Inf"),
];

/// How often something took how long.
#[derive(Debug, Default)]
struct Histogram {
    buckets: [Counter; BOUNDS.len()],
    micros: AtomicU64,
}

impl Histogram {
    fn add(&self, took: Duration) {
        let bucket = BOUNDS.iter().zip(&self.buckets).find(|((limit, _), _)| took <= Duration::from_millis(*limit));
        if let Some((_, bucket)) = bucket {
            bucket.add();
        }
        self.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// What several of them hold together. Each bucket holds what is in those before it too, as Prometheus has it.
fn read_histograms(histograms: &[&Histogram], name: &str) -> Vec<Metric> {
    let mut sum = 0;
    let mut metrics = Vec::with_capacity(BOUNDS.len() + 2);
    for (index, (_, bound)) in BOUNDS.iter().enumerate() {
        sum += total(histograms.iter().filter_map(|histogram| histogram.buckets.get(index)));
        metrics.push(Metric::new(format!("{name}_bucket{{le=\"{bound}\"}}"), exact(sum)));
    }
    let micros = histograms.iter().map(|histogram| histogram.micros.load(Ordering::Relaxed)).sum();
    metrics.push(Metric::new(format!("{name}_sum"), exact(micros) / 1e6));
    metrics.push(Metric::new(format!("{name}_count"), exact(sum)));
    metrics
}

fn total<'a>(counters: impl Iterator<Item = &'a Counter>) -> u64 {
    counters.map(Counter::read).sum()
}

#[expect(clippy::cast_precision_loss, reason = "there are never that many")]
fn signed(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "2^53 logins, or microseconds of them, are out of reach")]
fn exact(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use provider_api::{Deadline, Fault, UnavailableReason};

    use super::Metrics;

    fn assert_reads(metrics: &Metrics, expected: &[(&str, &str)]) {
        let read = metrics.read();
        for (name, expected) in expected {
            let value = read.iter().find(|metric| metric.name == *name).unwrap().value.to_string();
            assert_eq!(value, *expected, "{name}");
        }
    }

    #[test]
    fn a_login_is_counted_by_its_answer_and_by_its_time() {
        let metrics = Metrics::default();
        let busy = Err(Fault::unavailable(UnavailableReason::SERVER_BUSY, ""));
        for took in [Duration::from_millis(3), Duration::from_mins(1)] {
            let mut login = metrics.login(Deadline::after(Duration::from_secs(8)));
            login.began = login.began.checked_sub(took).unwrap();
            login.answered(&busy);
        }
        let read = metrics.read();
        let sum = read.iter().find(|metric| metric.name == "login_seconds_sum").unwrap().value;
        assert!((60.003..60.1).contains(&sum), "{sum}");
        assert_reads(
            &metrics,
            &[
                ("logins_unavailable_total", "2"),
                ("logins_accepted_total", "0"),
                ("logins_cancelled_total", "0"),
                ("login_seconds_bucket{le=\"0.002\"}", "0"),
                ("login_seconds_bucket{le=\"12\"}", "1"),
                ("login_seconds_bucket{le=\"+Inf\"}", "2"),
                ("login_seconds_count", "2"),
            ],
        );
    }

    #[test]
    fn a_login_without_an_answer_is_counted_by_whose_patience_was_over() {
        let metrics = Metrics::default();
        drop(metrics.login(Deadline::after(Duration::from_secs(8))));
        drop(metrics.login(Deadline::after(Duration::ZERO)));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _login = metrics.login(Deadline::after(Duration::from_secs(8)));
            panic!("a bug");
        }))
        .unwrap_err();
        assert_reads(
            &metrics,
            &[
                ("logins_cancelled_total", "1"),
                ("logins_unavailable_total", "1"),
                ("logins_internal_total", "1"),
                ("login_seconds_count", "2"),
            ],
        );
    }

    #[test]
    fn what_turns_out_not_to_have_happened_is_not_counted() {
        let metrics = Metrics::default();
        metrics.tls_handshakes.add_when_dropped().withdraw();
        drop(metrics.tls_handshakes.add_when_dropped());
        assert_reads(&metrics, &[("tls_handshakes_total", "1")]);
    }
}
