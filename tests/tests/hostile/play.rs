//! How a scenario is played, and what every one of them has to show.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tests::hostile::directory::{ALICE, PASSWORDS};
use tests::hostile::host::{Answer, HostProcess, Question};
use tests::hostile::script::Script;
use tests::hostile::server::HostileServer;
use tests::hostile::transport::{Certificates, Transport};

use crate::scenario::{Case, Operation, OwnPlay, SHORT, Scenario};

/// What an answer may take beyond what the provider has to wait: far more than it does, for slow machines.
const MARGIN: Duration = Duration::from_secs(4);

/// How much longer the process is waited for, before it is given up.
const PATIENCE: Duration = Duration::from_mins(1);

/// How far memory may rise above what it was before, in KiB.
const MOST_GROWTH: i64 = 16 * 1024;

/// How far for each of many logins at once, in KiB.
const GROWTH_OF_MANY: i64 = 128;

/// How often a case is played until the provider comes to its point.
const TRIES: usize = 5;

/// How many log records one operation may cause: its outcome, what the server did, and what the LDAP library has to
/// say about it.
const MOST_RECORDS: usize = 5;

/// What came of a scenario over one transport.
#[derive(Default)]
pub(crate) struct Played {
    /// Each operation that was attacked.
    pub(crate) operations: Vec<Operation>,
    pub(crate) longest_ms: f64,
    pub(crate) most_growth_kib: i64,
    pub(crate) failures: Vec<String>,
    /// How long it took in all, the process's start too.
    pub(crate) took: Duration,
}

impl Played {
    fn count(&mut self, operation: Operation, answer: &Answer) {
        self.operations.push(operation);
        self.measure(answer);
    }

    fn measure(&mut self, answer: &Answer) {
        self.longest_ms = self.longest_ms.max(answer.milliseconds);
        self.most_growth_kib = self.most_growth_kib.max(answer.growth_kib);
    }

    pub(crate) fn verdict(&self, promise: &str) -> Result<(), String> {
        if self.failures.is_empty() {
            return Ok(());
        }
        Err(format!("promised: {promise}\n{}", self.failures.join("\n")))
    }
}

/// Where a scenario is played: a host, and what servers are made of.
pub(crate) struct Stand {
    pub(crate) host: HostProcess,
    pub(crate) certificates: Arc<Certificates>,
    pub(crate) transport: Transport,
    /// How many logins were asked for since the last server began.
    pub(crate) logins: usize,
    played: Played,
}

/// Plays all of a scenario, in one process as a rule.
pub(crate) async fn scenario(
    scenario: &Scenario,
    transport: Transport,
    certificates: &Arc<Certificates>,
    program: &Path,
) -> Played {
    let host = HostProcess::start(program);
    let mut stand =
        Stand { host, certificates: Arc::clone(certificates), transport, logins: 0, played: Played::default() };
    let mut failures = Vec::new();
    for (number, case) in scenario.cases.iter().enumerate() {
        if scenario.apart && number > 0 {
            let last = std::mem::replace(&mut stand.host, HostProcess::start(program));
            failures.extend(last.finish().await.err());
        }
        if let Err(problem) = stand.play(case, number == 0 || scenario.apart).await {
            failures.push(format!("{:?}, {}: {problem}", case.operation, case.what));
        }
    }
    if let Some((_, own)) = scenario.own
        && let Err(problem) = stand.play_own(own).await
    {
        failures.push(problem);
    }
    failures.extend(stand.host.finish().await.err());
    Played { failures, ..stand.played }
}

impl Stand {
    async fn play(&mut self, case: &Case, is_first: bool) -> Result<(), String> {
        let server = HostileServer::start(&self.certificates, self.transport, case.script.clone());
        server.disarm();
        self.logins = 0;
        let settings = settings(server.settings(), case);
        self.expect(&Question::Configure(settings.clone()), "configured").await?;
        // TLS, threads and the like have their memory after this. What is measured later counts from here.
        self.good_login(case.waits).await?;
        if is_first {
            self.expect(&Question::List, "complete").await?;
            self.expect(&Question::Settle, "settled").await?;
        }
        let allowed = if case.waits { SHORT } else { Duration::ZERO } + MARGIN;
        let mut attempt = 1;
        let (record, last) = loop {
            server.arm();
            let last = self.attack(case, &settings, allowed).await?;
            let logins = if case.operation == Operation::Login { case.times } else { 0 };
            let record = server.finish(logins).await?;
            if server.was_reached() {
                break (record, last);
            }
            // The time that the provider has may have been too short to come to the point, on a busy machine.
            if !case.waits || attempt == TRIES {
                return Err(format!("the server was never asked what it has a lie for: {last:?}"));
            }
            attempt += 1;
        };
        if let Some(also) = case.also {
            also(&record, &last).map_err(|problem| format!("{problem}: {last:?}, {record:?}"))?;
        }
        // The process lives, and so does the provider, which needs no new settings, but for a service account that was
        // refused: it is left alone for a minute.
        server.disarm();
        if last.outcome.ends_with("/service_credentials_refused") {
            self.expect(&Question::Configure(settings), "configured").await?;
        }
        self.good_login(case.waits).await.map_err(|problem| format!("a good login afterwards: {problem}"))?;
        server.end(self.logins).await
    }

