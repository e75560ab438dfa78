use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use provider_api::Fault;

use crate::lock::lock;

/// For how long a server that cannot be reached is left alone: at first, and at most. It doubles with each probe that
/// fails.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Where no other server is left, one that is down is tried again before its pause is over: so many times as long after
/// an attempt as that took, but not sooner than the second and not later than the third.
const SHARE: u32 = 10;
const SOONEST: Duration = Duration::from_millis(50);
const LATEST: Duration = Duration::from_secs(1);

/// Remembers whether a server can be reached: a circuit breaker.
///
/// It is closed as long as the server can be reached. When it cannot, the breaker opens: nobody's login waits for this
/// server any more. After a pause it is half open: one probe, beside the logins, finds out whether the server is back.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    state: Mutex<State>,
    /// The same, for who has to know only whether it is open: several times in each login.
    is_open: AtomicBool,
}

#[derive(Debug)]
enum State {
    Closed(Option<Recovery>),
    Open(Outage),
}

impl Default for State {
    fn default() -> Self {
        Self::Closed(None)
    }
}

/// That a server can be reached.
#[derive(Clone, Copy, Debug)]
struct Recovery {
    /// When it was found out last.
    when: Instant,
    /// The end of the last outage.
    back: Option<Back>,
}

/// The end of an outage.
#[derive(Clone, Copy, Debug)]
struct Back {
    when: Instant,
    /// For how long it had been left alone, if it was for binds without an answer.
    pause: Option<Duration>,
}

/// Why a server is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It cannot be reached, or answers nothing.
    Unreachable,
    /// It does not answer the binds of users, whatever else it answers.
    Binds,
}

#[derive(Debug)]
struct Outage {
    fault: Fault,
    cause: Cause,
    pause: Duration,
    /// When the pause is over.
    until: Instant,
    /// When it may be tried at the earliest if no other server is left.
    early: Instant,
    /// Until when the outcome of a probe is waited for. One that is not told by then is not going to be.
    probing: Option<Instant>,
}

/// Whether a server may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    /// It may.
    Available,
    /// Not yet; why, and from when on it may be tried at the earliest.
    Down(Fault, Instant),
}

/// A reason to probe a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Its pause is over.
    PauseOver,
    /// No other server is left.
    NobodyElse,
}

impl Breaker {
    pub(crate) fn availability(&self) -> Availability {
        if !self.is_open.load(Ordering::Acquire) {
            return Availability::Available;
        }
        self.with(|state| match state {
            State::Closed(_) => Availability::Available,
            State::Open(outage) => Availability::Down(outage.fault.clone(), outage.early),
        })
    }

    /// Whether the caller is to probe the server now. Whoever is told so has to tell the outcome, for which the others
    /// wait so long at most.
    pub(crate) fn take_probe(&self, urgency: Urgency, now: Instant, longest: Duration) -> bool {
        self.with(|state| {
            let State::Open(outage) = state else { return false };
            let due = match urgency {
                Urgency::PauseOver => outage.until,
                Urgency::NobodyElse => outage.early,
            };
            let take = outage.probing.is_none_or(|until| now >= until) && now >= due;
            if take {
                outage.probing = Some(now + longest);
            }
            take
        })
    }

    /// The server can be reached. If it is left alone since it does not answer binds, that is no news, and the pause is not
    /// over before a probe has been made: returns whether it may be asked.
    pub(crate) fn close(&self, now: Instant) -> bool {
        self.with(|state| {
            let back = match state {
                State::Open(Outage { cause: Cause::Binds, probing: None, .. }) => return false,
                State::Open(outage) => {
                    let pause = (outage.cause == Cause::Binds).then_some(outage.pause);
                    Some(Back { when: now, pause })
                }
                State::Closed(before) => before.and_then(|before| before.back),
            };
            *state = State::Closed(Some(Recovery { when: now, back }));
            true
        })
    }

    /// A probe has ended and says nothing about the server.
    pub(crate) fn probe_ended(&self) {
        self.with(|state| {
            if let State::Open(outage) = state {
                outage.probing = None;
            }
        });
    }

