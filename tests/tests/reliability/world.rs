//! What every scenario stands on: replicas, a provider that knows them, people, and the record of the wire.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use provider_api::host::{HostServices, Plugin, Provider, Trust};
use serde_json::Value;
use tests::fault_proxy::{Bind, Mode, Wire};
use tests::host::context;
use tests::plugin;

use crate::audit::{self, Audit};
use crate::bars::{Bars, share};
use crate::load::{Answer, Load, Login, summary};
use crate::people::People;
use crate::replicas::{Replica, settings};

/// How late an answer may be on a machine with other things to do, where no time is measured.
const MARGIN: Duration = Duration::from_secs(5);

/// What logins have to come to. A wrong password is never accepted, whatever else is expected.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    /// The right password is accepted, a wrong one rejected.
    Answered,
    /// Nobody can tell, for one of these reasons.
    Unavailable(&'static [&'static str]),
    /// One or the other.
    Either(&'static [&'static str]),
}

/// Why a server that is not there, or does not answer, leaves a question open.
pub(crate) const NO_ANSWER: &[&str] = &["timeout", "connect_failed"];
/// The same for connections that may break as well.
pub(crate) const BROKEN: &[&str] = &["timeout", "connect_failed", "connection_lost"];

/// A provider and the servers that it has.
pub(crate) struct World {
    pub(crate) replicas: Vec<Replica>,
    pub(crate) wire: Arc<Wire>,
    pub(crate) people: Arc<People>,
    pub(crate) load: Load,
    pub(crate) bars: Bars,
    pub(crate) audit: Audit,
}

impl World {
    /// Servers whose proxies begin in these modes.
    pub(crate) async fn new(scenario: &str, modes: &[Mode]) -> Self {
        Self::beside(scenario, modes, &[], 2).await
    }

    /// The same with addresses of other hosts in front of them, and so many seconds for a login.
    pub(crate) async fn beside(scenario: &str, modes: &[Mode], others: &[&str], seconds: u64) -> Self {
        let bars = Bars::of(scenario);
        let wire = Wire::new();
        let users = bars.form.pick(500, 10_000);
        let replicas: Vec<Replica> = modes.iter().map(|&mode| Replica::start(users, &wire, mode)).collect();
        let mut hosts: Vec<String> = others.iter().map(|&other| other.to_owned()).collect();
        hosts.extend(replicas.iter().map(Replica::url));
        let provider = provider(&settings(&hosts, &format!("{seconds}s"))).await;
        let load = Load { provider, deadline: Duration::from_secs(seconds) };
        Self { replicas, wire, people: Arc::new(People::of(users)), load, bars, audit: Audit::default() }
    }

    /// Logins until the provider has connections to work with.
    pub(crate) async fn warm_up(&mut self) {
        let logins = self.load.at_once((0..8).map(|_| self.people.right())).await;
        self.judge("before the fault", &logins, Expected::Answered);
    }

    /// The logins of a scenario: a few at once, or a thousand of them.
    pub(crate) async fn logins(&self) -> Vec<Login> {
        if self.bars.form.is_long() {
            self.load.at_rate(100, Duration::from_secs(10), || self.people.mixed(10)).await
        } else {
            self.load.at_once((0..10).map(|_| self.people.mixed(5))).await
        }
    }

    /// Holds logins against what is expected of them.
    pub(crate) fn judge(&mut self, when: &str, logins: &[Login], expected: Expected) {
        let right = logins.iter().filter(|login| login.right);
        let wrong = logins.iter().filter(|login| !login.right);
        let accepted_wrong = wrong.clone().filter(|login| login.answer == Answer::Accepted).count();
        let somebody_else = logins.iter().filter(|login| login.answer == Answer::SomebodyElse).count();
        let rejected_right = right.clone().filter(|login| matches!(login.answer, Answer::Rejected(_))).count();
        let others: Vec<&Login> = logins.iter().filter(|login| !expected.allows(login)).collect();
        let seen = summary(logins);
        self.bars.holds(
            &format!("{when}: nobody is let in or rejected wrongly"),
            accepted_wrong + somebody_else + rejected_right == 0,
            format_args!(
                "{accepted_wrong} wrong passwords accepted, {somebody_else} as somebody else, {rejected_right} right ones \
                 rejected"
            ),
        );
        self.bars.holds(
            &format!("{when}: {expected:?}"),
            others.is_empty(),
            if others.is_empty() { seen } else { format!("{} are otherwise; in all {seen}", others.len()) },
        );
        self.judge_time(when, logins);
    }

    /// Holds the times of logins against their deadline.
    pub(crate) fn judge_time(&mut self, when: &str, logins: &[Login]) {
        let most = logins.iter().map(|login| login.overrun).max().unwrap_or_default();
        let late = |by: Duration| logins.iter().filter(|login| login.overrun > by).count();
        let late_by_a_bit = late(Duration::from_millis(100));
        let longest = logins.iter().map(|login| login.time).max().unwrap_or_default();
        if !self.bars.form.is_long() {
            self.bars.holds(&format!("{when}: long after the deadline"), most <= MARGIN, format_args!("{most:?} over"));
        }
        self.bars.measures(
            &format!("{when}: 99.9 % within deadline + 100 ms, none over + 1 s, beside a timer"),
            late_by_a_bit * 1_000 <= logins.len() && most <= Duration::from_secs(1),
            format_args!("{} late, {most:?} at most; longest {longest:?}", share(late_by_a_bit, logins.len())),
        );
    }