    /// Each time with a new provider: one that has connections already is not asked for all that there are lies for.
    async fn attack(&mut self, case: &Case, settings: &Value, allowed: Duration) -> Result<Answer, String> {
        let mut last = Answer::default();
        for time in 0..case.times {
            self.expect(&Question::Configure(settings.clone()), "configured").await?;
            last = self.ask(&question(case.operation), allowed + PATIENCE).await?;
            self.played.count(case.operation, &last);
            let checked = check(&case.expected, &last).and_then(|()| sound(&last, allowed, 1));
            checked.map_err(|problem| format!("{problem} (number {time}): {last:?}"))?;
        }
        Ok(last)
    }

    /// Plays what is not one operation at a time, in a process that has what it needs.
    async fn play_own(&mut self, own: OwnPlay) -> Result<(), String> {
        let server = HostileServer::start(&self.certificates, self.transport, Script::honest());
        self.expect(&Question::Configure(server.settings()), "configured").await?;
        self.good_login(false).await?;
        self.expect(&Question::List, "complete").await?;
        self.expect(&Question::Settle, "settled").await?;
        self.logins = 0;
        own(self).await
    }

    /// Asks the host.
    pub(crate) async fn ask(&mut self, question: &Question, patience: Duration) -> Result<Answer, String> {
        self.logins += logins(question);
        self.host.ask(question, patience).await
    }

    /// Asks for many logins, which have to be well but for their outcomes, with this much memory for each that is
    /// under way.
    pub(crate) async fn ask_for_many(&mut self, question: &Question, allowed: Duration) -> Result<Answer, String> {
        let Question::Pairs { at_once, .. } = question else { return Err("no question for many".to_owned()) };
        let answer = self.ask(question, allowed + PATIENCE).await?;
        self.played.count(Operation::Login, &answer);
        let checked = sound(&Answer { records: 0, ..answer.clone() }, allowed, *at_once);
        let most_records = MOST_RECORDS * logins(question);
        let few = if answer.records <= most_records { Ok(()) } else { Err("more log records".to_owned()) };
        checked.and(few).map_err(|problem| format!("{problem}: {answer:?}"))?;
        Ok(answer)
    }

    /// A login at an honest server. One that could not be reached is asked again within a second. Where the provider
    /// has but a second for it, a busy machine may need another try.
    pub(crate) async fn good_login(&mut self, hurried: bool) -> Result<(), String> {
        let tries = if hurried { 30 } else { 10 };
        for _ in 1..tries {
            if self.ask(&login(), PATIENCE).await?.outcome == "accepted" {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.expect(&login(), "accepted").await
    }

    /// Asks for something that has to have this outcome, soon.
    pub(crate) async fn expect(&mut self, question: &Question, outcome: &str) -> Result<(), String> {
        self.expect_within(MARGIN, question, outcome).await
    }

    /// Asks for something that has to have this outcome, in this time.
    pub(crate) async fn expect_within(
        &mut self,
        allowed: Duration,
        question: &Question,
        outcome: &str,
    ) -> Result<(), String> {
        let answer = self.ask(question, PATIENCE).await?;
        self.played.measure(&answer);
        let checked = check(&[outcome.to_owned()], &answer).and_then(|()| sound(&answer, allowed, 1));
        checked.map_err(|problem| format!("{problem}: {answer:?}"))
    }
}

fn check(expected: &[String], answer: &Answer) -> Result<(), String> {
    if !expected.contains(&answer.outcome) {
        return Err(format!("{:?} instead of {expected:?}", answer.outcome));
    }
    if answer.outcome == "accepted" && answer.subject.as_deref() != Some(ALICE.uuid) {
        return Err("somebody else was accepted".to_owned());
    }
    Ok(())
}

/// What every answer has to be, whatever it says.
fn sound(answer: &Answer, allowed: Duration, at_once: usize) -> Result<(), String> {
    if answer.milliseconds > allowed.as_secs_f64() * 1e3 {
        return Err(format!("{} ms where {allowed:?} are allowed", answer.milliseconds));
    }
    if answer.growth_kib > most_growth(at_once) {
        return Err(format!("memory grew by {} KiB", answer.growth_kib));
    }
    if answer.records > MOST_RECORDS {
        return Err(format!("{} log records", answer.records));
    }
    let told = [&answer.log.join("\n"), &answer.message].map(String::as_str).join("\n");
    if PASSWORDS.iter().any(|secret| told.contains(secret)) {
        return Err("a password was told".to_owned());
    }
    Ok(())
}

/// So much for one connection, and no more than a part of it for each of many: they do not all bring the most.
fn most_growth(at_once: usize) -> i64 {
    MOST_GROWTH.max(GROWTH_OF_MANY * i64::try_from(at_once).unwrap_or(i64::MAX))
}

fn logins(question: &Question) -> usize {
    match question {
        Question::Login { .. } => 1,
        Question::Pairs { people, pairs, .. } => people.len() * pairs,
        _ => 0,
    }
}

fn settings(mut settings: Value, case: &Case) -> Value {
    if case.binds_apart {
        settings["user_binds"] = json!("fresh");
    }
    if case.waits {
        settings["timeout"] = json!(format!("{}s", SHORT.as_secs()));
    }
    settings
}

fn question(operation: Operation) -> Question {
    match operation {
        Operation::Login => login(),
        Operation::Validate => Question::Validate,
        Operation::List => Question::List,
    }
}

pub(crate) fn login() -> Question {
    Question::Login { name: ALICE.uid.to_owned(), password: ALICE.password.to_owned() }
}
