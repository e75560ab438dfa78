//! Everybody at once, at a provider that nobody has asked yet: after a restart of the host, after new settings. Who comes
//! first opens the first connections, and all others wait for those.
//!
//! What goes wrong there goes wrong seldom: the long form is what finds it, the short one shows that crowds work at all.

use std::time::{Duration, Instant};

use provider_api::host::HostServices;
use serde_json::{Value, json};
use tests::directory::{BULK_DN, Transport};
use tests::fault_proxy::Mode;
use tests::host::context;

use crate::bars::{share, within};
use crate::load::times;
use crate::replicas::{Replica, settings};
use crate::world::{Expected, World, opened};

/// How many come at once.
const CROWD: usize = 64;

/// The most connections that are opened for them where nothing is slow: two to search, sixteen for binds.
const NEAR: f64 = 18.0;

/// The same where the machine is so busy that the directory seems to be far.
const FAR: f64 = 66.0;

/// A login's deadline, in seconds.
const DEADLINE: u64 = 8;

/// How long a provider may take to end.
const ENDING: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_at_a_new_provider_is_answered_in_the_clear() {
    let mut world = World::beside("crowds at new providers, in the clear", &[Mode::Pass], &[], DEADLINE).await;
    let settings = settings(&[world.replicas[0].url()], &format!("{DEADLINE}s"));
    burst(&mut world, &settings).await;
    world.conclude().await;
}

/// Past the proxy, which reads no TLS; so the record of the wire has nothing to say here.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_at_a_new_provider_is_answered_over_ldaps() {
    let mut world = World::beside("crowds at new providers, over LDAPS", &[Mode::Pass], &[], DEADLINE).await;
    let settings = over_ldaps(&world.replicas[0]);
    burst(&mut world, &settings).await;
    world.bars.conclude();
}

fn over_ldaps(replica: &Replica) -> Value {
    let mut settings = replica.directory.settings_over(Transport::Ldaps);
    settings["base_dn"] = json!(BULK_DN);
    settings["username_attribute"] = json!("uid");
    settings["timeout"] = json!(format!("{DEADLINE}s"));
    settings
}

/// A provider, a crowd, the end of the provider; and again.
async fn burst(world: &mut World, settings: &Value) {
    let plugin = opened().await;
    let bursts = world.bars.form.pick(50, 2_000);
    let (mut logins, mut crowds, mut opened) = (Vec::new(), Vec::new(), Vec::new());
    for done in 1..=bursts {
        let provider = plugin.configure(settings, &HostServices::silent()).await.unwrap();
        world.load.provider = provider.clone();
        let people = &world.people;
        let begun = Instant::now();
        logins.extend(world.load.at_once((0..CROWD).map(|_| people.mixed(10))).await);
        crowds.push(begun.elapsed());
        let metrics = provider.metrics(&context()).await.unwrap();
        opened.extend(
            metrics.iter().filter(|metric| metric.name == "connections_opened_total").map(|metric| metric.value),
        );
        provider.shutdown(ENDING).await.unwrap();
        // Often, so that the records stay short.
        world.audit.compare(&world.people, &world.wire);
        if done % 500 == 0 {
            world.bars.say(format_args!("     {done} of {bursts} crowds, the longest {:?}", within(&crowds, 1_000)));
        }
    }
    world.judge("all crowds", &logins, Expected::Answered);
    let opened_at_most = |most: f64| opened.iter().filter(|opened| (1.0..=most).contains(*opened)).count();
    let (near, far) = (opened_at_most(NEAR), opened_at_most(FAR));
    world.bars.holds("2 + 64 connections were enough for each crowd", far == bursts, share(far, bursts));
    world.bars.measures("2 + 16 were enough for 99.9 % of them", near * 1_000 >= bursts * 999, share(near, bursts));
    // It takes hundredths of a second, or whole seconds once those in it wait for each other.
    let (p50, p99, longest) = (within(&crowds, 500), within(&crowds, 990), within(&crowds, 1_000));
    world.bars.measures(
        "no crowd took longer than 2 s, nor 99 % of them than 0.5 s",
        p99 <= Duration::from_millis(500) && longest <= Duration::from_secs(2),
        format_args!(
            "{bursts} crowds of {CROWD}: p50 {p50:?}, p99 {p99:?}, longest {longest:?}; p99 of a login {:?}",
            within(&times(&logins), 990)
        ),
    );
}
