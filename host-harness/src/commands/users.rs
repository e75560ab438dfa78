use std::io::IsTerminal as _;
use std::path::PathBuf;

use provider_api::{Fault, Secret, one_line};
use serde::Serialize;

use super::CommandError;
use super::session::Session;
use crate::administration::{self, Account, Called, ChangeError};
use crate::cli::UsersCommand;
use crate::exit::Exit;
use crate::local_accounts::{self, AddError, NewLocalAccount};
use crate::output::{Output, OutputFormat, Table};
use crate::password_source::{self, PasswordError, PasswordSource};
use crate::store::{Link, Origin, Status, User, UserId};

/// What the command line says of the account to be added.
struct Asked {
    name: String,
    password_file: Option<PathBuf>,
    display_name: Option<String>,
    email: Option<String>,
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

/// Does what the command line asks.
pub(super) async fn run(
    session: &Session,
    command: Option<UsersCommand>,
    output: &mut Output,
) -> Result<Exit, CommandError> {
    match command {
        None => list(session, output).await,
        Some(UsersCommand::Add { name, password_file, display_name, email }) => {
            add(session, Asked { name, password_file, display_name, email }, output).await
        }
        Some(UsersCommand::Disable { number }) => set_status(session, number, Status::Disabled, output).await,
        Some(UsersCommand::Enable { number }) => set_status(session, number, Status::Active, output).await,
        Some(UsersCommand::Rename { number, name }) => rename(session, number, &name, output).await,
        Some(UsersCommand::Password { account, password_file }) => {
            set_password(session, Called::new(&account), password_file, output).await
        }
    }
}

/// Shows the accounts, one object a line or as a table.
async fn list(session: &Session, output: &mut Output) -> Result<Exit, CommandError> {
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
                output.object(&account_json(user, links))?;
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
async fn add(session: &Session, asked: Asked, output: &mut Output) -> Result<Exit, CommandError> {
    let store = session.store(&session.configuration().await?).await?;
    let password = password(session, asked.password_file).await?;
    let account = NewLocalAccount { name: asked.name, password, display_name: asked.display_name, email: asked.email };
    let user = session.unless_interrupted(local_accounts::add(&store, account)).await?;
    let told = format!("added the local account {} (number {})", one_line(&user.name), user.id);
    show(output, &(user, Vec::new()), &told)
}

/// Says whether an account may log in.
async fn set_status(session: &Session, number: i64, status: Status, output: &mut Output) -> Result<Exit, CommandError> {
    let store = session.store(&session.configuration().await?).await?;
    let changing = administration::set_status(&store, UserId(number), status);
    let account = session.unless_interrupted(changing).await?;
    let told = format!("account {number} ({}) is {}", one_line(&account.0.name), status_word(status));
    show(output, &account, &told)
}

/// Calls an account otherwise.
async fn rename(session: &Session, number: i64, name: &str, output: &mut Output) -> Result<Exit, CommandError> {
    let store = session.store(&session.configuration().await?).await?;
    let account = session.unless_interrupted(administration::rename(&store, UserId(number), name)).await?;
    let until = match account.0.origin {
        Origin::Local => "",
        Origin::Directory => {
            " until its person logs in and the directory says what they are called; if somebody else has that name by \
             then, they may be refused as name_taken"
        }
    };
    let told = format!("account {number} is called {}{until}", one_line(&account.0.name));
    show(output, &account, &told)
}

/// Replaces the password of a local account.
async fn set_password(
    session: &Session,
    called: Called,
    file: Option<PathBuf>,
    output: &mut Output,
) -> Result<Exit, CommandError> {
    let store = session.store(&session.configuration().await?).await?;
    // First, so that nobody types a password for an account that cannot have one.
    let user = session.unless_interrupted(administration::local(&store, called)).await?;
    let password = password(session, file).await?;
    let user = session.unless_interrupted(administration::set_password(&store, &user, password)).await?;
    let told = format!("the local account {} (number {}) has a new password", one_line(&user.name), user.id);
    show(output, &(user, Vec::new()), &told)
}

/// Shows what an account is like now: as an object, or in a sentence.
fn show(output: &mut Output, (user, links): &Account, sentence: &str) -> Result<Exit, CommandError> {
    match output.format() {
        OutputFormat::Json => output.object(&account_json(user, links))?,
        OutputFormat::Text => output.text(sentence)?,
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

impl From<ChangeError> for CommandError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Store(error) => Self::Store(error),
            ChangeError::Hash(_) => Self::Fault(Fault::internal(error.to_string())),
            refused => Self::Refused(refused.to_string()),
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

fn table(accounts: &[Account]) -> Table {
    let mut table = Table::new(["NUMBER", "NAME", "SHOWN AS", "MAIL", "STATUS", "ORIGIN"]);
    for (user, links) in accounts {
        let origins: Vec<&str> = links.iter().map(|link| link.instance.as_str()).collect();
        table.row([
            &user.id.to_string(),
            &user.name,
            user.display_name.as_deref().unwrap_or("-"),
            user.email.as_deref().unwrap_or("-"),
            status_word(user.status),
            &if origins.is_empty() { "local".to_owned() } else { format!("directory {}", origins.join(", ")) },
        ]);
    }
    table
}

fn status_word(status: Status) -> &'static str {
    match status {
        Status::Active => "active",
        Status::Disabled => "disabled",
    }
}

fn account_json<'a>(user: &'a User, links: &'a [Link]) -> AccountJson<'a> {
    AccountJson { user, links: links.iter().map(link).collect() }
}

fn link(link: &Link) -> LinkJson<'_> {
    LinkJson {
        provider: &link.instance,
        subject: &link.subject,
        subject_attribute: &link.subject_attribute,
        login: &link.login,
    }
}
