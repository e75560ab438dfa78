//! The proofs that what must never be would be noticed: a process that ends badly, panics of the plugin, which the
//! process survives, and an attack that never takes place.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tests::hostile::host::{HostProcess, Question};
use tests::hostile::script::{Act, Script, Step};
use tests::hostile::transport::{Certificates, Transport};
use tests::plugin::built;

use crate::play::{self, login};
use crate::scenario::Scenario;

/// Far more than any of these takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// A question to no provider is one that the program ends at.
pub(crate) async fn bad_end(program: &Path) -> Result<(), String> {
    let mut host = HostProcess::start(program);
    let answer = host.ask(&login(), PATIENCE).await;
    if answer.is_ok() || host.finish().await.is_ok() { Err("nobody noticed".to_owned()) } else { Ok(()) }
}

/// The plugin's threads tell the host of their panics in log records, and the login is answered as if nothing had been.
pub(crate) async fn panic_on_a_thread(program: &Path) -> Result<(), String> {
    let mut host = faulty(program, &json!({ "authenticate": "panic_elsewhere" })).await?;
    notices_a_panic("the login", host.ask(&login(), PATIENCE).await)?;
    // What came before is not forgotten when the next question begins.
    notices_a_panic("the question after it", host.ask(&Question::Settle, PATIENCE).await)?;
    notices_a_panic("the end", host.finish().await)
}

/// This one comes after the last answer.
pub(crate) async fn panic_at_the_end(program: &Path) -> Result<(), String> {
    let mut host = faulty(program, &json!({ "drop": "panic" })).await?;
    host.ask(&login(), PATIENCE).await?;
    notices_a_panic("the end", host.finish().await)
}

/// A listing never comes to a user's bind, so that a lie there would prove nothing.
pub(crate) async fn lie_never_told(program: &Path, certificates: Arc<Certificates>) -> Result<(), String> {
    let lie = Script::at(Step::UserBind, |_| vec![Act::Reset]);
    let scenario = Scenario::new("lie_never_told", "nothing").list("a listing", lie, &["complete"]);
    match &play::scenario(&scenario, Transport::Plain, &certificates, program).await.failures[..] {
        [problem] if problem.contains("never asked") => Ok(()),
        failures => Err(format!("nobody noticed: {failures:?}")),
    }
}

/// Without a panic, the same plugin passes.
pub(crate) async fn no_panic(program: &Path) -> Result<(), String> {
    let mut host = faulty(program, &json!({})).await?;
    host.ask(&login(), PATIENCE).await?;
    host.finish().await
}

async fn faulty(program: &Path, at: &Value) -> Result<HostProcess, String> {
    let mut host = HostProcess::start_with(program, Some(&built("libfaulty.so")));
    host.ask(&Question::Configure(json!({ "at": at })), PATIENCE).await?;
    Ok(host)
}

fn notices_a_panic<T>(what: &str, result: Result<T, String>) -> Result<(), String> {
    match result {
        Ok(_) => Err(format!("{what} has noticed nothing")),
        Err(problem) if problem.contains("the plugin panicked") => Ok(()),
        Err(problem) => Err(format!("{what} has noticed something else: {problem}")),
    }
}
