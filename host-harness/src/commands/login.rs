use std::io::IsTerminal as _;
use std::time::Duration;

use provider_api::{Credentials, Fault, RejectReason, Rejection, Secret, UnavailableReason};

use super::CommandError;
use super::session::{Session, context};
use crate::exit::Exit;
use crate::login::{Host, LoginAnswer};
use crate::output::{self, Output, OutputFormat};
use crate::password_source::{PasswordError, PasswordSource, not_utf8};
use crate::provision;

pub(super) async fn run(
    session: &Session,
    chosen: Option<&str>,
    source: PasswordSource,
    timeout: Duration,
    name: String,
    output: &mut Output,
) -> Result<Exit, CommandError> {
    let answer = match answer(session, chosen, source, timeout, name).await {
        Err(CommandError::Interrupted) => cancelled(),
        other => other?,
    };
    match output.format() {
        OutputFormat::Text => output.text(&output::login(&answer))?,
        OutputFormat::Json => output.object(&answer)?,
    }
    Ok(answer.exit())
}

async fn answer(
    session: &Session,
    chosen: Option<&str>,
    source: PasswordSource,
    timeout: Duration,
    name: String,
) -> Result<LoginAnswer, CommandError> {
    let configuration = session.configuration().await?;
    // First, so that nobody types a password for a provider that there is not.
    let handles = session.providers(&configuration, chosen).await?;
    let password = match password(session, source).await {
        Err(CommandError::Password(PasswordError::NotUtf8)) => {
            return Ok(LoginAnswer::rejected(None, not_utf8()));
        }
        Err(CommandError::Password(error @ PasswordError::TooLong)) => {
            return Ok(LoginAnswer::rejected(None, Rejection::new(RejectReason::INPUT_REFUSED, error.to_string())));
        }
        other => other?,
    };
    // The time that a person takes to type does not count.
    let context = context(timeout);
    let store = match session.store(&configuration).await {
        // A store that is busy or damaged is an answer; one that is named wrongly is a mistake in the file.
        Err(CommandError::Store(error)) if error.is_failure() => {
            return Ok(LoginAnswer::fault(None, &provision::store_fault(&error)));
        }
        other => other?,
    };
    let host = Host::new(store, handles.clone()).logging_to(session.log);
    let asked = session.interrupt.unless(host.login(&context, Credentials::new(name, password))).await;
    session.goodbye(&handles).await;
    asked.ok_or(CommandError::Interrupted)
}

fn cancelled() -> LoginAnswer {
    LoginAnswer::fault(None, &Fault::unavailable(UnavailableReason::CANCELLED, "the login was cancelled"))
}

async fn password(session: &Session, source: PasswordSource) -> Result<Secret, CommandError> {
    if source != PasswordSource::Prompt {
        return session.password(move || source.read()).await;
    }
    if !std::io::stdin().is_terminal() {
        let others = "--password-file FILE, --password-env VAR or --password-stdin";
        return Err(PasswordError::NoTerminal(others).into());
    }
    session.prompt(move || source.read()).await
}
