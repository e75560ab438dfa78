//! A provider that breaks the contract where its settings tell it to, so that tests can see whether the conformance kit
//! notices. Without a fault it keeps the contract.
#![forbid(unsafe_code)]
#![allow(clippy::panic, reason = "one of the faults is to panic")]

mod fault;
mod settings;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use fault::Bug;
use provider_api::author::{AuthProvider, UserCursor};
use provider_api::{
    Accepted, Capability, Credentials, Decision, Fault, Identity, ListRequest, ListedUser, Metric, RejectReason,
    Rejection, RequestContext, Stage, UnavailableReason, UserCode, UserPage, ValidationReport,
};
use settings::Settings;

provider_api::export_provider!(Bad);

/// Those who may log in; `mallory` may not. The password of NAME is "canary: NAME".
const USERS: [&str; 2] = ["alice", "bob"];
const DISABLED: &str = "mallory";

struct Bad {
    bug: Option<Bug>,
    unreachable: bool,
    /// For `Bug::KeepsALock`: whether somebody is being checked.
    busy: AtomicBool,
    /// For `Bug::MixesUp` and `Bug::CountsPasswords`: who came last, or what they typed.
    last: Mutex<String>,
    /// How many logins there were.
    logins: AtomicU64,
    /// For `Bug::HogsItsThreads`: whether it has begun.
    hogging: AtomicBool,
}

impl Bad {
    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn decide(&self, name: &str, password: &str) -> Decision {
        let pattern = self.has(Bug::MatchesPatterns) && name == "*";
        let known = USERS.iter().chain([&DISABLED]).find(|known| **known == name || pattern);
        let Some(known) = known else {
            assert!(!self.has(Bug::Panics), "nobody of this name");
            let reason = if self.has(Bug::UnknownIsWrong) {
                RejectReason::INVALID_CREDENTIALS
            } else {
                RejectReason::UNKNOWN_USER
            };
            return Rejection::new(reason, "there is nobody of this name").into();
        };
        let right = password == format!("canary: {known}") || self.has(Bug::TakesAnyPassword);
        let disabled = *known == DISABLED && !self.has(Bug::LetsTheDisabledIn);
        let hears_why =
            Rejection::new(RejectReason::ACCOUNT_DISABLED, "disabled").telling_the_user(UserCode::ACCOUNT_DISABLED);
        if !right {
            let message =
                if self.has(Bug::TellsPasswords) { format!("{password} is wrong") } else { "wrong".to_owned() };
            let rejection = Rejection::new(RejectReason::INVALID_CREDENTIALS, message);
            return match self.bug {
                Some(Bug::TellsStrangers) => rejection.telling_the_user(UserCode::PASSWORD_EXPIRED).into(),
                Some(Bug::TellsWhoIsDisabled) if disabled => hears_why.into(),
                _ => rejection.into(),
            };
        }
        if disabled { hears_why.into() } else { Accepted::new(Identity::new(self.subject(known), "id", *known)).into() }
    }

    fn subject(&self, name: &str) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        match self.bug {
            Some(Bug::NewSubjects) => format!("id-{}", COUNT.fetch_add(1, Ordering::Relaxed)),
            Some(Bug::OneSubject) => "id".to_owned(),
            _ => format!("id-of-{name}"),
        }
    }

    fn note(&self, text: &str) {
        self.last.lock().map(|mut last| text.clone_into(&mut last)).unwrap_or_default();
    }

    fn noted(&self) -> String {
        self.last.lock().map(|last| last.clone()).unwrap_or_default()
    }

    /// Keeps all threads of this provider: the others at once, this one when the login has been answered.
    fn hog(&self) {
        if !self.hogging.swap(true, Ordering::SeqCst) {
            for _ in 0..12 {
                tokio::spawn(async { thread::sleep(Duration::from_secs(4)) });
            }
            // Long enough for each of the other threads to have taken one of them.
            thread::sleep(Duration::from_millis(100));
        }
    }
}

impl AuthProvider for Bad {
    const ID: &'static str = "bad";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const CAPABILITIES: &'static [Capability] = &[Capability::LIST_USERS];
    type Settings = Settings;
    type Cursor = Pages;

