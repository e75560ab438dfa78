//! What a call costs.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::time::{Duration, Instant};

use provider_api::ListRequest;
use serde_json::json;
use tests::faulty::{in_time, login, provider};
use tokio::task::JoinSet;

/// How many calls are measured of each kind.
const CALLS: u32 = 20_000;
/// How many are in flight in the last row of the table.
const IN_FLIGHT: usize = 64;

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

fn row(what: &str, calls: u32, took: Duration) {
    println!("{what:<66} {:>10.0} ns", took.as_secs_f64() * 1e9 / f64::from(calls));
}

/// Prints a row for each kind of call.
pub(crate) async fn calls() {
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
