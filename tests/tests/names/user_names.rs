//! What becomes of a typed name on its way to the directory.

use std::sync::Arc;

use provider_api::host::{Plugin, Trust};
use tests::plugin;
use tokio::task::JoinSet;

use super::corpus::Corpus;
use super::lane::{Lane, Setting};
use super::rule::lets_name_through;
use super::run::{Run, Tally};

/// How many names are tried at a time.
const LANES: u8 = 8;

/// After so many refused names it is looked whether anything was sent; these are then named together.
const TOGETHER: usize = 32;

/// A name, and the settings that it is tried with.
type Trial = (String, &'static [Setting]);

#[tokio::test(flavor = "multi_thread")]
async fn each_name_that_is_let_through_arrives_unchanged_and_each_that_is_refused_sends_nothing() {
    let run = Run::from_environment();
    let corpus = Corpus::of(run.names, run.seed);
    let through = corpus.names().filter(|name| lets_name_through(name)).count();
    run.say(format_args!(
        "{} different names, {} of them random with SEED={}; {through} are to be let through",
        corpus.names().count(),
        corpus.random.len(),
        run.seed
    ));
    let plugin = Plugin::open(plugin::ldap_provider(), &Trust::developer()).await.unwrap();
    let tally = Arc::new(Tally::of(run));
    let mut lanes = JoinSet::new();
    for (number, share) in (1..).zip(shares(corpus)) {
        let (lane, tally) = (Lane::open(number, &plugin).await, Arc::clone(&tally));
        lanes.spawn(travel(lane, share, tally));
    }
    while let Some(lane) = lanes.join_next().await {
        lane.unwrap();
    }
    tally.conclude();
}

/// Listed names are tried with every setting, random ones with the settings in turn.
fn shares(corpus: Corpus) -> Vec<Vec<Trial>> {
    let listed = corpus.listed.into_iter().map(|name| (name, Setting::ALL.as_slice()));
    let random = corpus.random.into_iter().zip(Setting::ALL.chunks(1).cycle());
    let mut shares = vec![Vec::new(); usize::from(LANES)];
    for (index, trial) in listed.chain(random).enumerate() {
        // In turns of two, so that each lane has each setting.
        shares[index / 2 % usize::from(LANES)].push(trial);
    }
    shares
}

async fn travel(mut lane: Lane, share: Vec<Trial>, tally: Arc<Tally>) {
    let (through, refused): (Vec<Trial>, Vec<Trial>) = share.into_iter().partition(|(name, _)| lets_name_through(name));
    for (name, settings) in &through {
        for &setting in *settings {
            match lane.arrives_unchanged(setting, name).await {
                Ok(()) => tally.unchanged(),
                Err(failure) => tally.failure(failure),
            }
        }
    }
    assert_ne!(lane.connections().await, 0, "the oracle hears what is sent");
    for names in refused.chunks(TOGETHER) {
        for (name, settings) in names {
            for &setting in *settings {
                match lane.is_refused(setting, name).await {
                    Ok(()) => tally.refused(),
                    Err(failure) => tally.failure(failure),
                }
            }
        }
        let connections = lane.connections().await;
        if connections != 0 {
            let names: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
            tally.failure(format!("{connections} connections were made for some of {names:?}"));
        }
    }
    for asked in lane.left_over() {
        tally.failure(format!("nobody logged in, and what was asked is {asked}"));
    }
}
