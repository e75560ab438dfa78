//! Two servers, one of which is killed and started again all the time, while people log in.

use std::time::{Duration, Instant};

use tests::fault_proxy::Mode;
use tokio::time::{sleep, sleep_until};

use crate::bars::{share, within};
use crate::load::{Answer, summary, times};
use crate::world::{World, meanwhile};

struct Plan {
    per_second: u32,
    every: Duration,
    down: Duration,
    time: Duration,
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_die_in_turn_reject_nobody_with_the_right_password() {
    let mut world = World::beside("two servers are killed and restarted in turn", &[Mode::Pass; 2], &[], 8).await;
    let plan = world.bars.form.pick(
        Plan {
            per_second: 50,
            every: Duration::from_secs(3),
            down: Duration::from_secs(1),
            time: Duration::from_secs(12),
        },
        Plan {
            per_second: 200,
            every: Duration::from_secs(10),
            down: Duration::from_secs(2),
            time: Duration::from_mins(10),
        },
    );
    world.warm_up().await;
    let begun = Instant::now();
    let people = world.people.clone();
    let kills = async {
        for kill in 1_u32.. {
            let due = begun + plan.every * kill;
            if due + plan.down >= begun + plan.time {
                return;
            }
            sleep_until(due.into()).await;
            let replica = &world.replicas[(kill - 1) as usize % world.replicas.len()];
            replica.kill().await;
            sleep(plan.down).await;
            replica.restart().await;
        }
    };
    // One in ten types a wrong password.
    let logins = meanwhile(world.load.at_rate(plan.per_second, plan.time, || people.mixed(10)), kills).await;

    let right: Vec<_> = logins.iter().filter(|login| login.right).cloned().collect();
    let accepted = right.iter().filter(|login| login.answer == Answer::Accepted).count();
    let let_in = logins.iter().filter(|login| !login.right && login.answer == Answer::Accepted).count();
    let rejected = right.iter().filter(|login| matches!(login.answer, Answer::Rejected(_))).count();
    let broken = logins
        .iter()
        .filter(|login| matches!(login.answer, Answer::Misconfigured(_) | Answer::Internal(_) | Answer::SomebodyElse));
    let broken = broken.count();
    world.bars.say(format_args!("     {}", summary(&logins)));
    world.bars.equal("wrong passwords accepted", let_in, 0);
    world.bars.equal("right passwords rejected", rejected, 0);
    world.bars.equal("answers that need an administrator", broken, 0);
    world.bars.measures(
        "at least 99.9 % of right passwords accepted",
        accepted * 1_000 >= right.len() * 999,
        share(accepted, right.len()),
    );
    let p99 = within(&times(&logins), 990);
    world.bars.measures("p99 of a login within 3 s", p99 <= Duration::from_secs(3), format_args!("{p99:?}"));
    world.bars.measures(
        "the rate was kept",
        logins.len() as u64 * 100 >= 95 * u64::from(plan.per_second) * plan.time.as_secs(),
        format_args!("{} logins in {:?}", logins.len(), plan.time),
    );
    world.judge_time("in all", &logins);
    let time = world.heals(Duration::from_secs(30)).await;
    world.bars.holds("somebody is accepted at the end", true, format_args!("after {time:?}"));
    world.conclude().await;
}
