use std::io::IsTerminal as _;
use std::time::Duration;

use provider_api::{Credentials, Fault, RejectReason, Rejection, RequestContext, Secret, UnavailableReason};

use super::CommandError;
use super::session::{Session, context, goodbye};
use crate::config::Configuration;
use crate::exit::Exit;
use crate::input;
use crate::login::{Host, LoginAnswer};
use crate::output::{self, Output, OutputFormat};
use crate::password_source::{PasswordError, PasswordSource};
use crate::provision;

pub(super) async fn run(
    session: &Session,
    chosen: Option<&str>,
    source: PasswordSource,
    timeout: Duration,
    name: String,
    output: &mut Output,
) -> Result<Exit, CommandError> {
    let configuration = session.configuration()?;
    let answer = match password(session, source).await {
        Ok(password) => {
            // The time that a person takes to type does not count.
            let asked = ask(session, &configuration, chosen, context(timeout), Credentials::new(name, password));
            match session.interrupt.unless(asked).await {
                Some(answer) => answer?,
                None => cancelled(),
            }
        }
        Err(PasswordError::NotUtf8) => LoginAnswer::rejected(None, input::not_utf8()),
        Err(error @ PasswordError::TooLong) => {
            LoginAnswer::rejected(None, Rejection::new(RejectReason::INPUT_REFUSED, error.to_string()))
        }
        Err(PasswordError::Interrupted) => cancelled(),
        Err(error) => return Err(error.into()),
    };
    match output.format() {
        OutputFormat::Text => output.text(&output::login(&answer))?,
        OutputFormat::Json => output.object(&answer)?,
    }
    Ok(answer.exit())
}

async fn ask(
    session: &Session,
    configuration: &Configuration,
    chosen: Option<&str>,
    context: RequestContext,
    credentials: Credentials,
) -> Result<LoginAnswer, CommandError> {
    let store = match session.store(configuration).await {
        // A store that is busy or damaged is an answer; one that is named wrongly is a mistake in the file.
        Err(CommandError::Store(error)) if error.is_failure() => {
            return Ok(LoginAnswer::fault(None, &provision::store_fault(&error)));
        }
        other => other?,
    };
    let handles = session.providers(configuration, chosen).await?;
    let answer = Host::new(store, handles.clone()).login(&context, credentials).await;
    goodbye(&handles).await;
    Ok(answer)
}

fn cancelled() -> LoginAnswer {
    LoginAnswer::fault(None, &Fault::unavailable(UnavailableReason::CANCELLED, "the login was cancelled"))
}

async fn password(session: &Session, source: PasswordSource) -> Result<Secret, PasswordError> {
    if source == PasswordSource::Prompt {
        if !std::io::stdin().is_terminal() {
            return Err(PasswordError::NoTerminal("--password-file FILE, --password-env VAR or --password-stdin"));
        }
        // Left to its end, also by Ctrl-C, which it sees itself: it must give the terminal its echo back.
        return blocking(move || source.read()).await;
    }
    session.interrupt.unless(blocking(move || source.read())).await.unwrap_or(Err(PasswordError::Interrupted))
}

/// Reading a password waits for a person or another program.
pub(super) async fn blocking(
    read: impl FnOnce() -> Result<Secret, PasswordError> + Send + 'static,
) -> Result<Secret, PasswordError> {
    match tokio::task::spawn_blocking(read).await {
        Ok(password) => password,
        Err(_) => Err(PasswordError::Read("the reading ended early".to_owned())),
    }
}
