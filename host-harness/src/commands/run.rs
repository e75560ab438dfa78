use std::future::pending;
use std::time::Duration;

use provider_api::Credentials;
use provider_api::host::SwapLimits;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::CommandError;
use super::session::Session;
use crate::exit::Exit;
use crate::output::Output;
use crate::server::{Command, Event, Message, Request, Server, lines_of_standard_input};

/// How many logins are answered at a time; with so many under way no further line is read.
const MOST_AT_ONCE: usize = 1_024;
/// How long logins that are under way may take when the program is told to stop.
const LAST_LOGINS: Duration = Duration::from_millis(1_500);
/// How long providers get to say goodbye then.
const GOODBYE: Duration = Duration::from_millis(300);

pub(super) async fn run(
    session: &Session,
    timeout: Duration,
    drain: Duration,
    output: &mut Output,
) -> Result<Exit, CommandError> {
    // First: whoever sends the signal to a program that starts wants it to reload, not to die.
    let mut hang_up = signal(SignalKind::hangup())?;
    let configuration = session.configuration().await?;
    let store = session.store(&configuration).await?;
    let limits = SwapLimits { drain, ..SwapLimits::default() };
    let starting = Server::new(session.file().to_owned(), configuration, store, limits, session.log);
    let server = session.unless_interrupted(starting).await?;
    for event in session.interrupt.unless(server.start()).await.ok_or(CommandError::Interrupted)? {
        output.object(&event)?;
    }
    output.object(&Event::Ready)?;
    output.flush()?;

    let mut lines = lines_of_standard_input()?;
    let (mut under_way, mut reading, mut number) = (JoinSet::new(), true, 0);
    // Tasks wait until what they have to say is written.
    let (say, mut said) = mpsc::channel(1);
    let stopped = session.interrupt.unless(pending::<()>());
    tokio::pin!(stopped);
    // Without a reader nobody can be told of anything.
    while (reading || !under_way.is_empty()) && !output.is_closed() {
        tokio::select! {
            biased;
            _ = &mut stopped => break,
            Some(message) = said.recv() => write(output, &message)?,
            Some(_) = under_way.join_next(), if !under_way.is_empty() => {}
            Some(()) = hang_up.recv() => {
                under_way.spawn(reload(server.clone(), say.clone()));
            }
            line = lines.recv(), if reading && under_way.len() < MOST_AT_ONCE => match line {
                None => reading = false,
                Some(line) => {
                    number += 1;
                    match request(line, number) {
                        Ok(Request::Login(login)) => {
                            let (server, say) = (server.clone(), say.clone());
                            under_way.spawn(async move {
                                let credentials = Credentials::new(login.name, login.password);
                                let answer = Box::new(server.login(&login.id, credentials, timeout).await);
                                let _ = say.send(Message::Answer { id: login.id, answer }).await;
                            });
                        }
                        Ok(Request::Command(line)) => match line.command {
                            Command::Status => write(output, &Message::Event(server.status()))?,
                            Command::Reload => {
                                under_way.spawn(reload(server.clone(), say.clone()));
                            }
                        },
                        Err(event) => write(output, &Message::Event(event))?,
                    }
                }
            },
        }
    }
    let finishing = finish(&mut under_way, &mut said, output);
    let finished = tokio::time::timeout(LAST_LOGINS, finishing).await;
    under_way.shutdown().await;
    server.shut_down(GOODBYE).await;
    // Whoever stops the program loses nothing, unless something had to be cut off.
    Ok(match finished {
        Ok(written) => written.map(|()| Exit::Done)?,
        Err(_) => Exit::Unavailable,
    })
}

/// Writes what the tasks under way have to say, until the last one has ended.
async fn finish(
    under_way: &mut JoinSet<()>,
    said: &mut mpsc::Receiver<Message>,
    output: &mut Output,
) -> Result<(), CommandError> {
    loop {
        tokio::select! {
            biased;
            Some(message) = said.recv() => write(output, &message)?,
            ended = under_way.join_next() => if ended.is_none() {
                return Ok(());
            },
        }
    }
}

async fn reload(server: Server, say: mpsc::Sender<Message>) {
    for event in server.reload().await {
        let _ = say.send(Message::Event(event)).await;
    }
}

fn write(output: &mut Output, message: &Message) -> Result<(), CommandError> {
    output.object(message)?;
    Ok(output.flush()?)
}

fn request(line: Option<Zeroizing<Vec<u8>>>, number: u64) -> Result<Request, Event> {
    let bad = |message: String| Event::BadLine { line: number, message };
    let line = line.ok_or_else(|| bad("the line is too long".to_owned()))?;
    serde_json::from_slice(&line).map_err(|error| bad(format!("the line is no login and no command: {error}")))
}
