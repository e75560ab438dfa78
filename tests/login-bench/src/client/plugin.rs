use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use provider_api::host::{HostServices, Plugin, Provider, Trust};
use provider_api::{Credentials, Deadline, Decision, ListRequest, RequestContext, Secret};
use serde_json::Value;

use super::connections::end_all_to;
use super::latencies::Watch;
use super::{Order, first_line, say};
use crate::directory::bulk_login;
use crate::failure::{Failure, Outcome, cannot};

/// How long a login may take: the plugin's own limit is shorter.
const LOGIN: Duration = Duration::from_mins(1);
/// How long a listing may take in all.
const LISTING: Duration = Duration::from_hours(1);
/// How long a provider of a first login may take to end before the next one begins.
const ENDING: Duration = Duration::from_secs(5);

/// Loads the plugin and asks it as a host does, by a task for each caller.
pub fn serve(plugin: &Path, callers: usize, users: u32) -> Outcome<()> {
    let runtime = tokio::runtime::Runtime::new().map_err(cannot("start a runtime"))?;
    let settings: Value = serde_json::from_str(&first_line()?).map_err(cannot("read the settings"))?;
    let people = People { users, passwords: first_line()?.into() };
    let plugin =
        runtime.block_on(Plugin::open(plugin, &Trust::developer())).map_err(|error| Failure(error.to_string()))?;
    let provider = runtime.block_on(configured(&plugin, &settings))?;
    say("ready")?;
    while let Some(order) = Order::next()? {
        let answer = runtime.block_on(async {
            match order {
                Order::Round(milliseconds) => play(&provider, &people, callers, Until::time(milliseconds)).await,
                Order::Logins(count) => play(&provider, &people, callers, Until::count(count)).await,
                Order::Cold(milliseconds, quiet) => {
                    play_cold(&provider, &settings, &people, Until::time(milliseconds), Quiet::of(quiet)).await
                }
                Order::First(milliseconds, quiet) => {
                    play_first(&plugin, &settings, &people, Until::time(milliseconds), Quiet::of(quiet)).await
                }
                Order::List => list(&provider).await,
                Order::Metrics => metrics(&provider).await,
            }
        })?;
        say(&answer)?;
    }
    Ok(())
}

async fn configured(plugin: &Plugin, settings: &Value) -> Outcome<Provider> {
    plugin.configure(settings, &HostServices::silent()).await.map_err(cannot("configure the plugin"))
}

/// The users, and what their passwords begin with.
#[derive(Clone)]
struct People {
    users: u32,
    passwords: Arc<str>,
}

impl People {
    fn somebody(&self) -> Credentials {
        let login = bulk_login(fastrand::u32(1..=self.users) as usize);
        let password = Secret::new(format!("{}{login}", self.passwords));
        Credentials::new(login, password)
    }
}

/// When a round is over.
struct Until {
    deadline: Option<Instant>,
    left: AtomicU64,
}

impl Until {
    fn time(milliseconds: u64) -> Self {
        Self { deadline: Some(Instant::now() + Duration::from_millis(milliseconds)), left: AtomicU64::new(u64::MAX) }
    }

    fn count(logins: u64) -> Self {
        Self { deadline: None, left: AtomicU64::new(logins) }
    }