    fn configure(settings: Settings) -> Result<Self, Fault> {
        let (bug, unreachable, secret) = settings.check()?;
        if bug == Some(Bug::LogsItsSecret) {
            log::debug!("configured with {secret}");
        }
        let (busy, last, hogging) = (AtomicBool::new(false), Mutex::default(), AtomicBool::new(false));
        Ok(Self { bug, unreachable, busy, last, logins: AtomicU64::new(0), hogging })
    }

    async fn validate(&self, _: &RequestContext) -> ValidationReport {
        let stage = match self.bug {
            Some(Bug::FailsToValidate) => Stage::failed("users", &Fault::internal("no reason")),
            Some(Bug::NamesStagesBadly) => Stage::passed("The Users!", "there are some"),
            _ => Stage::passed("users", "there are some"),
        };
        ValidationReport::new(vec![stage])
    }

    async fn authenticate(&self, context: &RequestContext, typed: Credentials) -> Result<Decision, Fault> {
        self.logins.fetch_add(1, Ordering::Relaxed);
        if self.unreachable {
            return match self.bug {
                Some(Bug::OutageIsARejection) => Ok(Rejection::new(RejectReason::UNKNOWN_USER, "no answer").into()),
                _ => Err(Fault::unavailable(UnavailableReason::CONNECT_FAILED, "no answer")),
            };
        }
        let (name, password) = (typed.username.as_str(), typed.password.expose());
        match self.bug {
            Some(Bug::CountsPasswords) => self.note(password),
            Some(Bug::LogsPasswords) => log::trace!("{name} typed {password}"),
            Some(Bug::ChokesOnNames) if !name.is_ascii() => return Err(Fault::internal("cannot read this name")),
            Some(Bug::Blocks) if context.deadline.remaining() < Duration::from_millis(100) => {
                thread::sleep(Duration::from_secs(2));
            }
            Some(Bug::KeepsALock) => {
                while self.busy.swap(true, Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                // Whoever is dropped here never says that the next one may come.
                tokio::time::sleep(Duration::from_millis(2)).await;
                self.busy.store(false, Ordering::SeqCst);
            }
            Some(Bug::MixesUp) => {
                self.note(name);
                tokio::time::sleep(Duration::from_millis(5)).await;
                let last = self.noted();
                return Ok(self.decide(&last, &format!("canary: {last}")));
            }
            Some(Bug::HogsItsThreads) => self.hog(),
            _ => {}
        }
        Ok(self.decide(name, password))
    }

    async fn list_users(&self, _: &RequestContext, _: ListRequest) -> Result<Pages, Fault> {
        let mut names = vec![USERS[0], USERS[1], DISABLED];
        match self.bug {
            Some(Bug::MissesSomebody) => drop(names.remove(1)),
            Some(Bug::ListsTwice) => names.push(USERS[0]),
            _ => {}
        }
        let users = names.into_iter().map(|name| {
            let mut user = ListedUser::default();
            user.subject = Some(self.subject(name));
            user.login = Some(name.to_owned());
            user.refusal = (name == DISABLED).then_some(RejectReason::ACCOUNT_DISABLED);
            user
        });
        Ok(Pages(users.collect()))
    }

    fn metrics(&self) -> Vec<Metric> {
        let count = f64::from(u32::try_from(self.logins.load(Ordering::Relaxed)).unwrap_or(u32::MAX));
        let logins = |count: f64| Metric::new("logins_total", count);
        match self.bug {
            Some(Bug::NamesMetricsBadly) => vec![Metric::new("The Logins!", count)],
            Some(Bug::CountsToInfinity) => vec![logins(if count > 0.0 { f64::INFINITY } else { count })],
            Some(Bug::CountsBackwards) => vec![logins(-count)],
            Some(Bug::CountsTwice) => vec![logins(count), logins(count)],
            Some(Bug::CountsPasswords) => {
                vec![Metric::new(format!("logins_total{{typed=\"{}\"}}", self.noted()), count)]
            }
            _ => vec![logins(count)],
        }
    }
}

struct Pages(Vec<ListedUser>);

impl UserCursor for Pages {
    async fn next_page(&mut self, _: &RequestContext) -> Result<UserPage, Fault> {
        Ok(UserPage::last(std::mem::take(&mut self.0)))
    }
}
