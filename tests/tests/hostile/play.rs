//! How a scenario is played, and what every one of them has to show.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tests::hostile::directory::{ALICE, PASSWORDS};
use tests::hostile::host::{Answer, HostProcess, Question};
use tests::hostile::server::HostileServer;
use tests::hostile::transport::{Certificates, Transport};

use crate::scenario::{Case, Operation, SHORT, Scenario};

/// What an answer may take beyond what the provider has to wait: far more than it does, for slow machines.
const MARGIN: Duration = Duration::from_secs(4);

/// How much longer the process is waited for, before it is given up.
const PATIENCE: Duration = Duration::from_mins(1);

/// How far memory may rise above what it was before, in KiB.
const MOST_GROWTH: i64 = 16 * 1024;

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
    if let Some(own) = scenario.own
        && let Err(problem) = own(&mut stand).await
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
        let settings = settings(server.settings(), case.waits);
        self.expect(&Question::Configure(settings), "configured").await?;
        // TLS, threads and the like have their memory after this. What is measured later counts from here.
        self.good_login(case.waits).await?;
        if is_first {
            self.expect(&Question::List, "complete").await?;
            self.expect(&Question::Settle, "settled").await?;
        }
        server.arm();
        let allowed = if case.waits { SHORT } else { Duration::ZERO } + MARGIN;
        let mut last = Answer::default();
        for time in 0..case.times {
            last = self.ask(&question(case.operation), allowed + PATIENCE).await?;
            self.played.count(case.operation, &last);
            check(case, allowed, &last).map_err(|problem| format!("{problem} (number {time}): {last:?}"))?;
        }
        let logins = if case.operation == Operation::Login { case.times } else { 0 };
        let record = server.finish(logins).await?;
        if let Some(also) = case.also {
            also(&record, &last).map_err(|problem| format!("{problem}: {last:?}, {record:?}"))?;
        }
        // The process lives, and so does the provider, which needs no new settings.
        server.disarm();
        self.good_login(case.waits).await.map_err(|problem| format!("a good login afterwards: {problem}"))?;
        server.end(self.logins).await
    }

    /// Asks the host.
    pub(crate) async fn ask(&mut self, question: &Question, patience: Duration) -> Result<Answer, String> {
        self.logins += match question {
            Question::Login { .. } => 1,
            Question::Pairs { people, pairs, .. } => people.len() * pairs,
            _ => 0,
        };
        self.host.ask(question, patience).await
    }

    /// A login at an honest server. Where the provider has but a second for it, a busy machine may need another try.
    pub(crate) async fn good_login(&mut self, hurried: bool) -> Result<(), String> {
        let tries = if hurried { 20 } else { 1 };
        for _ in 1..tries {
            if self.ask(&login(), PATIENCE).await?.outcome == "accepted" {
                return Ok(());
            }
        }
        self.expect(&login(), "accepted").await
    }

    /// Asks for something that has to have this outcome, soon.
    pub(crate) async fn expect(&mut self, question: &Question, outcome: &str) -> Result<(), String> {
        let answer = self.ask(question, PATIENCE).await?;
        if answer.outcome == outcome && answer.milliseconds < MARGIN.as_secs_f64() * 1e3 {
            return Ok(());
        }
        Err(format!("{outcome} expected, within {MARGIN:?}: {answer:?}"))
    }
}

fn check(case: &Case, allowed: Duration, answer: &Answer) -> Result<(), String> {
    if !case.expected.contains(&answer.outcome) {
        return Err(format!("{:?} instead of {:?}", answer.outcome, case.expected));
    }
    if answer.outcome == "accepted" && answer.subject.as_deref() != Some(ALICE.uuid) {
        return Err("somebody else was accepted".to_owned());
    }
    if answer.milliseconds > allowed.as_secs_f64() * 1e3 {
        return Err(format!("{} ms where {allowed:?} are allowed", answer.milliseconds));
    }
    if answer.growth_kib > MOST_GROWTH {
        return Err(format!("memory grew by {} KiB", answer.growth_kib));
    }
    if answer.records > MOST_RECORDS {
        return Err(format!("{} log records", answer.records));
    }
    let told = [&answer.log.join("\n"), &answer.message].map(String::as_str).join("\n");
    for secret in PASSWORDS {
        if told.contains(secret) {
            return Err("a password was told".to_owned());
        }
    }
    Ok(())
}

fn settings(mut settings: Value, waits: bool) -> Value {
    if waits {
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