    fn has_room(&self) -> bool {
        let in_time = self.deadline.is_none_or(|deadline| Instant::now() < deadline);
        in_time && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// A million of them would be memory that is none of the plugin's.
    fn keeps_latencies(&self) -> bool {
        self.deadline.is_some()
    }
}

#[derive(Default)]
struct Played {
    succeeded: u64,
    failed: u64,
    latencies: Vec<Duration>,
}

async fn play(provider: &Provider, people: &People, callers: usize, until: Until) -> Outcome<String> {
    let watch = Watch::start();
    let until = Arc::new(until);
    let callers = (0..callers).map(|_| tokio::spawn(call(provider.clone(), people.clone(), until.clone())));
    let mut all = Played::default();
    for caller in callers.collect::<Vec<_>>() {
        let played = caller.await.map_err(cannot("finish a caller"))?;
        all.succeeded += played.succeeded;
        all.failed += played.failed;
        all.latencies.extend(played.latencies);
    }
    Ok(watch.stop(all.succeeded, all.failed, all.latencies))
}

async fn call(provider: Provider, people: People, until: Arc<Until>) -> Played {
    let mut played = Played::default();
    while until.has_room() {
        let somebody = people.somebody();
        let before = Instant::now();
        match log_in(&provider, &somebody).await {
            Ok(()) => played.succeeded += 1,
            Err(Failure(reason)) => {
                if played.failed == 0 {
                    eprintln!("plugin: {reason}");
                }
                played.failed += 1;
            }
        }
        if until.keeps_latencies() {
            played.latencies.push(before.elapsed());
        }
    }
    played
}

async fn log_in(provider: &Provider, somebody: &Credentials) -> Outcome<()> {
    match provider.authenticate(&context(LOGIN), somebody).await {
        Ok(Decision::Accepted(_)) => Ok(()),
        Ok(other) => Err(Failure(format!("a login was not accepted: {other:?}"))),
        Err(fault) => Err(Failure(format!("a login was not answered: {fault}"))),
    }
}

/// What comes before a login that is timed by itself: nothing, for so long. What was done just before is done with, and
/// whoever keeps threads awake for what may come next has given up.
#[derive(Clone, Copy)]
struct Quiet(Duration);

impl Quiet {
    fn of(microseconds: u64) -> Self {
        Self(Duration::from_micros(microseconds))
    }

    /// How long the login takes that breaks it.
    async fn broken_by(self, provider: &Provider, people: &People) -> Outcome<Duration> {
        let somebody = people.somebody();
        // On this thread nothing else runs, and no timer has to wake it.
        std::thread::sleep(self.0);
        let before = Instant::now();
        log_in(provider, &somebody).await?;
        Ok(before.elapsed())
    }
}

/// Connections for each login, by a provider that was in use until all that it had were ended.
async fn play_cold(
    provider: &Provider,
    settings: &Value,
    people: &People,
    until: Until,
    quiet: Quiet,
) -> Outcome<String> {
    let port = settings.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or_else(|| Failure("the settings have no port".to_owned()))?;
    let watch = Watch::start();
    let mut latencies = Vec::new();
    while until.has_room() {
        // It opens whatever the one before has left to be opened, and waits for that: later, it would be in the way.
        log_in(provider, &people.somebody()).await?;
        end_all_to(port)?;
        latencies.push(quiet.broken_by(provider, people).await?);
    }
    Ok(watch.stop(latencies.len() as u64, 0, latencies))
}

/// A provider for each login. Only the login itself is timed.
async fn play_first(plugin: &Plugin, settings: &Value, people: &People, until: Until, quiet: Quiet) -> Outcome<String> {
    let watch = Watch::start();
    let mut latencies = Vec::new();
    while until.has_room() {
        let provider = configured(plugin, settings).await?;
        latencies.push(quiet.broken_by(&provider, people).await?);
        // What the end of it costs shall not fall on the next one.
        provider.shutdown(ENDING).await.map_err(cannot("shut a provider down"))?;
    }
    Ok(watch.stop(latencies.len() as u64, 0, latencies))
}

async fn list(provider: &Provider) -> Outcome<String> {
    let start = Instant::now();
    let mut listing = provider.list_users(&context(LISTING), &ListRequest::everybody());
    let mut users = 0;
    while let Some(page) = listing.next_page().await.map_err(cannot("list everybody"))? {
        users += page.len();
    }
    Ok(format!("{users} {}", start.elapsed().as_nanos()))
}

async fn metrics(provider: &Provider) -> Outcome<String> {
    let metrics = provider.metrics(&context(LOGIN)).await.map_err(cannot("read the metrics"))?;
    let pairs: Vec<_> = metrics.iter().map(|metric| format!("{}={}", metric.name, metric.value)).collect();
    Ok(pairs.join(" "))
}

fn context(patience: Duration) -> RequestContext {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    RequestContext::new(format!("login-bench-{number}"), Deadline::after(patience))
}
