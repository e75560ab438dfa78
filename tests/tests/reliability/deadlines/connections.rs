//! Connections that worked, and are gone when they are needed.

use std::time::Duration;

use tests::fault_proxy::{Fate, Mode, Whose};

use crate::world::{Expected, World};

/// An idle connection is one that nobody has used for more than a second.
const IDLE: Duration = Duration::from_millis(1_500);

async fn lost_while_idle(scenario: &str, whose: Whose, fate: Fate) {
    let mut world = World::new(scenario, &[Mode::Pass]).await;
    for round in 1..=world.bars.form.pick(1, 20) {
        world.warm_up().await;
        let connections = world.wire.connections();
        tokio::time::sleep(IDLE).await;
        world.replicas[0].proxy.doom_those(whose, fate);
        let logins = world.load.at_once([world.people.right(), world.people.wrong()]).await;
        world.judge(&format!("round {round}"), &logins, Expected::Answered);
        let opened = world.wire.connections() - connections;
        world.bars.holds(
            &format!("round {round}: connections opened anew"),
            // Two for searching and two for binding: a provider that keeps none opens as many for two logins.
            opened <= 4,
            opened,
        );
    }
    world.conclude().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_were_reset_while_idle_cost_nobody_a_login() {
    lost_while_idle("idle connections are reset", Whose::Any, Fate::Reset).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_were_closed_while_idle_cost_nobody_a_login() {
    lost_while_idle("idle connections are closed", Whose::Any, Fate::Closed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_went_dead_unseen_while_idle_cost_nobody_a_login() {
    lost_while_idle("idle connections go dead", Whose::Any, Fate::Swallowed).await;
    // A search finds out by itself that nobody answers, and may be made again. A password must not.
    lost_while_idle("idle connections for binds go dead", Whose::Binds, Fate::Swallowed).await;
    lost_while_idle("idle connections for searches go dead", Whose::Searches, Fate::Swallowed).await;
}

/// Nobody asks a connection that was in use just now whether it is alive; that it was closed is seen all the same, of each.
#[tokio::test(flavor = "multi_thread")]
async fn connections_for_binds_that_were_closed_just_now_cost_nobody_a_login() {
    let mut world = World::new("connections for binds are closed in use", &[Mode::Pass]).await;
    for round in 1..=world.bars.form.pick(3, 20) {
        world.warm_up().await;
        world.replicas[0].proxy.doom_those(Whose::Binds, Fate::Closed);
        // Enough for the news to arrive.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let logins = world.load.at_once([world.people.right(), world.people.wrong()]).await;
        world.judge(&format!("round {round}"), &logins, Expected::Answered);
    }
    world.conclude().await;
}

/// Without a second of rest nobody has reason to doubt a connection, so a login may be lost; not its deadline.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_go_dead_under_load_are_replaced() {
    let mut world = World::new("connections go dead under load", &[Mode::Pass]).await;
    world.warm_up().await;
    for round in 1..=world.bars.form.pick(1, 10) {
        world.replicas[0].proxy.doom(Fate::Swallowed);
        let logins = world.logins().await;
        world.judge(&format!("round {round}"), &logins, Expected::Either(&["timeout", "connection_lost"]));
        let bar = Duration::from_secs(20);
        let time = world.heals(bar).await;
        world.bars.holds(&format!("round {round}: somebody is in again"), time <= bar, format_args!("{time:?}"));
    }
    world.conclude().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_far_away_is_none_that_is_down() {
    let mut world = World::new("answers are 150 ms late", &[Mode::Pass]).await;
    world.replicas[0].proxy.set(Mode::Delay(Duration::from_millis(150))).await;
    let logins = world.logins().await;
    world.judge("far away", &logins, Expected::Answered);
    world.conclude().await;
}
