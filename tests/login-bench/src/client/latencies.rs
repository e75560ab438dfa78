use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A round that has begun.
pub struct Watch {
    start: Instant,
    cpu: Duration,
}

impl Watch {
    /// From now on.
    pub fn start() -> Self {
        Self { cpu: cpu_time(), start: Instant::now() }
    }

    /// What the round was like, as a line to answer with.
    pub fn stop(self, logins: u64, failed: u64, mut latencies: Vec<Duration>) -> String {
        let (elapsed, cpu) = (self.start.elapsed(), cpu_time().saturating_sub(self.cpu));
        latencies.sort_unstable();
        let at = |hundredth: usize| latencies.get(latencies.len() * hundredth / 100).map_or(0, Duration::as_nanos);
        format!("{logins} {failed} {} {} {} {}", elapsed.as_nanos(), cpu.as_nanos(), at(50), at(99))
    }
}

/// What this process has spent, threads that have ended included.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let whole = u64::try_from(time.tv_sec).expect("time is not negative");
    Duration::new(whole, u32::try_from(time.tv_nsec).expect("less than a second"))
}
