//! Servers that die at the worst moment: after a password has reached them, and just before it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tests::directory::READER_DN;
use tests::fault_proxy::{Event, Mode, Then};
use tests::hostile::wire::Request;

use crate::world::{BROKEN, Expected, World};

/// The tag of a `SearchResultDone`.
const SEARCH_DONE: u8 = 0x65;

/// How long a server that is back may be left aside: a breaker that has doubled a few times waits that long.
const BACK: Duration = Duration::from_mins(1);

/// What a login sees of a server that dies with its password in hand.
async fn dies_with_the_password(scenario: &str, then: Then, hosts: usize) {
    let mut world = World::new(scenario, &vec![Mode::Pass; hosts]).await;
    for round in 1..=world.bars.form.pick(1, 20) {
        world.warm_up().await;
        let directory = Arc::clone(&world.replicas[0].directory);
        let dead = Arc::new(AtomicBool::new(false));
        let killed = Arc::clone(&dead);
        world.replicas[0].proxy.trap(move |event| match event {
            Event::Request(Request::Bind { name, .. }) if name != READER_DN.as_bytes() => {
                directory.kill();
                killed.store(true, Ordering::SeqCst);
                then
            }
            _ => Then::Pass,
        });
        let logins = world.load.at_once((0..3).map(|_| world.people.right())).await;
        let expected = if hosts == 1 { Expected::Unavailable(BROKEN) } else { Expected::Either(BROKEN) };
        world.judge(&format!("round {round}"), &logins, expected);
        assert!(dead.load(Ordering::SeqCst), "no bind has reached the first server");
        world.replicas[0].proxy.disarm();
        world.replicas[0].restart().await;
        world.returns_to_the_first(BACK).await;
    }
    world.conclude().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_with_a_password_in_its_hands_is_not_sent_another() {
    dies_with_the_password("killed after it has a bind request", Then::Reset, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_with_a_password_in_its_hands_is_not_sent_another() {
    dies_with_the_password("hangs after it has a bind request", Then::Vanish, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_one_of_two_servers_died_with_is_not_sent_to_the_other() {
    dies_with_the_password("the first of two is killed after it has a bind request", Then::Reset, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_between_search_and_bind_costs_one_bind_at_most() {
    let mut world = World::new("the first of two is killed between search and bind", &[Mode::Pass, Mode::Pass]).await;
    for round in 1..=world.bars.form.pick(1, 20) {
        world.warm_up().await;
        let directory = Arc::clone(&world.replicas[0].directory);
        let (mut asked, mut dead) = (false, false);
        world.replicas[0].proxy.trap(move |event| {
            match event {
                // The search for a person, and none that only tries whether somebody is there.
                Event::Request(Request::Search { base, .. }) if base.starts_with(b"ou=bulk,") => asked = true,
                Event::Answer(SEARCH_DONE) if asked && !dead => {
                    directory.kill();
                    dead = true;
                }
                _ => {}
            }
            Then::Pass
        });
        let logins = world.load.at_once([world.people.right()]).await;
        world.judge(&format!("round {round}"), &logins, Expected::Either(BROKEN));
        world.replicas[0].proxy.disarm();
        world.replicas[0].restart().await;
        world.returns_to_the_first(BACK).await;
    }
    world.conclude().await;
}
