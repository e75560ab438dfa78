//! What the checks stand on: the plugin, providers of it, and everything that these say.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::subject::{Known, Subject};
use crate::host::{HostServices, LogSink, Plugin, Provider, Trust};
use crate::{Credentials, Deadline, Decision, Fault, LogLevel, LogRecord, RequestContext, Secret};

/// How long a call may take that has all the time it needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A password that is nobody's. It is looked for in the logs.
pub(super) const WRONG_PASSWORD: &str = "canary of a wrong password 7f3a";
/// A name that is nobody's.
pub(super) const NOBODY: &str = "nobody-7f3a";

pub(super) struct Bench<'s> {
    pub(super) subject: &'s Subject,
    pub(super) plugin: Plugin,
    log: Arc<Heard>,
    /// Everything else that the provider says.
    said: Mutex<Vec<String>>,
    panics: AtomicU64,
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl LogSink for Heard {
    fn log(&self, record: LogRecord) {
        lock(&self.0).push(format!("{record:?}"));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'s> Bench<'s> {
    pub(super) async fn new(subject: &'s Subject) -> Result<Self, String> {
        if subject.users.is_empty() {
            return Err("state one known user at least".to_owned());
        }
        let plugin = Plugin::open(&subject.plugin, &Trust::developer()).await.map_err(|error| error.to_string())?;
        let (said, panics) = (Mutex::default(), AtomicU64::new(0));
        Ok(Self { subject, plugin, log: Arc::default(), said, panics })
    }

    /// A provider of the subject's settings.
    pub(super) async fn provider(&self) -> Result<Provider, Vec<String>> {
        self.configure(&self.subject.settings).await.map_err(|fault| vec![format!("its settings are refused: {fault}")])
    }

    pub(super) async fn configure(&self, settings: &Value) -> Result<Provider, Fault> {
        let services = HostServices::new(LogLevel::Trace, Arc::clone(&self.log) as Arc<dyn LogSink>);
        let configured = self.plugin.configure(settings, &services).await;
        if let Err(fault) = &configured {
            self.hear(fault);
            self.count_panic(fault);
        }
        configured
    }

    /// A login with all the time it needs.
    pub(super) async fn login(&self, provider: &Provider, name: &str, password: &str) -> Result<Decision, Fault> {
        self.login_within(provider, PATIENCE, name, password).await
    }

    pub(super) async fn login_within(
        &self,
        provider: &Provider,
        limit: Duration,
        name: &str,
        password: &str,
    ) -> Result<Decision, Fault> {
        let answer = provider.authenticate(&context(limit), &Credentials::new(name, Secret::new(password))).await;
        self.hear(&answer);
        if let Err(fault) = &answer {
            self.count_panic(fault);
        }
        answer
    }

    /// The subject of somebody who must be accepted.
    pub(super) async fn subject_of(&self, provider: &Provider, known: &Known) -> Result<String, String> {
        match self.login(provider, &known.name, &known.password).await {
            Ok(Decision::Accepted(accepted)) => Ok(accepted.identity.subject),
            other => Err(format!("{} with the right password is not accepted: {}", known.name, brief(&other))),
        }
    }

    /// Keeps something that the provider said, to look for secrets in it.
    pub(super) fn hear(&self, said: &impl std::fmt::Debug) {
        lock(&self.said).push(format!("{said:?}"));
    }

    pub(super) fn count_panic(&self, fault: &Fault) {
        if crate::panics::is_panic(fault) {
            self.panics.fetch_add(1, Ordering::SeqCst);
        }
    }

    pub(super) fn panics(&self) -> Result<(), Vec<String>> {
        let logged = lock(&self.log.0).iter().filter(|record| record.contains("target: \"panic\"")).count();
        match self.panics.load(Ordering::SeqCst).max(logged as u64) {
            0 => Ok(()),
            count => Err(vec![format!("it panicked {count} times")]),
        }
    }

    /// Whether a password or a secret setting is in anything that the provider said.
    pub(super) fn leaks(&self) -> Result<(), Vec<String>> {
        let known = self.subject.users.iter().chain(&self.subject.disabled);
        let mut secrets: Vec<(String, &str)> =
            known.map(|known| (format!("the password of {}", known.name), known.password.as_str())).collect();
        secrets.push(("a wrong password".to_owned(), WRONG_PASSWORD));
        for key in self.plugin.description().secret_settings() {
            if let Some(Value::String(secret)) = self.subject.settings.get(key) {
                secrets.push((format!("the setting {key}"), secret));
            }
        }
        let mut problems = Vec::new();
        for (where_, texts) in [("its logs", lock(&self.log.0)), ("its answers", lock(&self.said))] {
            for (what, secret) in secrets.iter().filter(|(_, secret)| !secret.is_empty()) {
                if texts.iter().any(|text| text.contains(*secret)) {
                    problems.push(format!("{what} is in {where_}"));
                }
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

pub(super) fn context(limit: Duration) -> RequestContext {
    RequestContext::new("conformance", Deadline::after(limit))
}

/// A context with all the time that a call needs.
pub(super) fn patient() -> RequestContext {
    context(PATIENCE)
}

/// An answer in a word or a line.
pub(super) fn brief(answer: &Result<Decision, Fault>) -> String {
    match answer {
        Ok(Decision::Accepted(accepted)) => format!("accepted as {}", accepted.identity.subject),
        Ok(Decision::Rejected(rejection)) => format!("rejected, {}: {}", rejection.reason, rejection.message),
        Err(fault) => format!("fault, {fault}"),
    }
}