    /// The server cannot be reached, which was found out by an attempt that began at `began`. `jitter` is a number
    /// from 0 to 1, by which the pause is up to a fifth shorter or longer: many hosts shall not come back together.
    ///
    /// Of many attempts that fail together the first counts, and none that began before the server came back. One that
    /// began before the pause was over makes it no longer. Returns whether the server could be reached until now.
    ///
    /// A probe tries no bind of a user. So the pause of a server that answers none doubles each time that it turns out again
    /// within [`LONGEST_PAUSE`] of a recovery.
    pub(crate) fn open(&self, cause: Cause, fault: Fault, began: Instant, now: Instant, jitter: f64) -> bool {
        let early = now + ((now - began) * SHARE).clamp(SOONEST, LATEST);
        self.with(|state| match state {
            State::Closed(Some(recovery)) if recovery.outdates(cause, began) => false,
            State::Closed(recovery) => {
                let back = recovery.and_then(|recovery| recovery.back);
                let back = back.filter(|back| cause == Cause::Binds && now - back.when < LONGEST_PAUSE);
                let before = back.and_then(|back| back.pause);
                let pause = before.map_or(FIRST_PAUSE, |before| (before * 2).min(LONGEST_PAUSE));
                let until = now + spread(pause, jitter);
                *state = State::Open(Outage { fault, cause, pause, until, early, probing: None });
                true
            }
            State::Open(outage) => {
                outage.probing = None;
                outage.cause = cause;
                outage.early = outage.early.max(early);
                outage.fault = fault;
                if began >= outage.until {
                    outage.pause = (outage.pause * 2).min(LONGEST_PAUSE);
                    outage.until = now + spread(outage.pause, jitter);
                }
                false
            }
        })
    }

    fn with<T>(&self, action: impl FnOnce(&mut State) -> T) -> T {
        let mut state = lock(&self.state);
        let outcome = action(&mut state);
        self.is_open.store(matches!(*state, State::Open(_)), Ordering::Release);
        outcome
    }
}

impl Recovery {
    /// Whether an attempt that began then says nothing any more. That a server can be dialled does not say that it answers
    /// binds; its return from an outage does.
    fn outdates(&self, cause: Cause, began: Instant) -> bool {
        match cause {
            Cause::Unreachable => began < self.when,
            Cause::Binds => self.back.is_some_and(|back| began < back.when),
        }
    }
}

