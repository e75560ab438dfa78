use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use provider_api::host::SwapLimits;
use provider_api::{Credentials, Fault, UnavailableReason};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::session::Session;
use super::{CommandError, tell, tell_lines};
use crate::exit::Exit;
use crate::interrupt::GRACE_OF_A_SERVER;
use crate::login::LoginAnswer;
use crate::output::Output;
use crate::server::{Command, Event, Lines, Message, Request, Server, lines_of_standard_input};

/// How many logins are answered at a time; with so many under way no further line is read.
const MOST_AT_ONCE: usize = 1_024;
/// How long logins that are under way may take when the program is told to stop.
const LAST_LOGINS: Duration = Duration::from_millis(1_500);
/// How long providers get to say goodbye then.
const GOODBYE: Duration = Duration::from_millis(300);
/// How long they may take after that to answer the calls that they end.
const CUTTING_OFF: Duration = Duration::from_millis(300);
/// How long the answers of logins that were cut off may take to be written.
const LAST_ANSWERS: Duration = Duration::from_millis(200);
/// How long providers get to tell what they have counted when the program ends.
const LAST_METRICS: Duration = Duration::from_millis(300);
/// The same before that.
const METRICS: Duration = Duration::from_secs(2);

// A machine that is slow then must not have the program killed before it has told what it cut off.
const _: () = assert!(
    2 * (LAST_LOGINS.as_millis()
        + LAST_METRICS.as_millis()
        + GOODBYE.as_millis()
        + CUTTING_OFF.as_millis()
        + LAST_ANSWERS.as_millis())
        < GRACE_OF_A_SERVER.as_millis(),
    "the steps of the ending leave room"
);

pub(super) async fn run(
    session: &Session,
    timeout: Duration,
    drain: Duration,
    output: &mut Output,
) -> Result<Exit, CommandError> {
    // First: whoever sends the signal to a program that starts wants it to reload, not to die.
    let mut hang_up = signal(SignalKind::hangup())?;
    let limits = SwapLimits { drain, ..SwapLimits::default() };
    let server = session.unless_interrupted(Server::open(session.file(), limits, session.log)).await?;
    for event in session.interrupt.unless(server.start()).await.ok_or(CommandError::Interrupted)? {
        output.object(&event)?;
    }
    output.object(&Event::Ready)?;
    output.flush()?;

    let mut lines = lines_of_standard_input().map_err(CommandError::Input)?;
    let (mut under_way, mut reading, mut number) = (JoinSet::new(), true, 0);
    let mut unreadable = None;
    // However many reloads are asked for while one runs, they are one: each reads what the file says by then.
    let (mut reloading, mut reload_wanted) = (None::<AbortHandle>, false);
    // Tasks wait until what they have to say is written.
    let (say, mut said) = mpsc::channel(1);
    // Cancelled when the providers have ended: what is under way then is answered without them.
    let over = CancellationToken::new();
    let stopped = session.interrupt.unless(pending::<()>());
    tokio::pin!(stopped);
    // Without a reader nobody can be told of anything.
    while (reading || !under_way.is_empty() || reload_wanted) && !output.is_closed() {
        if reload_wanted && reloading.as_ref().is_none_or(AbortHandle::is_finished) {
            reload_wanted = false;
            reloading = Some(under_way.spawn(reload(server.clone(), say.clone())));
        }
        tokio::select! {
            biased;
            _ = &mut stopped => break,
            Some(message) = said.recv() => write(output, &message)?,
            Some(_) = under_way.join_next(), if !under_way.is_empty() => {}
            Some(()) = hang_up.recv() => reload_wanted = true,
            line = lines.recv(), if reading && under_way.len() < MOST_AT_ONCE => match line {
                None => reading = false,
                Some(Err(error)) => (reading, unreadable) = (false, Some(error)),
                Some(Ok(line)) => {
                    number += 1;
                    match Request::read(&line, number) {
                        Ok(Request::Login(login)) => {
                            let (server, say, over) = (server.clone(), say.clone(), over.clone());
                            under_way.spawn(async move {
                                let credentials = Credentials::new(login.name, login.password);
                                let answer = unless_it_panics(server.login(&login.id, credentials, timeout));
                                // A provider that is being loaded, say, or a store that others hold.
                                let cut_off = || LoginAnswer::fault(None, &host_ends());
                                let answer = over.run_until_cancelled(answer).await.unwrap_or_else(cut_off);
                                let answer = Box::new(answer);
                                let _ = say.send(Message::Answer { id: login.id, answer }).await;
                            });
                        }
                        Ok(Request::Command(line)) => match line.command {
                            Command::Status => write(output, &Message::Event(server.status()))?,
                            Command::Reload => reload_wanted = true,
                            Command::Metrics => {
                                under_way.spawn(metrics(server.clone(), say.clone()));
                            }
                        },
                        Err(event) => write(output, &Message::Event(event))?,
                    }
                }
            },
        }
    }
    let turned_away = if output.is_closed() { 0 } else { turn_away(&mut lines, number, output)? };
    let ended = end(session, &server, &mut under_way, &mut said, &over, output).await;
    under_way.shutdown().await;
    if output.is_closed() {
        return Err(CommandError::NoReader);
    }
    // Whoever stops the program loses nothing, unless something had to be cut off.
    match (ended?, unreadable) {
        (Ending::CutOff, _) => Ok(Exit::Unavailable),
        (Ending::Done, Some(error)) => Err(CommandError::Input(error)),
        (Ending::Done, None) => Ok(if turned_away == 0 { Exit::Done } else { Exit::Unavailable }),
    }
}

