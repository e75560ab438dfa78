//! How a scenario is played, and what every one of them has to show.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tests::hostile::directory::{ALICE, BOB, SERVICE_PASSWORD};
use tests::hostile::host::{Answer, HostProcess, Question};
use tests::hostile::server::HostileServer;
use tests::hostile::transport::{Authority, Transport};

use crate::scenario::{Case, Operation, SHORT, Scenario};

/// What an answer may take beyond what the provider has to wait: far more than it does, for slow machines.
const MARGIN: Duration = Duration::from_secs(4);

/// How much longer the process is waited for, before it is given up.
const PATIENCE: Duration = Duration::from_mins(1);

/// How far memory may rise above what it was before, in KiB.
const MOST_GROWTH: i64 = 16 * 1024;

/// How many log records one operation may cause.
const MOST_RECORDS: usize = 10;

/// What came of a scenario over one transport.
#[derive(Default)]
pub(crate) struct Played {
    /// Each operation that was attacked, with the number of attacks.
    pub(crate) operations: Vec<Operation>,
    pub(crate) longest_ms: f64,
    pub(crate) most_growth_kib: i64,
    pub(crate) failures: Vec<String>,
}

impl Played {
    pub(crate) fn verdict(&self, promise: &str) -> Result<(), String> {
        if self.failures.is_empty() {
            return Ok(());
        }
        Err(format!("promised: {promise}\n{}", self.failures.join("\n")))
    }
}

/// Plays all cases of a scenario in one process.
pub(crate) async fn scenario(
    scenario: &Scenario,
    transport: Transport,
    authority: &Arc<Authority>,
    program: &Path,
) -> Played {
    let mut played = Played::default();
    let mut host = HostProcess::start(program);
    for (number, case) in scenario.cases.iter().enumerate() {
        let server = HostileServer::start(authority, transport, case.script.clone());
        let result = self::case(case, number == 0, &server, &mut host, &mut played).await;
        if let Err(problem) = result {
            played.failures.push(format!("{:?}, {}: {problem}", case.operation, case.what));
        }
    }
    if let Err(problem) = host.finish().await {
        played.failures.push(problem);
    }
    played
}

async fn case(
    case: &Case,
    is_first: bool,
    server: &HostileServer,
    host: &mut HostProcess,
    played: &mut Played,
) -> Result<(), String> {
    server.disarm();
    let settings = settings(server.settings(), case.waits);
    expect(host, &Question::Configure(settings), "configured").await?;
    // TLS, threads and the like have their memory after this. What is measured later counts from here.
    expect(host, &login(), "accepted").await?;
    if is_first {
        expect(host, &Question::List, "complete").await?;
        expect(host, &Question::Settle, "settled").await?;
    }
    server.arm();
    let allowed = if case.waits { SHORT } else { Duration::ZERO } + MARGIN;
    for time in 0..case.times {
        let answer = host.ask(&question(case.operation), allowed + PATIENCE).await?;
        played.operations.push(case.operation);
        played.longest_ms = played.longest_ms.max(answer.milliseconds);
        played.most_growth_kib = played.most_growth_kib.max(answer.growth_kib);
        check(case, allowed, &answer).map_err(|problem| format!("{problem} (number {time}): {answer:?}"))?;
        if time + 1 == case.times {
            let logins = if case.operation == Operation::Login { case.times } else { 0 };
            let record = server.finish(logins)?;
            if let Some(also) = case.also {
                also(&record, &answer).map_err(|problem| format!("{problem}: {answer:?}, {record:?}"))?;
            }
        }
    }
    // The process lives, and so does the provider, which needs no new settings.
    server.disarm();
    expect(host, &login(), "accepted").await.map_err(|problem| format!("a good login afterwards: {problem}"))
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
    for secret in [ALICE.password, BOB.password, SERVICE_PASSWORD] {
        if told.contains(secret) {
            return Err("a password was told".to_owned());
        }
    }
    Ok(())
}

async fn expect(host: &mut HostProcess, question: &Question, outcome: &str) -> Result<(), String> {
    let answer = host.ask(question, PATIENCE).await?;
    if answer.outcome == outcome { Ok(()) } else { Err(format!("{outcome} expected: {answer:?}")) }
}

pub(crate) fn settings(mut settings: Value, waits: bool) -> Value {
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