fn spread(pause: Duration, jitter: f64) -> Duration {
    pause.mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use provider_api::{Fault, UnavailableReason};

    use super::{Availability, Breaker, Cause, Urgency};

    const MIDDLE: f64 = 0.5;
    const LONGEST: Duration = Duration::from_secs(6);

    fn fault() -> Fault {
        Fault::unavailable(UnavailableReason::CONNECT_FAILED, "down")
    }

    fn seconds(start: Instant, seconds: f64) -> Instant {
        start + Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_server_that_is_down_is_left_alone_for_5_s_and_then_probed_once() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        assert_eq!(breaker.availability(), Availability::Available);
        assert!(!breaker.take_probe(Urgency::PauseOver, start, LONGEST), "a server that is up is not probed");
        assert!(breaker.open(Cause::Unreachable, fault(), start, start, MIDDLE));
        assert!(matches!(breaker.availability(), Availability::Down(..)));
        assert!(!breaker.take_probe(Urgency::PauseOver, seconds(start, 4.9), LONGEST));
        assert!(breaker.take_probe(Urgency::PauseOver, seconds(start, 5.1), LONGEST));
        assert!(!breaker.take_probe(Urgency::PauseOver, seconds(start, 5.1), LONGEST), "one at a time");
        assert!(!breaker.take_probe(Urgency::NobodyElse, seconds(start, 5.1), LONGEST));
        breaker.close(seconds(start, 5.2));
        assert_eq!(breaker.availability(), Availability::Available);
    }

    #[test]
    fn the_pause_doubles_up_to_a_minute_and_begins_anew_after_a_recovery() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        breaker.open(Cause::Unreachable, fault(), start, start, MIDDLE);
        let mut now = start;
        for pause in [5.0, 10.0, 20.0, 40.0, 60.0, 60.0] {
            assert!(!breaker.take_probe(Urgency::PauseOver, seconds(now, pause - 0.1), LONGEST), "{pause}");
            now = seconds(now, pause + 0.1);
            assert!(breaker.take_probe(Urgency::PauseOver, now, LONGEST), "{pause}");
            assert!(!breaker.open(Cause::Unreachable, fault(), now, now, MIDDLE), "it was down before");
        }
        breaker.close(now);
        breaker.open(Cause::Unreachable, fault(), now, now, MIDDLE);
        assert!(breaker.take_probe(Urgency::PauseOver, seconds(now, 5.1), LONGEST));
    }

    #[test]
    fn attempts_that_fail_together_count_as_one() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        for _ in 0..64 {
            breaker.open(Cause::Unreachable, fault(), start, seconds(start, 3.0), MIDDLE);
        }
        assert!(breaker.take_probe(Urgency::PauseOver, seconds(start, 8.1), LONGEST));
    }

    #[test]
    fn pauses_differ_by_a_fifth_either_way() {
        for (jitter, before, after) in [(0.0, 3.9, 4.1), (1.0, 5.9, 6.1), (7.0, 5.9, 6.1)] {
            let (breaker, start) = (Breaker::default(), Instant::now());
            breaker.open(Cause::Unreachable, fault(), start, start, jitter);
            assert!(!breaker.take_probe(Urgency::PauseOver, seconds(start, before), LONGEST));
            assert!(breaker.take_probe(Urgency::PauseOver, seconds(start, after), LONGEST));
        }
    }

    #[test]
    fn where_no_other_server_is_left_a_tenth_of_the_time_goes_into_trying() {
        for (took, before, after) in [(0.001, 0.04, 0.06), (0.03, 0.29, 0.31), (3.0, 0.9, 1.1)] {
            let (breaker, start) = (Breaker::default(), Instant::now());
            let failed = seconds(start, took);
            breaker.open(Cause::Unreachable, fault(), start, failed, MIDDLE);
            assert!(!breaker.take_probe(Urgency::NobodyElse, seconds(failed, before), LONGEST), "{took}");
            let now = seconds(failed, after);
            assert!(breaker.take_probe(Urgency::NobodyElse, now, LONGEST), "{took}");
            breaker.open(Cause::Unreachable, fault(), now, now, MIDDLE);
            assert!(!breaker.take_probe(Urgency::PauseOver, seconds(failed, 4.9), LONGEST));
            assert!(
                breaker.take_probe(Urgency::PauseOver, seconds(failed, 5.1), LONGEST),
                "the pause has become no longer"
            );
        }
    }

    #[test]
    fn a_probe_whose_outcome_is_never_told_is_made_again() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        breaker.open(Cause::Unreachable, fault(), start, start, MIDDLE);
        assert!(breaker.take_probe(Urgency::PauseOver, seconds(start, 5.1), LONGEST));
        assert!(!breaker.take_probe(Urgency::PauseOver, seconds(start, 11.0), LONGEST));
        assert!(breaker.take_probe(Urgency::PauseOver, seconds(start, 11.2), LONGEST));
        breaker.probe_ended();
        assert!(breaker.take_probe(Urgency::PauseOver, seconds(start, 11.3), LONGEST));
    }

    #[test]
    fn what_failed_before_the_server_came_back_does_not_count_afterwards() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        breaker.open(Cause::Unreachable, fault(), start, start, MIDDLE);
        breaker.close(seconds(start, 6.0));
        assert!(!breaker.open(Cause::Unreachable, fault(), seconds(start, 2.0), seconds(start, 7.0), MIDDLE));
        assert_eq!(breaker.availability(), Availability::Available);
        assert!(breaker.open(Cause::Unreachable, fault(), seconds(start, 6.5), seconds(start, 7.0), MIDDLE));
    }

    #[test]
    fn a_server_that_answers_no_bind_is_not_asked_for_being_reached_and_for_longer_each_time() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        let mut now = start;
        for pause in [5.0, 10.0, 20.0, 40.0, 60.0, 60.0] {
            assert!(breaker.open(Cause::Binds, fault(), now, now, MIDDLE));
            assert!(!breaker.close(now), "somebody who was under way has reached it");
            assert!(matches!(breaker.availability(), Availability::Down(..)));
            assert!(!breaker.take_probe(Urgency::PauseOver, seconds(now, pause - 0.1), LONGEST), "{pause}");
            now = seconds(now, pause + 0.1);
            assert!(breaker.take_probe(Urgency::PauseOver, now, LONGEST), "{pause}");
            assert!(breaker.close(now));
            // Another connection in between, and the next bind without an answer.
            assert!(breaker.close(seconds(now, 1.0)));
            now = seconds(now, 5.0);
        }
        // It answered for a while.
        now = seconds(now, 61.0);
        breaker.open(Cause::Binds, fault(), now, now, MIDDLE);
        assert!(breaker.take_probe(Urgency::PauseOver, seconds(now, 5.1), LONGEST));
    }
}
