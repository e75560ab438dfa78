//! What a call through the border costs, and whether a provider notices what another one does.
//!
//! `tests/long calls` runs it. Everything is in one program: the calls through a real plugin file, and beside them the
//! same without a border. Figures depend on the machine and on what else it does, so nothing here passes or fails.
#![allow(missing_docs, reason = "a bench")]
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench prints, and one that cannot go on fails loudly"
)]

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use provider_api::host::{HostServices, LogSink, Provider};
use provider_api::{ListRequest, LogLevel, LogRecord};
use serde_json::json;
use tests::faulty::{in_time, login, provider, provider_with};
use tokio::task::JoinSet;

/// How many calls are measured of each kind.
const CALLS: u32 = 20_000;
/// How many are in flight in the last row of the table.
const IN_FLIGHT: usize = 64;
/// How long logins are measured in each row of the second table, before and while the other one misbehaves.
const WINDOW: Duration = Duration::from_secs(4);
/// How much time there is between two calls of the one that misbehaves.
const PAUSE: Duration = Duration::from_millis(10);

/// The same shape without a border.
trait Plain: Send + Sync {
    fn sync(&self, number: u64) -> u64;
    fn ready(&self, number: u64) -> Pin<Box<dyn Future<Output = u64> + Send>>;
}

struct Here;

impl Plain for Here {
    fn sync(&self, number: u64) -> u64 {
        number + 1
    }

    fn ready(&self, number: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
        Box::pin(std::future::ready(number + 1))
    }
}

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        calls().await;
        isolation().await;
    });
}

fn row(what: &str, calls: u32, took: Duration) {
    println!("{what:<66} {:>10.0} ns", took.as_secs_f64() * 1e9 / f64::from(calls));
}

async fn calls() {
    println!("one call, mean of {CALLS}");
    let here: Box<dyn Plain> = black_box(Box::new(Here));
    let begun = Instant::now();
    for number in 0..CALLS * 100 {
        black_box(here.sync(black_box(number.into())));
    }
    row("without a border: a method of a Box<dyn Trait>", CALLS * 100, begun.elapsed());
    let begun = Instant::now();
    for number in 0..CALLS * 10 {
        black_box(here.ready(black_box(number.into())).await);
    }
    row("without a border: a boxed future that is ready", CALLS * 10, begun.elapsed());
    let begun = Instant::now();
    for number in 0..CALLS {
        black_box(tokio::spawn(async move { black_box(number) }).await.expect("no panic"));
    }
    row("without a border: tokio::spawn, one at a time", CALLS, begun.elapsed());

    let faulty = provider(json!({})).await;
    let context = in_time();
    let begun = Instant::now();
    for _ in 0..CALLS {
        black_box(faulty.list_users(&context, &ListRequest::everybody()));
    }
    row("sync: a listing is begun and dropped (two calls, a task)", CALLS, begun.elapsed());
    let ended = provider(json!({})).await;
    ended.shutdown(Duration::ZERO).await.expect("it ends");
    let begun = Instant::now();
    for _ in 0..CALLS {
        black_box(ended.metrics(&context).await.expect_err("it has ended"));
    }
    row("ready future: a call that is answered on the spot, JSON included", CALLS, begun.elapsed());
    let begun = Instant::now();
    for _ in 0..CALLS {
        black_box(faulty.metrics(&context).await.expect("metrics"));
    }
    row("hop: to the plugin's runtime and back, JSON included", CALLS, begun.elapsed());
    let begun = Instant::now();
    for _ in 0..CALLS {
        black_box(login(&faulty, &context).await.expect("accepted"));
    }
    row("hop: a login that is accepted", CALLS, begun.elapsed());
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    let each = CALLS / u32::try_from(IN_FLIGHT).expect("few");
    for _ in 0..IN_FLIGHT {
        let (faulty, context) = (faulty.clone(), context.clone());
        tasks.spawn(async move {
            for _ in 0..each {
                black_box(faulty.metrics(&context).await.expect("metrics"));
            }
        });
    }
    tasks.join_all().await;
    row("hop: the same with 64 in flight, each", each * 64, begun.elapsed());
}

/// The slowest of the fastest 99 of 100 logins, and how many there were.
async fn p99(provider: &Provider) -> (Duration, usize) {
    let mut times = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < WINDOW {
        let start = Instant::now();
        login(provider, &in_time()).await.expect("accepted");
        times.push(start.elapsed());
        // As logins come: with time in between.
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
    times.sort_unstable();
    (times[times.len() * 99 / 100], times.len())
}

/// Where panics are told of: on standard error they would cost more than they do.
struct Nowhere;

impl LogSink for Nowhere {
    fn log(&self, _: LogRecord) {}
}

async fn isolation() {
    println!("\nlogins at one provider, p99: before, and while another one of the same plugin misbehaves");
    let other = provider(json!({})).await;
    let services = HostServices::new(LogLevel::Error, Arc::new(Nowhere));
    for (what, point, how) in [
        ("panics in every login", "authenticate", "panic"),
        ("panics in every page", "next_page", "panic"),
        ("panics in every drop of a call", "drop_call", "panic"),
        ("waits for ever in every login", "authenticate", "wait"),
        ("blocks a thread in its logins", "authenticate", "block"),
        ("spins a thread in a login", "authenticate", "spin"),
        ("spins a thread in a page", "next_page", "spin"),
        ("spins while it is dropped", "drop", "spin"),
        ("blocks while it is dropped", "drop", "block"),
    ] {
        let mut at = json!({});
        at[point] = json!(how);
        let bad = provider_with(json!({ "at": at }), &services).await;
        let (idle, _) = p99(&other).await;
        let calling = tokio::spawn(async move {
            let short = || tests::faulty::within(Duration::from_millis(50));
            if point == "drop" {
                drop(bad);
                return;
            }
            // A thread that spins once takes a core for a while; one is what the row is about.
            let calls = if how == "spin" { 1 } else { usize::MAX };
            for _ in 0..calls {
                let _ = tests::faulty::call(&bad, point, &short()).await;
                tokio::time::sleep(PAUSE).await;
            }
        });
        let (busy, count) = p99(&other).await;
        let times = busy.as_secs_f64() / idle.as_secs_f64();
        println!("{what:<40} {idle:>8.0?} before, {busy:>8.0?} of {count} logins meanwhile, {times:.1} times");
        calling.abort();
        // Those that block or spin do so for six seconds.
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
}