    /// Logs in until somebody gets in. Panics when nobody does within a time.
    pub(crate) async fn heals(&mut self, within: Duration) -> Duration {
        let begun = Instant::now();
        loop {
            let login = self.load.login(self.people.right()).await;
            if login.answer == Answer::Accepted {
                return begun.elapsed();
            }
            assert!(begun.elapsed() < within, "still {:?} after {within:?}", login.answer);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Logs in until a password goes to the first server again, which is the one that is preferred. Panics when none
    /// does within a time.
    pub(crate) async fn returns_to_the_first(&mut self, within: Duration) {
        let begun = Instant::now();
        let first = self.replicas[0].address();
        loop {
            let asked = Instant::now();
            let login = self.load.login(self.people.right()).await;
            let is_new = |bind: &Bind| bind.server == first && bind.at >= asked && !audit::is_service(bind);
            if login.answer == Answer::Accepted && self.wire.binds().iter().any(is_new) {
                return;
            }
            assert!(begun.elapsed() < within, "the first server is back for {within:?}, and nobody uses it");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The bars of every scenario, and the end of it.
    pub(crate) async fn conclude(mut self) {
        self.audit.compare(&self.people, &self.wire);
        self.audit.judge(&mut self.bars, &self.wire);
        self.tell_metrics().await;
        self.bars.conclude();
    }

    /// What the provider counted, for whoever wonders about the figures.
    pub(crate) async fn tell_metrics(&self) {
        if let Ok(metrics) = self.load.provider.metrics(&context()).await {
            let told: Vec<String> = metrics
                .iter()
                .filter(|metric| !metric.name.starts_with("login_seconds"))
                .map(|metric| format!("{} {}", metric.name, metric.value))
                .collect();
            self.bars.say(format_args!("     {}", told.join(", ")));
        }
    }
}

impl Expected {
    fn allows(self, login: &Login) -> bool {
        let told = match &login.answer {
            Answer::Accepted => login.right,
            Answer::Rejected(reason) => !login.right && reason == "invalid_credentials",
            _ => false,
        };
        let open =
            |reasons: &[&str]| matches!(&login.answer, Answer::Unavailable(why) if reasons.contains(&why.as_str()));
        match self {
            Self::Answered => told,
            Self::Unavailable(reasons) => open(reasons),
            Self::Either(reasons) => told || open(reasons),
        }
    }
}

/// The LDAP provider's plugin file.
pub(crate) async fn opened() -> Plugin {
    Plugin::open(plugin::ldap_provider(), &Trust::developer()).await.unwrap_or_else(|error| panic!("{error}"))
}

/// The LDAP provider with these settings, out of its plugin file.
pub(crate) async fn provider(settings: &Value) -> Provider {
    opened()
        .await
        .configure(settings, &HostServices::silent())
        .await
        .unwrap_or_else(|fault| panic!("the plugin refuses the settings for {}: {fault}", settings["host"]))
}

/// What has to be done while something else goes on: both, and what the first came to.
pub(crate) async fn meanwhile<T>(main: impl Future<Output = T>, beside: impl Future<Output = ()>) -> T {
    tokio::join!(main, beside).0
}

#[test]
fn what_is_not_expected_is_noticed() {
    let login = |right: bool, answer: &Answer| Login {
        right,
        begun: Instant::now(),
        answer: answer.clone(),
        time: Duration::ZERO,
        overrun: Duration::ZERO,
    };
    let told = |reason: &str| Answer::Rejected(reason.to_owned());
    let open = |reason: &str| Answer::Unavailable(reason.to_owned());
    for (right, answer, answered, unavailable, either) in [
        (true, Answer::Accepted, true, false, true),
        (false, Answer::Accepted, false, false, false),
        (true, Answer::SomebodyElse, false, false, false),
        (true, told("invalid_credentials"), false, false, false),
        (false, told("invalid_credentials"), true, false, true),
        (false, told("unknown_user"), false, false, false),
        (true, open("timeout"), false, true, true),
        (false, open("connect_failed"), false, true, true),
        (true, open("connection_lost"), false, false, false),
        (true, Answer::Misconfigured("timeout".to_owned()), false, false, false),
        (true, Answer::Internal("timeout".to_owned()), false, false, false),
    ] {
        let login = login(right, &answer);
        for (expected, allowed) in [
            (Expected::Answered, answered),
            (Expected::Unavailable(NO_ANSWER), unavailable),
            (Expected::Either(NO_ANSWER), either),
        ] {
            assert_eq!(expected.allows(&login), allowed, "{expected:?}: {login:?}");
        }
    }
}
