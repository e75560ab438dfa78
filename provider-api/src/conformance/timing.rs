//! Deadlines, cancelled calls, many calls at a time.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::bench::{Bench, NOBODY, WRONG_PASSWORD, brief};
use super::report::Problems;
use crate::{Credentials, Decision, ListRequest, Secret};

/// How much later than its deadline a call may come back.
const LATE: Duration = Duration::from_secs(1);
/// How long the host waits before it takes a thread for lost, and some more.
const LOST: Duration = Duration::from_millis(1_500);
/// How many calls are dropped before their end.
const DROPPED: usize = 40;
/// How many calls are made at a time.
const AT_A_TIME: usize = 32;
/// How long a login may take after others were dropped.
const UNDISTURBED: Duration = Duration::from_secs(10);

pub(super) async fn deadlines(bench: &Bench<'_>) -> Result<(), Vec<String>> {
    let provider = bench.provider().await?;
    let mut problems = Problems::default();
    let Some(known) = bench.subject.users.first() else { return Ok(()) };
    for millis in [0, 1, 5, 20, 50] {
        let limit = Duration::from_millis(millis);
        let begun = Instant::now();
        let answer = bench.login_within(&provider, limit, &known.name, WRONG_PASSWORD).await;
        let late = begun.elapsed() > limit + LATE;
        problems.expect(!late, || format!("a login with {limit:?} took {:?}", begun.elapsed()));
        if let Ok(Decision::Accepted(_)) = answer {
            problems.add("a wrong password is accepted when time is short");
        }
        let _ = provider.validate(&super::bench::context(limit)).await;
        let mut listing = provider.list_users(&super::bench::context(limit), &ListRequest::everybody());
        while let Ok(Some(_)) = listing.next_page().await {}
    }
    tokio::time::sleep(LOST).await;
    let lost = provider.counters().lost_threads_total;
    problems
        .expect(lost == 0, || format!("{lost} calls kept a thread beyond their deadline: something in them blocks"));
    if let Err(problem) = bench.subject_of(&provider, known).await {
        problems.add(problem);
    }
    problems.result()
}

pub(super) async fn cancellation(bench: &Bench<'_>) -> Result<(), Vec<String>> {
    let provider = bench.provider().await?;
    let mut problems = Problems::default();
    let Some(known) = bench.subject.users.first() else { return Ok(()) };
    for number in 0..DROPPED {
        // Dropped ever later: somewhere in the middle of what a login does.
        let moment = Duration::from_micros(200 * number as u64);
        let call = bench.login(&provider, &known.name, WRONG_PASSWORD);
        let _ = tokio::time::timeout(moment, call).await;
        let mut listing = provider.list_users(&super::bench::patient(), &ListRequest::everybody());
        if tokio::time::timeout(moment, listing.next_page()).await.is_err()
            && let Ok(None) = listing.next_page().await
        {
            problems.add("a listing whose page was dropped looks complete");
        }
    }
    let begun = Instant::now();
    match bench.login_within(&provider, UNDISTURBED, &known.name, &known.password).await {
        Ok(Decision::Accepted(_)) => {}
        other => problems.add(format!(
            "after {DROPPED} dropped calls a login ends after {:?} with: {}",
            begun.elapsed(),
            brief(&other)
        )),
    }
    problems.result()
}

pub(super) async fn concurrency(bench: &Bench<'_>) -> Result<(), Vec<String>> {
    let provider = bench.provider().await?;
    let mut problems = Problems::default();
    let mut subjects = Vec::new();
    for known in &bench.subject.users {
        match bench.subject_of(&provider, known).await {
            Ok(subject) => subjects.push((known, subject)),
            Err(problem) => return Err(vec![problem]),
        }
    }
    let mut calls = JoinSet::new();
    for number in 0..AT_A_TIME {
        let Some((known, subject)) = subjects.get(number % subjects.len()) else { continue };
        // Everybody with the right password, everybody with a wrong one, and nobody.
        let (name, password, wanted) = match number / subjects.len() % 3 {
            0 => (known.name.as_str(), known.password.as_str(), Some(subject.clone())),
            1 => (known.name.as_str(), WRONG_PASSWORD, None),
            _ => (NOBODY, known.password.as_str(), None),
        };
        let (provider, typed) = (provider.clone(), Credentials::new(name, Secret::new(password)));
        calls.spawn(async move { (wanted, provider.authenticate(&super::bench::patient(), &typed).await) });
    }
    for (wanted, answer) in ended(calls, &mut problems).await {
        bench.hear(&answer);
        let right = match (&wanted, &answer) {
            (Some(subject), Ok(Decision::Accepted(accepted))) => accepted.identity.subject == *subject,
            (None, Ok(Decision::Rejected(_))) => true,
            _ => false,
        };
        problems.expect(right, || {
            let wanted = wanted.as_ref().map_or("a rejection".to_owned(), |subject| format!("accepted as {subject}"));
            format!("with {AT_A_TIME} logins at a time, {wanted} was due and came: {}", brief(&answer))
        });
    }
    problems.result()
}

/// What came of all calls. One that ended in a panic was made and got no answer.
async fn ended<T: 'static>(mut calls: JoinSet<T>, problems: &mut Problems) -> Vec<T> {
    let mut answers = Vec::new();
    while let Some(call) = calls.join_next().await {
        match call {
            Ok(answer) => answers.push(answer),
            Err(error) => {
                problems.add(format!("with {AT_A_TIME} logins at a time, a call ended without an answer: {error}"));
            }
        }
    }
    answers
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::{Problems, ended};

    #[tokio::test]
    async fn a_call_that_panics_is_a_problem_and_not_passed_over() {
        let mut calls = JoinSet::new();
        calls.spawn(async { 7 });
        calls.spawn(async { panic!("as planned") });
        let mut problems = Problems::default();
        assert_eq!(ended(calls, &mut problems).await, [7]);
        let said = problems.result().expect_err("one has panicked");
        assert!(said.len() == 1 && said[0].contains("ended without an answer"), "{said:?}");
    }
}
