//! The end of a provider.

use std::time::{Duration, Instant};

use super::bench::{Bench, brief};
use super::report::Problems;
use crate::Fault;

/// How long an idle provider may take to shut down.
const AT_ONCE: Duration = Duration::from_secs(2);

pub(super) async fn shutdown(bench: &Bench<'_>) -> Result<(), Vec<String>> {
    let (provider, other) = (bench.provider().await?, bench.provider().await?);
    let mut problems = Problems::default();
    let Some(known) = bench.subject.users.first() else { return Ok(()) };
    if let Err(problem) = bench.subject_of(&provider, known).await {
        problems.add(problem);
    }
    let begun = Instant::now();
    match provider.shutdown(Duration::from_secs(10)).await {
        Ok(0) => {}
        Ok(cut_off) => problems.add(format!("{cut_off} calls are cut off, and none was in flight")),
        Err(fault) => problems.add(format!("it does not shut down: {fault}")),
    }
    problems.expect(begun.elapsed() < AT_ONCE, || format!("an idle provider needs {:?} to end", begun.elapsed()));
    match bench.login(&provider, &known.name, &known.password).await {
        Err(Fault::Unavailable { .. }) => {}
        answer => problems.add(format!("it still answers after its shutdown: {}", brief(&answer))),
    }
    if let Err(problem) = bench.subject_of(&other, known).await {
        problems.add(format!("the end of one provider is that of another: {problem}"));
    }
    problems.result()
}
