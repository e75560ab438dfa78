//! The four kinds of answer, kept apart.

use std::collections::HashMap;

use super::bench::{Bench, NOBODY, WRONG_PASSWORD, brief};
use super::report::Problems;
use crate::{Decision, Fault, RejectReason, UserCode};

pub(super) async fn accepted(bench: &Bench<'_>) -> Result<(), Vec<String>> {
    let provider = bench.provider().await?;
    let again = bench.provider().await?;
    let mut problems = Problems::default();
    let mut subjects = HashMap::new();
    for known in &bench.subject.users {
        match (bench.subject_of(&provider, known).await, bench.subject_of(&again, known).await) {
            (Ok(first), Ok(second)) => {
                problems.expect(first == second, || format!("{} is {first} and then {second}", known.name));
                if let Some(other) = subjects.insert(first.clone(), &known.name) {
                    problems.add(format!("{other} and {} are both {first}", known.name));
                }
            }
            (Err(problem), _) | (_, Err(problem)) => problems.add(problem),
        }
    }
    problems.result()
}

pub(super) async fn rejected(bench: &Bench<'_>) -> Result<(), Vec<String>> {
    let provider = bench.provider().await?;
    let mut problems = Problems::default();
    let mut rejection = async |name: &str, password: &str, reason: RejectReason, what: &str| match bench
        .login(&provider, name, password)
        .await
    {
        Ok(Decision::Rejected(rejection)) if rejection.reason == reason => {
            problems.expect(rejection.user_code == UserCode::INVALID_CREDENTIALS, || {
                format!("{what} tells a stranger {}", rejection.user_code)
            });
        }
        other => problems.add(format!("{what} is not rejected as {reason}: {}", brief(&other))),
    };
    for known in &bench.subject.users {
        rejection(&known.name, WRONG_PASSWORD, RejectReason::INVALID_CREDENTIALS, "a wrong password").await;
    }
    rejection(NOBODY, WRONG_PASSWORD, RejectReason::UNKNOWN_USER, "an unknown name").await;
    // One person's password is no other's.
    if let [one, other, ..] = bench.subject.users.as_slice() {
        rejection(&one.name, &other.password, RejectReason::INVALID_CREDENTIALS, "somebody else's password").await;
    }
    problems.result()
}

pub(super) async fn disabled(bench: &Bench<'_>) -> Result<(), Vec<String>> {
    let provider = bench.provider().await?;
    let mut problems = Problems::default();
    for known in &bench.subject.disabled {
        match bench.login(&provider, &known.name, &known.password).await {
            Ok(Decision::Rejected(_)) => {}
            other => problems.add(format!("{}, who is disabled, is not rejected: {}", known.name, brief(&other))),
        }
        match bench.login(&provider, &known.name, WRONG_PASSWORD).await {
            Ok(Decision::Rejected(rejection)) if rejection.user_code == UserCode::INVALID_CREDENTIALS => {}
            other => problems.add(format!(
                "whoever guesses at {}, who is disabled, learns of it: {}",
                known.name,
                brief(&other)
            )),
        }
    }
    problems.result()
}

pub(super) async fn unreachable(bench: &Bench<'_>) -> Result<(), Vec<String>> {
    let Some(settings) = &bench.subject.unreachable else { return Ok(()) };
    let provider = match bench.configure(settings).await {
        Ok(provider) => provider,
        Err(fault) => {
            return Err(vec![format!(
                "the unreachable settings do not even configure, which needs no network: {fault}"
            )]);
        }
    };
    let mut problems = Problems::default();
    for known in &bench.subject.users {
        match bench.login(&provider, &known.name, &known.password).await {
            Err(Fault::Unavailable { .. }) => {}
            other => problems.add(format!("nobody can tell who {} is, and it says: {}", known.name, brief(&other))),
        }
    }
    problems.result()
}
