//! What is dead harms nothing else: the other servers of a provider, the other providers, the local accounts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use host_harness::login::{Host, LoginAnswer, Outcome};
use host_harness::providers::ProviderHandle;
use provider_api::{Credentials, Secret};
use tests::fault_proxy::Mode;
use tests::host::context;
use tests::{local_account, open_files};
use tokio::task::JoinSet;

use crate::bars::{Bars, share, within};
use crate::load::{Answer, Load, times};
use crate::replicas::{Replica, settings};
use crate::world::{Expected, World, provider};

/// How many wait for an answer that does not come.
const CROWD: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_server_in_front_of_two_others_is_felt_once() {
    let mut world = World::beside("the first of three is dead", &[Mode::Drop, Mode::Pass, Mode::Pass], &[], 8).await;
    let alive: Vec<String> = world.replicas[1..].iter().map(Replica::url).collect();
    let normal = Load { provider: provider(&settings(&alive, "8s")).await, deadline: world.load.deadline };
    let people = Arc::clone(&world.people);
    normal.at_once((0..8).map(|_| people.right())).await;

    let first = world.load.at_once([people.right()]).await;
    world.judge("the first login", &first, Expected::Answered);
    let connecting = world.load.deadline * 3 / 8;
    let limit = connecting + Duration::from_secs(1);
    let longest = times(&first)[0];
    // If not, the first server was not dead, or was not asked.
    world.bars.holds("the dead one was waited for", longest >= connecting / 2, format_args!("{longest:?}"));
    let metrics = world.load.provider.metrics(&context()).await.unwrap();
    let failovers = metrics.iter().find(|metric| metric.name == "failovers_total").map(|metric| metric.value);
    world.bars.holds("then another was asked", failovers == Some(1.0), format_args!("{failovers:?}"));
    world.bars.measures(
        "the first login within the limit of one connection + 1 s",
        longest <= limit,
        format_args!("{longest:?}, limit {limit:?}"),
    );
    // At the same time, so that whatever else the machine does is felt by both.
    let (per_second, time) = world.bars.form.pick((20, Duration::from_secs(2)), (100, Duration::from_mins(1)));
    let (logins, normal_logins) = tokio::join!(
        world.load.at_rate(per_second, time, || people.right()),
        normal.at_rate(per_second, time, || people.right()),
    );
    world.judge("with the dead one", &logins, Expected::Answered);
    world.judge("without the dead one", &normal_logins, Expected::Answered);
    let (normal, dead) = (within(&times(&normal_logins), 990), within(&times(&logins), 990));
    world.bars.measures(
        "then p99 within 50 ms of normal",
        dead <= normal + Duration::from_millis(50),
        format_args!("{dead:?}, normal {normal:?}"),
    );
    world.conclude().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_at_dead_servers_harms_neither_local_accounts_nor_another_provider() {
    open_files::allow(CROWD * 8);
    let mut world = World::beside("a crowd waits for dead servers", &[Mode::Pass], &[], 8).await;
    world.warm_up().await;
    let folder = tempfile::tempdir().unwrap();
    let store = local_account::store(folder.path()).await;
    let dead = [Replica::start(1, &world.wire, Mode::Drop), Replica::start(1, &world.wire, Mode::Silent)];
    let rounds = world.bars.form.pick(1, 10);
    let (mut idle, mut busy) = (Watch::default(), Watch::default());
    for round in 0..rounds {
        // In turn, so that whatever else the machine does is felt by both.
        let begun = Instant::now();
        let host = Host::new(store.clone(), Vec::new());
        while begun.elapsed() < world.bars.form.pick(Duration::from_secs(1), Duration::from_secs(4)) {
            idle.look(&host, &world).await;
        }
        // A new provider each time: one that knows that its servers are dead lets nobody wait.
        let hosts = if round % 2 == 0 { dead.each_ref() } else { [&dead[1], &dead[0]] }.map(Replica::url);
        let waiting = provider(&settings(&hosts, world.bars.form.pick("3s", "8s"))).await;
        let host = Host::new(store.clone(), vec![ProviderHandle::ready("dead", waiting)]);
        let pending = Arc::new(AtomicUsize::new(CROWD));
        let mut crowd = JoinSet::new();
        for number in 0..CROWD {
            let (host, pending) = (host.clone(), Arc::clone(&pending));
            crowd.spawn(async move {
                let credentials = Credentials::new(format!("user{number:05}"), Secret::new("of nobody"));
                let answer = host.login(&context(), credentials).await;
                pending.fetch_sub(1, Ordering::SeqCst);
                answer
            });
        }
        while pending.load(Ordering::SeqCst) > 0 {
            busy.look(&host, &world).await;
        }
        let answers = crowd.join_all().await;
        let open = answers.iter().filter(|answer| answer.outcome == Outcome::Unavailable).count();
        world.bars.equal(&format!("round {round}: logins left open"), open, CROWD);
    }
    busy.judge(&idle, &mut world.bars);
    world.conclude().await;
}

/// What others notice meanwhile.
#[derive(Default)]
struct Watch {
    local: Vec<Duration>,
    other: Vec<Duration>,
    failed: Vec<String>,
}

impl Watch {
    /// A login with the local account and one at the other provider.
    async fn look(&mut self, host: &Host, world: &World) {
        let begun = Instant::now();
        let answer = host.login(&context(), local_account::credentials()).await;
        self.local.push(begun.elapsed());
        if !is_local(&answer) {
            self.failed.push(format!("local: {answer:?}"));
        }
        let login = world.load.login(world.people.right()).await;
        self.other.push(login.time);
        if login.answer != Answer::Accepted {
            self.failed.push(format!("another provider: {:?}", login.answer));
        }
    }

    fn judge(&self, idle: &Self, bars: &mut Bars) {
        let all = self.local.len() + self.other.len();
        bars.holds("somebody logged in meanwhile", all > 0, all);
        bars.holds(
            "everybody else is let in",
            self.failed.is_empty() && idle.failed.is_empty(),
            format_args!("{}{}", share(all - self.failed.len(), all), self.failed.first().cloned().unwrap_or_default()),
        );
        for (who, busy, idle) in [("local", &self.local, &idle.local), ("another provider", &self.other, &idle.other)] {
            let (busy, idle) = (within(busy, 990), within(idle, 990));
            bars.measures(
                &format!("{who}: p99 at most twice that of idle"),
                busy <= idle * 2,
                format_args!("{busy:?}, idle {idle:?}, of {} and {}", self.local.len(), self.other.len()),
            );
        }
    }
}

fn is_local(answer: &LoginAnswer) -> bool {
    answer.outcome == Outcome::Accepted && answer.provider.is_none()
}
