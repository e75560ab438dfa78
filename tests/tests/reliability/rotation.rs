//! The service account's password is changed at the servers: it is tried once, not for everybody who logs in, and new
//! settings are all it takes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tests::directory::{READER_DN, READER_PASSWORD};
use tests::fault_proxy::{Bind, Fate, Mode};

use crate::audit::is_service;
use crate::load::{Answer, Load, summary};
use crate::replicas::{Replica, settings};
use crate::world::{Expected, World, provider};

const NEW_PASSWORD: &str = "canary: the reader's newer password";

#[tokio::test(flavor = "multi_thread")]
async fn a_service_password_that_was_changed_is_tried_once_a_minute_and_server() {
    for servers in 1..=2 {
        changed_at(servers).await;
    }
}

async fn changed_at(servers: usize) {
    let scenario = format!("the service password is changed, {servers} servers");
    let mut world = World::beside(&scenario, &vec![Mode::Pass; servers], &[], 4).await;
    world.warm_up().await;
    world.audit.compare(&world.people, &world.wire);
    for replica in &world.replicas {
        change_password(replica, READER_PASSWORD, NEW_PASSWORD);
        // What is bound stays bound; only a new connection needs the password.
        replica.proxy.doom(Fate::Reset);
    }
    let rotated = Instant::now();
    let (per_second, time) = world.bars.form.pick((20, Duration::from_secs(4)), (9, Duration::from_mins(3)));
    let logins = world.load.at_rate(per_second, time, || world.people.right()).await;
    let refused: Vec<Bind> =
        world.wire.binds().into_iter().filter(|bind| is_service(bind) && bind.code() == Some(49)).collect();
    world.bars.say(format_args!("     {}", summary(&logins)));
    let misconfigured = |answer: &Answer| matches!(answer, Answer::Misconfigured(why) if why.starts_with("service_credentials_refused"));
    // A login that was on its way over a connection that was cut may be told so.
    let otherwise: Vec<_> = logins
        .iter()
        .filter(|login| !misconfigured(&login.answer) && login.begun > rotated + Duration::from_secs(1))
        .cloned()
        .collect();
    world.bars.holds("logins say whose password is refused", otherwise.is_empty(), summary(&otherwise));
    let (most, counts) = most_in_a_minute(&refused);
    world.bars.holds("a server refuses the service account at most once a minute", most <= 1, &counts);
    world.bars.holds("the password was tried", !refused.is_empty(), &counts);
    // What was sent with the old password is judged; what comes now is measured against the usual bars.
    world.judge_time("while it is refused", &logins);
    world.wire.take_binds();
    world.people.take_typed();

    let hosts: Vec<String> = world.replicas.iter().map(Replica::url).collect();
    let mut settings = settings(&hosts, "4s");
    settings["bind_password"] = NEW_PASSWORD.into();
    let configured = Instant::now();
    world.load = Load { provider: provider(&settings).await, deadline: world.load.deadline };
    world.heals(Duration::from_secs(30)).await;
    let healed = configured.elapsed();
    world.bars.holds("healed within 5 s of new settings", healed <= Duration::from_secs(5), format_args!("{healed:?}"));
    let logins = world.logins().await;
    world.judge("with the new password", &logins, Expected::Answered);
    world.conclude().await;
}

fn change_password(replica: &Replica, old: &str, new: &str) {
    tokio::task::block_in_place(|| {
        assert_eq!(replica.directory.read(READER_DN, "userPassword"), [old]);
        replica
            .directory
            .change(&format!("dn: {READER_DN}\nchangetype: modify\nreplace: userPassword\nuserPassword: {new}\n"));
    });
}

/// The most refusals of one server within any minute, and how many each server had.
fn most_in_a_minute(refused: &[Bind]) -> (usize, String) {
    let mut by_server = HashMap::<SocketAddr, Vec<Instant>>::new();
    for bind in refused {
        by_server.entry(bind.server).or_default().push(bind.at);
    }
    // A timer may be a little early.
    let minute = Duration::from_millis(59_500);
    let most = by_server.values().flat_map(|times| {
        times.iter().map(|&from| times.iter().filter(|&&time| time >= from && time < from + minute).count())
    });
    let counts: Vec<String> = by_server.values().map(|times| times.len().to_string()).collect();
    (most.max().unwrap_or_default(), format!("{} refusals per server", counts.join(" and ")))
}
