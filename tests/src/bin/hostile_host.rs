//! `hostile_host`: a host that asks the LDAP provider, out of its plugin file, whatever it is told on standard input,
//! a JSON object a line, and answers on standard output in the same way. A directory that means harm can bring down
//! this process and no other. An argument names another plugin file than the LDAP provider's.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "the answers are for the test that started this program")]

use std::env::args_os;
use std::error::Error;
use std::fs;
use std::io::{Write, stdin, stdout};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use provider_api::host::{HostServices, LogSink, Plugin, PluginError, Provider, Trust};
use provider_api::{
    Credentials, Deadline, Decision, Fault, FaultKind, ListRequest, LogLevel, LogRecord, RequestContext, Secret,
    StageOutcome,
};
use tests::hostile::host::{Answer, Question};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long a call may take: longer than any limit of the provider's own.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long it may take a provider that nobody wants any more to be gone.
const LETTING_GO: Duration = Duration::from_secs(30);

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let plugin = open().await?;
    let log = Arc::new(Log::default());
    let (open, mut closed) = mpsc::channel(1);
    let services = HostServices::new(LogLevel::Info, Arc::new(Ear { log: Arc::clone(&log), _open: open }));
    let mut provider = None;
    let mut floor = None;
    for line in stdin().lines() {
        let question: Question = serde_json::from_str(&line?)?;
        log.clear();
        let begun = Instant::now();
        reset_peak()?;
        let mut answer = match question {
            Question::Configure(settings) => match plugin.configure(&settings, &services).await {
                Ok(configured) => {
                    provider = Some(configured);
                    told("configured", "")
                }
                Err(fault) => failed(&fault),
            },
            Question::Settle => {
                floor = Some(memory("VmRSS:")?);
                told("settled", "")
            }
            question => ask(provider.as_ref().ok_or("no provider is configured")?, question).await,
        };
        answer.milliseconds = begun.elapsed().as_secs_f64() * 1e3;
        let peak = memory("VmHWM:")?;
        answer.growth_kib = floor.map_or(0, |floor| peak - floor);
        log.tell(&mut answer);
        println!("{}", serde_json::to_string(&answer)?);
        stdout().flush()?;
    }
    drop((provider, services));
    // Providers are taken apart in the background, and may panic until they let go of the sink.
    timeout(LETTING_GO, closed.recv()).await.map_err(|_| "a provider does not let go of the log")?;
    log.verdict().map_err(Into::into)
}

/// The plugin. A machine that is busy with other attacks may take longer than a host gives a plugin to start.
async fn open() -> Result<Plugin, PluginError> {
    let file = args_os().nth(1).map_or_else(tests::plugin::ldap_provider, PathBuf::from);
    for _ in 0..5 {
        if let Ok(plugin) = Plugin::open(&file, &Trust::developer()).await {
            return Ok(plugin);
        }
    }
    Plugin::open(&file, &Trust::developer()).await
}

async fn ask(provider: &Provider, question: Question) -> Answer {
    match question {
        Question::Login { name, password } => login(provider, &name, password).await,
        Question::Validate => validate(provider).await,
        Question::List => list(provider).await,
        Question::Pairs { people, pairs, at_once } => many(provider, &people, pairs, at_once).await,
        Question::Configure(_) | Question::Settle => told("internal", "this is no question to a provider"),
    }
}

async fn login(provider: &Provider, name: &str, password: String) -> Answer {
    match provider.authenticate(&context(), &Credentials::new(name, Secret::new(password))).await {
        Ok(Decision::Accepted(accepted)) => Answer { subject: Some(accepted.identity.subject), ..told("accepted", "") },
        Ok(Decision::Rejected(rejection)) => told(&format!("rejected/{}", rejection.reason), &rejection.message),
        Err(fault) => failed(&fault),
    }
}

async fn validate(provider: &Provider) -> Answer {
    let report = match provider.validate(&context()).await {
        Ok(report) => report,
        Err(fault) => return failed(&fault),
    };
    let of = |outcome| report.stages.iter().filter(move |stage| stage.outcome == outcome);
    // That plain LDAP is not protected is known.
    let mut warned = of(StageOutcome::Warned).filter(|stage| stage.id != "tls_policy");
    let (kind, stage) = match (report.first_failed(), warned.next()) {
        (Some(stage), _) => ("invalid", stage),
        (None, Some(stage)) => ("warned", stage),
        (None, None) if report.is_valid() => return told("valid", ""),
        (None, None) => return told("invalid", "nothing was tried"),
    };
    let code = stage.code.as_deref().unwrap_or_default();
    told(&format!("{kind}/{code}"), &format!("{}: {}", stage.id, stage.detail))
}

