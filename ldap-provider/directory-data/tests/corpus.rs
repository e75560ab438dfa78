//! Replays, on the stable compiler, what the fuzz targets began with and what they found: the seeds, and the corpus in
//! `fuzz/corpus`. `tests/long fuzz-data` looks for more.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "the same files are the library of the fuzz targets, and a test may fail this way"
)]

#[path = "../fuzz/src/properties/mod.rs"]
mod properties;
#[path = "../../wire-guard/tests/replay/mod.rs"]
mod replay;
#[path = "../fuzz/src/seeds.rs"]
mod seeds;

use replay::{check_corpus, replay};

#[test]
fn the_password_policys_control_keeps_its_promises() {
    replay("ppolicy");
}

#[test]
fn the_message_of_a_refused_bind_keeps_its_promises() {
    replay("logon_failure");
}

#[test]
fn the_state_of_an_account_keeps_its_promises() {
    replay("account");
}

#[test]
fn security_identifiers_keep_their_promises() {
    replay("sid");
}

#[test]
fn immutable_ids_keep_their_promises() {
    replay("identifier");
}

#[test]
fn times_and_locks_keep_their_promises() {
    replay("generalized_time");
}

#[test]
fn dns_keep_their_promises() {
    replay("dn");
}

#[test]
fn ranges_keep_their_promises() {
    replay("range");
}

#[test]
fn the_corpus_is_small_and_there_is_one_for_each_target() {
    check_corpus();
}
