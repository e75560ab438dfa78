//! A server that is not there, or says nothing, or too little.

use std::time::Duration;

use tests::fault_proxy::Mode;

use crate::bars::within;
use crate::load::times;
use crate::world::{BROKEN, Expected, NO_ANSWER, World};

/// A server that falls into a mode, with connections there or without, and comes back.
async fn falls_into(mode: Mode, expected: Expected, warm: bool) -> World {
    let mut world =
        World::new(&format!("the only server: {mode:?}, {}", if warm { "warm" } else { "cold" }), &[Mode::Pass]).await;
    if warm {
        world.warm_up().await;
    }
    world.replicas[0].proxy.set(mode).await;
    let logins = world.logins().await;
    world.judge("under the fault", &logins, expected);
    world
}

async fn comes_back(mut world: World) {
    world.replicas[0].proxy.set(Mode::Pass).await;
    // A breaker that has doubled may wait for up to a minute.
    let bar = world.bars.form.pick(Duration::from_secs(30), Duration::from_mins(1));
    let time = world.heals(bar).await;
    world.bars.holds("back within a minute of the server", time <= bar, format_args!("{time:?}"));
    let logins = world.logins().await;
    world.judge("after the fault", &logins, Expected::Answered);
    world.conclude().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_packets_are_dropped_leaves_logins_open_until_it_is_back() {
    for warm in [false, true] {
        let mut world = falls_into(Mode::Drop, Expected::Unavailable(NO_ANSWER), warm).await;
        if world.bars.form.is_long() {
            let quick = world.load.judged_by(Duration::from_millis(100));
            let logins = quick.at_rate(100, Duration::from_secs(3), || world.people.right()).await;
            let overruns: Vec<Duration> = logins.iter().map(|login| login.overrun).collect();
            world.bars.measures(
                "no server left: answered within 100 ms, p99 at most 50 ms over, beside a timer",
                within(&overruns, 990) <= Duration::from_millis(50),
                format_args!("{:?} over, {:?} in all", within(&overruns, 990), within(&times(&logins), 990)),
            );
        }
        comes_back(world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_connections_is_told_of_at_once() {
    let mut world = falls_into(Mode::Refuse, Expected::Unavailable(&["connect_failed"]), false).await;
    let quick = world.load.judged_by(Duration::from_millis(500));
    let logins = quick.at_once((0..10).map(|_| world.people.right())).await;
    let most = logins.iter().map(|login| login.overrun).max().unwrap_or_default();
    world.bars.measures(
        "refused: answered within 500 ms, beside a timer",
        most.is_zero(),
        format_args!("{most:?} over"),
    );
    comes_back(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_accepts_and_says_nothing_leaves_logins_open() {
    for (mode, warm) in [(Mode::Silent, false), (Mode::Silent, true), (Mode::Deaf, false)] {
        comes_back(falls_into(mode, Expected::Unavailable(NO_ANSWER), warm).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_answers_an_octet_a_second_leaves_logins_open() {
    let drip = Mode::Drip(Duration::from_secs(1));
    comes_back(falls_into(drip, Expected::Unavailable(NO_ANSWER), true).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_resets_connections_amid_an_answer_leaves_logins_open() {
    comes_back(falls_into(Mode::ResetMidAnswer, Expected::Unavailable(BROKEN), true).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_its_side_in_place_of_an_answer_leaves_logins_open() {
    comes_back(falls_into(Mode::HalfClose, Expected::Unavailable(BROKEN), true).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_starts_without_its_server_and_heals_by_itself() {
    let mut world = World::new("the only server is down at the start", &[Mode::Refuse]).await;
    let logins = world.logins().await;
    world.judge("before the server is there", &logins, Expected::Unavailable(&["connect_failed"]));
    comes_back(world).await;
}