/// How what was under way came to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Done,
    /// Some of it by being cut off.
    CutOff,
}

/// Lets what is under way come to its end, ends the providers, and writes what is said of what that cuts off.
async fn end(
    session: &Session,
    server: &Server,
    under_way: &mut JoinSet<()>,
    said: &mut mpsc::Receiver<Message>,
    over: &CancellationToken,
    output: &mut Output,
) -> Result<Ending, CommandError> {
    let mut finishing = pin!(finish(under_way, said, output));
    let in_time = tokio::time::timeout(LAST_LOGINS, &mut finishing).await;
    if session.shows_metrics {
        server.metrics(LAST_METRICS).await.iter().for_each(show);
    }
    let shutting_down = async {
        // The providers answer the calls that they end. Nobody waits for one that blocks.
        let _ = tokio::time::timeout(GOODBYE + CUTTING_OFF, server.shut_down(GOODBYE)).await;
        over.cancel();
    };
    if let Ok(written) = in_time {
        shutting_down.await;
        return written.map(|()| Ending::Done);
    }
    let last_answers = async {
        over.cancelled().await;
        tokio::time::sleep(LAST_ANSWERS).await;
    };
    // Meanwhile the answers are written: each waits for the one before it.
    let ((), written) = tokio::join!(shutting_down, async {
        tokio::select! {
            biased;
            written = finishing => written,
            () = last_answers => Ok(()),
        }
    });
    written.map(|()| Ending::CutOff)
}

/// The answer of a login; a login that panics has one too.
async fn unless_it_panics(login: impl Future<Output = LoginAnswer>) -> LoginAnswer {
    let fault = |_| LoginAnswer::fault(None, &Fault::internal("the login panicked"));
    AssertUnwindSafe(login).catch_unwind().await.unwrap_or_else(fault)
}

fn host_ends() -> Fault {
    Fault::unavailable(UnavailableReason::SHUTTING_DOWN, "the host ends")
}

/// Answers the lines that were read when the program was told to stop, and that nobody has begun with. How many there
/// are; the thread that reads may hold another then.
fn turn_away(lines: &mut Lines, mut number: u64, output: &mut Output) -> Result<usize, CommandError> {
    lines.close();
    let mut count = 0;
    while let Ok(line) = lines.try_recv() {
        let Ok(line) = line else { break };
        (number, count) = (number + 1, count + 1);
        match Request::read(&line, number) {
            Ok(Request::Login(login)) => {
                let answer = Box::new(LoginAnswer::fault(None, &host_ends()));
                write(output, &Message::Answer { id: login.id, answer })?;
            }
            // What it asks for is over.
            Ok(Request::Command(_)) => {}
            Err(event) => write(output, &Message::Event(event))?,
        }
    }
    Ok(count)
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
    let panicked = |_| {
        vec![Event::Reloaded { complete: false, message: Some("the reload panicked: a defect of the host".to_owned()) }]
    };
    for event in AssertUnwindSafe(server.reload()).catch_unwind().await.unwrap_or_else(panicked) {
        let _ = say.send(Message::Event(event)).await;
    }
}

async fn metrics(server: Server, say: mpsc::Sender<Message>) {
    for event in server.metrics(METRICS).await {
        let _ = say.send(Message::Event(event)).await;
    }
}

/// Shows on standard error what a provider has counted.
fn show(event: &Event) {
    match event {
        Event::Metrics { text: Some(text), .. } => tell_lines(text),
        Event::Metrics { provider, message: Some(message), .. } => {
            tell(&format!("no metrics of {provider}: {message}"));
        }
        _ => {}
    }
}

fn write(output: &mut Output, message: &Message) -> Result<(), CommandError> {
    output.object(message)?;
    Ok(output.flush()?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::sync::mpsc;
    use zeroize::Zeroizing;

    use super::{turn_away, unless_it_panics};
    use crate::login::Outcome;
    use crate::output::{Output, OutputFormat};
    use crate::server::Line;

    #[tokio::test]
    async fn a_login_that_panics_is_answered_as_internal() {
        let answer = unless_it_panics(async { panic!("as planned") }).await;
        assert_eq!((answer.outcome, answer.reason), (Outcome::Internal, None));
    }

    #[test]
    fn lines_that_nobody_has_begun_with_are_answered_when_the_host_ends() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut output = Output::to(OutputFormat::Json, Box::new(file.reopen().expect("the file")));
        let (sender, mut lines) = mpsc::channel(8);
        for line in [r#"{"id":"7","name":"alice","password":"s3cret"}"#, r#"{"command":"status"}"#, r#"{"id":"8"}"#] {
            sender.try_send(Ok(Line::Whole(Zeroizing::new(line.as_bytes().to_vec())))).expect("room");
        }
        assert_eq!(turn_away(&mut lines, 4, &mut output).expect("written"), 3);
        assert!(sender.is_closed());
        let said = fs::read_to_string(file.path()).expect("text");
        let said: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert_eq!((&said[0]["id"], &said[0]["reason"]), (&"7".into(), &"shutting_down".into()), "{said:?}");
        assert_eq!((&said[1]["event"], &said[1]["line"]), (&"bad_line".into(), &7.into()), "{said:?}");
        assert_eq!(said[1]["id"], "8", "{said:?}");
    }
}