async fn list(provider: &Provider) -> Answer {
    let mut listing = provider.list_users(&context(), &ListRequest::everybody());
    let mut answer = Answer::default();
    loop {
        match listing.next_page().await {
            Ok(Some(users)) => {
                answer.users += users.len();
                answer.refused += users.iter().filter(|user| user.refusal.is_some()).count();
            }
            Ok(None) => return Answer { outcome: "complete".to_owned(), ..answer },
            Err(fault) => {
                let outcome = format!("incomplete/{}", fault.code());
                return Answer { outcome, message: fault.to_string(), ..answer };
            }
        }
    }
}

/// Many logins at once; one of a person as another is counted as `crossed`.
async fn many(provider: &Provider, people: &[(String, String, String)], pairs: usize, at_once: usize) -> Answer {
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..at_once {
        let (provider, people, next) = (provider.clone(), people.to_vec(), Arc::clone(&next));
        workers.spawn(async move {
            let mut answer = Answer::default();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= pairs * people.len() {
                    return answer;
                }
                let Some((name, password, subject)) = people.get(number % people.len()) else { return answer };
                let one = login(&provider, name, password.clone()).await;
                let crossed = one.subject.is_some_and(|seen| seen != *subject);
                let outcome = if crossed { "crossed".to_owned() } else { one.outcome };
                *answer.outcomes.entry(outcome).or_default() += 1;
            }
        });
    }
    let mut sum = told("counted", "");
    while let Some(Ok(one)) = workers.join_next().await {
        for (outcome, count) in one.outcomes {
            *sum.outcomes.entry(outcome).or_default() += count;
        }
    }
    sum
}

fn context() -> RequestContext {
    static NUMBER: AtomicUsize = AtomicUsize::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    RequestContext::new(format!("hostile-{number}"), Deadline::after(PATIENCE))
}

fn told(outcome: &str, message: &str) -> Answer {
    Answer { outcome: outcome.to_owned(), message: message.to_owned(), ..Answer::default() }
}

fn failed(fault: &Fault) -> Answer {
    let kind = match fault.kind() {
        FaultKind::Unavailable => "unavailable",
        FaultKind::Misconfigured => "misconfigured",
        _ => return told("internal", fault.message()),
    };
    told(&format!("{kind}/{}", fault.code()), fault.message())
}

/// Lets the kernel count the peak of this process's memory from here on.
fn reset_peak() -> Result<(), std::io::Error> {
    fs::write("/proc/self/clear_refs", "5")
}

/// A line of the kernel's account of this process, in KiB.
fn memory(line: &str) -> Result<i64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let found = status.lines().find_map(|text| text.strip_prefix(line)).ok_or("no such line")?;
    Ok(found.trim().trim_end_matches(" kB").parse()?)
}

/// A sink that counts, and keeps no more than a few.
#[derive(Default)]
struct Log(Mutex<Heard>);

#[derive(Default)]
struct Heard {
    records: usize,
    kept: Vec<String>,
    /// Never cleared: a panic between two questions is one, too.
    panics: usize,
    panic: Option<String>,
}

impl Log {
    const KEPT: usize = 20;

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clear(&self) {
        let heard = &mut *self.lock();
        (heard.records, heard.kept) = (0, Vec::new());
    }

    fn tell(&self, answer: &mut Answer) {
        let heard = self.lock();
        (answer.records, answer.log) = (heard.records, heard.kept.clone());
        (answer.panics, answer.panic) = (heard.panics, heard.panic.clone());
    }

    fn verdict(&self) -> Result<(), String> {
        match &self.lock().panic {
            Some(first) => Err(format!("the plugin panicked: {first}")),
            None => Ok(()),
        }
    }
}

/// What the plugin holds of the log. The channel closes when it has let go.
struct Ear {
    log: Arc<Log>,
    _open: mpsc::Sender<()>,
}

impl LogSink for Ear {
    fn log(&self, record: LogRecord) {
        let heard = &mut *self.log.lock();
        heard.records += 1;
        // The plugin's own hook makes such a record of each panic of one of its threads.
        if record.target == "panic" || record.message.starts_with("panic: ") {
            heard.panics += 1;
            heard.panic.get_or_insert_with(|| record.message.clone());
        }
        if heard.kept.len() < Log::KEPT {
            heard.kept.push(format!("{:?} {}", record.level, record.message));
        }
    }
}
