use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The moment by which a call must be answered, on the monotonic clock.
///
/// It is made once, at the edge, and passed on: never start a fresh timeout inside a call, ask what
/// [remains](Deadline::remaining).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The furthest deadline, one day from now: longer requests are cut to it.
    #[allow(clippy::duration_suboptimal_units, reason = "plugins are also built by compilers without `from_hours`")]
    pub const FURTHEST: Duration = Duration::from_secs(24 * 60 * 60);

    /// The deadline that lies `duration` from now, at most [`Deadline::FURTHEST`].
    pub fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration.min(Self::FURTHEST))
    }

    /// The time left, zero when the deadline has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// The earlier of this deadline and one that lies `duration` from now: a limit for one step inside a call.
    #[must_use]
    pub fn at_most(self, duration: Duration) -> Self {
        self.min(Self::after(duration))
    }

    /// The moment itself, for `tokio::time::timeout_at` and the like.
    pub fn instant(self) -> Instant {
        self.0
    }
}

/// What goes with every call: which request it belongs to and how long it may take.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestContext {
    /// The host's name for the request. It appears in the log records that the call causes, on both sides of the
    /// border.
    pub request_id: String,
    /// When the answer must be there. A call that is not answered by then is answered for, as
    /// [`UnavailableReason::TIMEOUT`](crate::UnavailableReason::TIMEOUT), and its work is cancelled.
    pub deadline: Deadline,
    /// The address of the person who logs in, if the host knows it.
    pub client_address: Option<IpAddr>,
}

impl RequestContext {
    /// A context without a client address.
    pub fn new(request_id: impl Into<String>, deadline: Deadline) -> Self {
        Self { request_id: request_id.into(), deadline, client_address: None }
    }

    /// The same context with the address of the person who logs in.
    #[must_use]
    pub fn with_client_address(mut self, address: IpAddr) -> Self {
        self.client_address = Some(address);
        self
    }
}
