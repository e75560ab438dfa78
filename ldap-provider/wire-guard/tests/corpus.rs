//! Replays, on the stable compiler, what the fuzz targets began with and what they found: the seeds, and the corpus in
//! `fuzz/corpus`. `tests/long fuzz` looks for more.
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
mod replay;
#[path = "../fuzz/src/seeds/mod.rs"]
mod seeds;

use replay::{check_corpus, replay};
use wire_guard::grammar::check_search_answer;
use wire_guard::message::Message;

#[test]
fn framing_keeps_its_promises() {
    replay("framing");
}

#[test]
fn the_grammar_check_keeps_its_promises() {
    replay("grammar");
}

#[test]
fn the_paged_results_control_keeps_its_promises() {
    replay("paged_results");
}

#[test]
fn a_whole_conversation_keeps_its_promises() {
    replay("conversation");
}

#[test]
fn what_real_servers_answer_to_a_search_is_let_through() {
    for (name, octets) in seeds::sound_search_answers() {
        let checked = Message::parse(&octets).and_then(|message| check_search_answer(&message).map(drop));
        assert_eq!(checked, Ok(()), "{name}");
    }
}

#[test]
fn the_corpus_is_small_and_there_is_one_for_each_target() {
    check_corpus();
}
