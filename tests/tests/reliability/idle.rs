//! A connection that a network forgot while nobody used it: whoever comes next does not notice.

use std::time::Duration;

use tests::fault_proxy::{Fate, Mode};

use crate::load::times;
use crate::world::{Expected, World};

#[tokio::test(flavor = "multi_thread")]
async fn connections_forgotten_while_idle_cost_no_login_and_no_failed_bind() {
    let mut world = World::beside("connections are forgotten while idle", &[Mode::Pass], &[], 4).await;
    let rests: &[u64] = world.bars.form.pick(&[5], &[2, 30, 70, 15 * 60]);
    for &rest in rests {
        world.warm_up().await;
        world.audit.compare(&world.people, &world.wire);
        world.replicas[0].proxy.doom(Fate::Swallowed);
        world.bars.say(format_args!("     idle for {rest} s"));
        tokio::time::sleep(Duration::from_secs(rest)).await;
        let logins = world.load.at_once([world.people.right()]).await;
        world.judge(&format!("after {rest} s"), &logins, Expected::Answered);
        let time = times(&logins)[0];
        world.bars.holds(
            &format!("after {rest} s: answered within the deadline"),
            time <= world.load.deadline,
            format_args!("{time:?}"),
        );
        let failed: Vec<_> = world.wire.binds().into_iter().filter(|bind| bind.code() != Some(0)).collect();
        world.bars.equal(&format!("after {rest} s: binds that failed or had no answer"), failed.len(), 0);
    }
    world.conclude().await;
}
