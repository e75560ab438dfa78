//! Some servers of several that cannot be used: the others are.

use std::time::Duration;

use tests::fault_proxy::Mode;

use crate::load::times;
use crate::world::{Expected, NO_ANSWER, World};

async fn one_cannot_be_used(scenario: &str, modes: &[Mode]) {
    let mut world = World::new(scenario, modes).await;
    let first = world.load.at_once([world.people.right()]).await;
    world.judge("the first login", &first, Expected::Answered);
    let limit = world.load.deadline * 3 / 8 + Duration::from_secs(1);
    let longest = times(&first).into_iter().max().unwrap_or_default();
    world.bars.measures(
        "the first login within the limit of one connection + 1 s",
        longest <= limit,
        format_args!("{longest:?}, limit {limit:?}"),
    );
    let logins = world.logins().await;
    world.judge("the next", &logins, Expected::Answered);
    world.conclude().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_of_three_that_drops_packets_is_passed_over() {
    one_cannot_be_used("the first of three drops packets, cold", &[Mode::Drop, Mode::Pass, Mode::Pass]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_of_two_that_is_down_at_the_start_is_passed_over() {
    one_cannot_be_used("the first of two refuses at the start", &[Mode::Refuse, Mode::Pass]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_of_two_that_says_nothing_is_passed_over() {
    one_cannot_be_used("the first of two says nothing, cold", &[Mode::Silent, Mode::Pass]).await;
}

/// A search may be made again elsewhere, a bind may not: so a login under way may stay open, and one after it may not.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_fail_one_after_the_other_are_passed_over_while_one_is_left() {
    let mut world = World::new("one of three after the other goes, all go, all are back", &[Mode::Pass; 3]).await;
    world.warm_up().await;
    for (index, mode) in [(0, Mode::Drop), (1, Mode::Silent)] {
        world.replicas[index].proxy.set(mode).await;
        let logins = world.logins().await;
        world.judge(&format!("server {index} goes"), &logins, Expected::Either(&["timeout", "connection_lost"]));
        world.heals(Duration::from_secs(20)).await;
        let logins = world.logins().await;
        world.judge(&format!("server {index} is gone"), &logins, Expected::Answered);
    }
    world.replicas[2].kill().await;
    let logins = world.logins().await;
    world.judge("none is left", &logins, Expected::Unavailable(&["connect_failed", "timeout", "connection_lost"]));
    world.replicas[2].restart().await;
    for replica in &world.replicas {
        replica.proxy.set(Mode::Pass).await;
    }
    world.heals(Duration::from_secs(30)).await;
    let logins = world.logins().await;
    world.judge("all are back", &logins, Expected::Answered);
    world.conclude().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_all_drop_packets_leave_logins_open_by_the_deadline() {
    let mut world = World::new("all of three drop packets, cold", &[Mode::Drop; 3]).await;
    let logins = world.logins().await;
    world.judge("all are gone", &logins, Expected::Unavailable(NO_ANSWER));
    world.conclude().await;
}
