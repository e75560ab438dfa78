//! The commands: each reads what it needs, uses the library, and writes results.

mod error;
mod inspect;
mod list_users;
mod login;
mod run;
mod session;
mod users;
mod validate;

use std::io::{self, Write as _};

pub use error::CommandError;

use crate::cli::{Cli, Command};
use crate::demo::{self, DemoOptions};
use crate::exit::Exit;
use crate::interrupt::{GRACE, GRACE_OF_A_SERVER};
use crate::output::Output;
use session::Session;

/// Does what the command line says, writes results to `output`, and tells how it ended.
///
/// # Errors
///
/// What kept the command from giving an answer at all.
pub async fn run(cli: Cli, output: &mut Output) -> Result<Exit, CommandError> {
    let grace = if matches!(cli.command, Command::Run { .. }) { GRACE_OF_A_SERVER } else { GRACE };
    let session = Session::new(cli.config, cli.log.into(), cli.metrics, grace)?;
    let exit = match cli.command {
        Command::Inspect { plugin } => inspect::run(&session, &plugin, output).await,
        Command::Validate { provider, timeout } => validate::run(&session, provider.as_deref(), timeout, output).await,
        Command::Login { provider, password, timeout, name } => {
            login::run(&session, provider.as_deref(), password.source(), timeout, name, output).await
        }
        Command::ListUsers { provider, limit, timeout } => {
            list_users::run(&session, provider.as_deref(), limit, timeout, output).await
        }
        Command::Run { timeout, drain } => run::run(&session, timeout, drain, output).await,
        Command::Users { command } => users::run(&session, command, output).await,
        Command::Demo => demo(&session, output).await,
    }?;
    output.flush()?;
    Ok(exit)
}

/// Plays the demo, which tells of itself on standard output.
async fn demo(session: &Session, output: &Output) -> Result<Exit, CommandError> {
    let options = DemoOptions { plugin_folder: None, format: output.format(), log: session.log };
    session.unless_interrupted(Box::pin(demo::run(options))).await?;
    Ok(Exit::Done)
}

/// Tells lines, which are printable, on standard error.
fn tell_lines(lines: &str) {
    let _ = io::stderr().lock().write_all(lines.as_bytes());
}

/// Tells the person at the terminal, in one printable line on standard error.
pub fn tell(message: &str) {
    // Nobody can be told that standard error cannot be written.
    let _ = writeln!(io::stderr().lock(), "host-harness: {}", provider_api::one_line(message));
}
