//! Answers that belong to somebody else.
//!
//! Searches of all logins share connections, so that the server can answer one of them with the entry of another: no
//! login believes the server about whose entry it got.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tests::hostile::directory::{ALICE, BOB, Person, asserted};
use tests::hostile::host::Question;
use tests::hostile::script::{Asked, Script, Step};
use tests::hostile::server::HostileServer;
use tests::hostile::wire::{Request, answer};

use crate::play::Stand;
use crate::scenario::{Operation, Scenario, send};

/// How many pairs of logins are made, unless `HOSTILE_PAIRS` says otherwise: in the short form, and in the full one.
const PAIRS: usize = 200;
const PAIRS_IN_FULL: usize = 1_000;

/// How many logins are under way at once.
const AT_ONCE: usize = 8;

/// After how many pairs the count is looked at, and the server's record begins anew.
const BATCH: usize = 10_000;

pub(crate) fn scenarios() -> Vec<Scenario> {
    let promise = "whatever entries a server mixes up, nobody comes in as somebody else";
    vec![Scenario::new("h40_swapped_entries", promise).own(&[Operation::Login], |stand| Box::pin(swap(stand)))]
}

async fn swap(stand: &mut Stand) -> Result<(), String> {
    let server = HostileServer::start(&stand.certificates, stand.transport, script());
    stand.expect(&Question::Configure(server.settings()), "configured").await?;
    let people = [&ALICE, &BOB].map(|person| {
        let Person { uid, password, uuid, .. } = person;
        [uid, password, uuid].map(|text| (*text).to_owned()).into()
    });
    let wanted = pairs();
    let (mut done, begun) = (0, Instant::now());
    while done < wanted {
        let pairs = BATCH.min(wanted - done);
        server.arm();
        let question = Question::Pairs { people: people.to_vec(), pairs, at_once: AT_ONCE };
        let counted = stand.ask_for_many(&question, Duration::from_mins(10)).await?.outcomes;
        server.finish(2 * pairs).await?;
        check(&counted, 2 * pairs).map_err(|problem| format!("{problem}: {counted:?} of {} logins", 2 * pairs))?;
        done += pairs;
        if wanted > BATCH {
            println!("h40 over {}: {done} of {wanted} pairs in {:.0?}: {counted:?}", stand.transport, begun.elapsed());
        }
    }
    server.end(stand.logins).await
}

/// Nobody came in as somebody else, and yet the server had its way: some came in, and some were refused.
fn check(counted: &BTreeMap<String, usize>, logins: usize) -> Result<(), &'static str> {
    let of = |outcome: &str| counted.get(outcome).copied().unwrap_or_default();
    if of("crossed") > 0 {
        return Err("somebody came in as somebody else");
    }
    if counted.values().sum::<usize>() != logins {
        return Err("logins were lost");
    }
    // On a busy machine, some logins are not answered in time.
    let known = |outcome: &str| {
        matches!(outcome, "accepted" | "rejected/name_mismatch" | "rejected/ambiguous_user")
            || outcome.starts_with("unavailable/")
    };
    if !counted.keys().all(|outcome| known(outcome)) {
        return Err("an answer that none of these logins may have");
    }
    let often = |outcome: &str| of(outcome) > logins / 10;
    // The entry for the request that comes next finds a search that is under way, or none.
    let ahead = of("rejected/ambiguous_user") + of("unavailable/protocol_violation") > logins / 10;
    if often("accepted") && often("rejected/name_mismatch") && ahead {
        Ok(())
    } else {
        Err("the server did not have its way")
    }
}

/// A server that takes every password, and mixes up whose entry is whose in every way in turn.
fn script() -> Script {
    let before = Arc::new(Mutex::new(&ALICE));
    let search = move |asked: Asked| {
        let Some(Request::Search { filter, .. }) = &asked.request else { return Vec::new() };
        let is_bob = asserted(filter).contains(&BOB.uid.as_bytes());
        let (own, other): (&Person, &Person) = if is_bob { (&BOB, &ALICE) } else { (&ALICE, &BOB) };
        let mut before = before.lock().unwrap_or_else(PoisonError::into_inner);
        let last = std::mem::replace(&mut *before, own);
        let end = answer::done(asked.id, 0);
        send(match asked.nth % 4 {
            0 => [own.entry(asked.id), end].concat(),
            1 => [other.entry(asked.id), end].concat(),
            // The answer to the request before this one.
            2 => [last.entry(asked.id), end].concat(),
            // The right answer, and another's with the id that comes next.
            _ => [other.entry(asked.id + 1), own.entry(asked.id), end].concat(),
        })
    };
    Script::at(Step::UserSearch, search).and_at(Step::UserBind, |asked| send(answer::bind(asked.id, 0)))
}

fn pairs() -> usize {
    let told = std::env::var("HOSTILE_PAIRS").ok().map(|number| number.parse().expect("HOSTILE_PAIRS is a number"));
    let full = std::env::var("HOSTILE").is_ok_and(|form| form == "full");
    told.unwrap_or(if full { PAIRS_IN_FULL } else { PAIRS })
}
