//! Wrong passwords, as many as there is time for, while everything goes wrong: none of them opens a door, and each is sent
//! once at most.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use tests::fault_proxy::{Fate, Mode};
use tokio::time::sleep;

use crate::bars::share;
use crate::load::{Answer, Login, summary};
use crate::replicas::Replica;
use crate::world::{World, meanwhile};

/// What a network does while passwords are tried. Most of the time it works: a password that reaches nobody is no test.
fn weather(random: &mut Rng) -> Mode {
    match random.u8(0..24) {
        0 => Mode::Refuse,
        1 => Mode::Drop,
        2 => Mode::Silent,
        3 => Mode::Deaf,
        4 => Mode::Drip(Duration::from_millis(20)),
        5 => Mode::ResetMidAnswer,
        6 => Mode::HalfClose,
        7 => Mode::Delay(Duration::from_millis(20)),
        _ => Mode::Pass,
    }
}

async fn change_the_weather(replicas: &[Replica], over: &AtomicBool, seed: u64) {
    let mut random = Rng::with_seed(seed);
    while !over.load(Ordering::Relaxed) {
        let proxy = &replicas[random.usize(..replicas.len())].proxy;
        proxy.set(weather(&mut random)).await;
        if random.u8(0..8) == 0 {
            proxy.doom([Fate::Swallowed, Fate::Reset, Fate::Closed][random.usize(..3)]);
        }
        sleep(Duration::from_millis(random.u64(50..300))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_wrong_password_is_accepted_whatever_the_network_does() {
    let mut world = World::beside("wrong passwords in bad weather", &[Mode::Pass; 2], &[], 1).await;
    let total = world.bars.form.pick(10_000, 1_000_000);
    world.warm_up().await;
    let (mut accepted, mut rejected, mut otherwise) = (0, 0, 0);
    let begun = Instant::now();
    let mut done = 0;
    while done < total {
        let batch = (total - done).min(world.bars.form.pick(2_500, 50_000));
        let over = AtomicBool::new(false);
        let logins = async {
            let logins = world.load.crowd(batch, 128, || world.people.wrong()).await;
            over.store(true, Ordering::Relaxed);
            logins
        };
        let logins: Vec<Login> = meanwhile(logins, change_the_weather(&world.replicas, &over, done as u64 + 1)).await;
        done += batch;
        let count = |wanted: fn(&Answer) -> bool| logins.iter().filter(|login| wanted(&login.answer)).count();
        accepted += count(|answer| matches!(answer, Answer::Accepted | Answer::SomebodyElse));
        rejected += count(|answer| matches!(answer, Answer::Rejected(_)));
        otherwise += count(|answer| matches!(answer, Answer::Misconfigured(_) | Answer::Internal(_)));
        world.judge_time(&format!("{done} of {total}"), &logins);
        world.audit.compare(&world.people, &world.wire);
        world.bars.say(format_args!("     {:.0} s: {}", begun.elapsed().as_secs_f64(), summary(&logins)));
    }
    world.bars.equal("wrong passwords accepted", accepted, 0);
    world.bars.equal("answers that need an administrator", otherwise, 0);
    world.bars.holds("a tenth at least reached a server that answered", rejected * 10 >= done, share(rejected, done));
    for replica in &world.replicas {
        replica.proxy.set(Mode::Pass).await;
    }
    world.heals(Duration::from_secs(30)).await;
    world.conclude().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_costs_one_bind_at_most_while_servers_die() {
    let mut world = World::beside("wrong passwords while servers die", &[Mode::Pass; 2], &[], 4).await;
    let total = world.bars.form.pick(100, 1_000);
    world.warm_up().await;
    world.audit.compare(&world.people, &world.wire);
    let over = AtomicBool::new(false);
    let logins = async {
        let rate = world.bars.form.pick(25, 50);
        let time = Duration::from_secs(1) * u32::try_from(total).unwrap() / rate;
        let logins = world.load.at_rate(rate, time, || world.people.wrong()).await;
        over.store(true, Ordering::Relaxed);
        logins
    };
    let kills = async {
        for replica in world.replicas.iter().cycle() {
            sleep(Duration::from_millis(700)).await;
            if over.load(Ordering::Relaxed) {
                return;
            }
            replica.kill().await;
            sleep(Duration::from_millis(300)).await;
            replica.restart().await;
        }
    };
    let logins = meanwhile(logins, kills).await;
    let binds = world.wire.binds().iter().filter(|bind| !crate::audit::is_service(bind)).count();
    world.bars.say(format_args!("     {}", summary(&logins)));
    let accepted = logins.iter().filter(|login| login.answer == Answer::Accepted).count();
    world.bars.equal("wrong passwords accepted", accepted, 0);
    world.bars.holds("at most one bind for a login", binds <= logins.len(), share(binds, logins.len()));
    world.bars.holds("passwords reached a server", binds > 0, binds);
    world.judge_time("while servers die", &logins);
    world.heals(Duration::from_secs(30)).await;
    world.conclude().await;
}
