use std::io::IsTerminal as _;
use std::path::PathBuf;

use provider_api::{Fault, Secret};
use serde::Serialize;

use super::CommandError;
use super::session::Session;
use crate::exit::Exit;
use crate::local_accounts::{self, AddError, NewLocalAccount};
use crate::output::{Output, OutputFormat, Table};
use crate::password_source::{self, PasswordError, PasswordSource};
use crate::store::{Link, Status, User};

/// What the command line says of the account to be added.
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) password_file: Option<PathBuf>,
    pub(super) display_name: Option<String>,
    pub(super) email: Option<String>,
}

/// An account with its links, as scripts see it.
#[derive(Serialize)]
struct AccountJson<'a> {
    #[serde(flatten)]
    user: &'a User,
    links: Vec<LinkJson<'a>>,
}

#[derive(Serialize)]
struct LinkJson<'a> {
    provider: &'a str,
    subject: &'a str,
    subject_attribute: &'a str,
    login: &'a str,
}

/// Shows the accounts, one object a line or as a table.
pub(super) async fn list(session: &Session, output: &mut Output) -> Result<Exit, CommandError> {
    let store = session.store(&session.configuration().await?).await?;
    let reading = store.read(|records| {
        let mut accounts = Vec::new();
        records.each_user(&mut |user, links| {
            accounts.push((user, links));
            true
        })?;
        Ok(accounts)
    });
    let accounts = session.unless_interrupted(reading).await?;
    match output.format() {
        OutputFormat::Json => {
            for (user, links) in &accounts {
                output.object(&AccountJson { user, links: links.iter().map(link).collect() })?;
            }
        }
        OutputFormat::Text if accounts.is_empty() => {
            output.text(
                "no accounts yet: `host-harness login NAME` creates one at a first login, \
                 `host-harness users add NAME` a local one",
            )?;
        }
        OutputFormat::Text => output.text(&table(&accounts).render(0))?,
    }
    Ok(Exit::Done)
}

/// Adds a local account.
pub(super) async fn add(session: &Session, asked: Asked, output: &mut Output) -> Result<Exit, CommandError> {
    let store = session.store(&session.configuration().await?).await?;
    let password = password(session, asked.password_file).await?;
    let account = NewLocalAccount { name: asked.name, password, display_name: asked.display_name, email: asked.email };
    let user = session.unless_interrupted(local_accounts::add(&store, account)).await?;
    match output.format() {
        OutputFormat::Json => output.object(&AccountJson { user: &user, links: Vec::new() })?,
        OutputFormat::Text => {
            let name = provider_api::one_line(&user.name);
            output.text(&format!("added the local account {name} (number {})", user.id))?;
        }
    }
    Ok(Exit::Done)
}

impl From<AddError> for CommandError {
    fn from(error: AddError) -> Self {
        match error {
            AddError::Store(error) => Self::Store(error),
            AddError::Hash(_) => Self::Fault(Fault::internal(error.to_string())),
            AddError::Input(_) | AddError::Taken { .. } => Self::Refused(error.to_string()),
        }
    }
}

async fn password(session: &Session, file: Option<PathBuf>) -> Result<Secret, CommandError> {
    match file {
        Some(file) => session.password(move || PasswordSource::File(file).read()).await,
        None if std::io::stdin().is_terminal() => session.prompt(password_source::prompt_twice).await,
        None => Err(PasswordError::NoTerminal("--password-file FILE").into()),
    }
}

fn table(accounts: &[(User, Vec<Link>)]) -> Table {
    let mut table = Table::new(["NUMBER", "NAME", "SHOWN AS", "MAIL", "STATUS", "ORIGIN"]);
    for (user, links) in accounts {
        let origins: Vec<&str> = links.iter().map(|link| link.instance.as_str()).collect();
        table.row([
            &user.id.to_string(),
            &user.name,
            user.display_name.as_deref().unwrap_or("-"),
            user.email.as_deref().unwrap_or("-"),
            match user.status {
                Status::Active => "active",
                Status::Disabled => "disabled",
            },
            &if origins.is_empty() { "local".to_owned() } else { format!("directory {}", origins.join(", ")) },
        ]);
    }
    table
}

fn link(link: &Link) -> LinkJson<'_> {
    LinkJson {
        provider: &link.instance,
        subject: &link.subject,
        subject_attribute: &link.subject_attribute,
        login: &link.login,
    }
}
