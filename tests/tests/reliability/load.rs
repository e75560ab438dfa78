//! Logins, many of them, each timed beside a timer of its own: what a busy machine costs is not the provider's fault.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use provider_api::host::Provider;
use provider_api::{Credentials, Decision, Fault, Secret};
use tests::host::context;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use crate::people::Typed;

/// What a login came to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    Accepted,
    /// Accepted as another than who typed the name.
    SomebodyElse,
    Rejected(String),
    Unavailable(String),
    Misconfigured(String),
    Internal(String),
}

/// One login.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    /// Whether the right password was typed.
    pub(crate) right: bool,
    pub(crate) begun: Instant,
    pub(crate) answer: Answer,
    pub(crate) time: Duration,
    /// By how much the answer came after the deadline, beyond what a timer for the same deadline was late.
    pub(crate) overrun: Duration,
}

/// A provider under load, and the deadline of its settings.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) provider: Provider,
    pub(crate) deadline: Duration,
}

impl Load {
    pub(crate) async fn login(&self, typed: Typed) -> Login {
        let begun = Instant::now();
        let end = begun + self.deadline;
        let control = tokio::spawn(async move {
            sleep_until(end.into()).await;
            end.elapsed()
        });
        let credentials = Credentials::new(typed.login.as_str(), Secret::new(typed.password.as_str()));
        // The context has a minute: it is the provider's own deadline that is looked at, not the host's.
        let answer = answer(self.provider.authenticate(&context(), &credentials).await, &typed.login);
        let time = begun.elapsed();
        let overrun = match time.checked_sub(self.deadline) {
            None => {
                control.abort();
                Duration::ZERO
            }
            Some(over) => over.saturating_sub(control.await.expect("a timer does not end otherwise")),
        };
        Login { right: typed.right, begun, answer, time, overrun }
    }

    /// All of them at once.
    pub(crate) async fn at_once(&self, typed: impl IntoIterator<Item = Typed>) -> Vec<Login> {
        let mut logins = JoinSet::new();
        for typed in typed {
            let load = self.clone();
            logins.spawn(async move { load.login(typed).await });
        }
        logins.join_all().await
    }

    /// The same provider, judged by another deadline than its own.
    pub(crate) fn judged_by(&self, deadline: Duration) -> Self {
        Self { provider: self.provider.clone(), deadline }
    }

    /// So many in a second, whether or not those before have been answered.
    pub(crate) async fn at_rate(&self, per_second: u32, time: Duration, typed: impl Fn() -> Typed) -> Vec<Login> {
        let mut ticks = interval(Duration::from_secs(1) / per_second);
        // People come when they come: those that a busy machine has missed are there all at once.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let begun = Instant::now();
        let mut logins = JoinSet::new();
        let mut answered = Vec::new();
        while begun.elapsed() < time {
            ticks.tick().await;
            let (load, next) = (self.clone(), typed());
            logins.spawn(async move { load.login(next).await });
            while let Some(login) = logins.try_join_next() {
                answered.push(login.expect("a login does not panic"));
            }
        }
        answered.extend(logins.join_all().await);
        answered
    }

    /// So many in all, and so many at once at most.
    pub(crate) async fn crowd(&self, total: usize, at_once: usize, typed: impl Fn() -> Typed) -> Vec<Login> {
        let mut logins = JoinSet::new();
        let mut answered = Vec::with_capacity(total);
        for _ in 0..total {
            if logins.len() >= at_once {
                answered.push(logins.join_next().await.expect("not empty").expect("a login does not panic"));
            }
            let (load, next) = (self.clone(), typed());
            logins.spawn(async move { load.login(next).await });
        }
        answered.extend(logins.join_all().await);
        answered
    }
}

fn answer(decision: Result<Decision, Fault>, login: &str) -> Answer {
    match decision {
        Ok(Decision::Accepted(accepted)) if accepted.identity.login == login => Answer::Accepted,
        Ok(Decision::Accepted(_)) => Answer::SomebodyElse,
        Ok(Decision::Rejected(rejection)) => Answer::Rejected(rejection.reason.to_string()),
        Err(Fault::Unavailable { reason, .. }) => Answer::Unavailable(reason.to_string()),
        Err(Fault::Misconfigured { reason, message, .. }) => Answer::Misconfigured(format!("{reason}: {message}")),
        Err(other) => Answer::Internal(other.to_string()),
    }
}

/// How many logins had which answer, to read.
pub(crate) fn summary(logins: &[Login]) -> String {
    let mut counts = BTreeMap::<(bool, &Answer), usize>::new();
    for login in logins {
        *counts.entry((!login.right, &login.answer)).or_default() += 1;
    }
    let counts = counts.into_iter().map(|((wrong, answer), count)| {
        format!("{count} x {} {answer:?}", if wrong { "wrong password" } else { "right password" })
    });
    counts.collect::<Vec<_>>().join(", ")
}

/// The times of logins.
pub(crate) fn times(logins: &[Login]) -> Vec<Duration> {
    logins.iter().map(|login| login.time).collect()
}
