//! Where the fuzzing begins: real messages, and the way of the PROTOS test suite for LDAP (c06-ldapv3): each field of
//! each message with each of a list of exceptional elements, everything else being right.
//!
//! They are made and not kept: some thousand files would say nothing that this folder does not. The corpus in the
//! repository is what reaches different code among them and among what the fuzzer found.

mod exceptional;
mod large;
mod messages;
pub(crate) mod tree;

use super::properties::{FRAMING_LIMITS, Scenario};
use messages::Answers;

/// An input for a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The target.
    pub target: &'static str,
    /// What it is, fit for the name of a file.
    pub name: String,
    /// The input.
    pub input: Vec<u8>,
}

/// All seeds of all targets.
pub fn all() -> Vec<Seed> {
    let mut seeds = Vec::new();
    let done = messages::message(1, messages::result(0x65, 0, "", []), None).encoded();
    for (name, answers, message) in messages::all() {
        let cases = exceptional::of(&message).into_iter().map(|(case, octets)| (format!("{name}-{case}"), octets));
        for (name, octets) in [(name.to_owned(), message.encoded())].into_iter().chain(cases) {
            for &scenario in scenarios(answers) {
                // What is behind an exceptional message has to be read as if it were not there, or not at all.
                let octets = [&octets[..], &done].concat();
                seeds.push(conversation(scenario, 0, &format!("{scenario:?}-{name}"), &octets));
            }
            seeds.push(Seed { target: "grammar", name: name.clone(), input: octets.clone() });
            seeds.push(framing(3, [1, 0, 7, 2], &name, &[&octets[..], &octets].concat()));
        }
    }
    for cookie in [&b""[..], &[0], &[7, 0, 0xff, 1], &[0x11; 200]] {
        let value = messages::paged_value(cookie);
        for (case, input) in exceptional::of(&value).into_iter().chain([("whole".to_owned(), value.encoded())]) {
            seeds.push(Seed { target: "paged_results", name: format!("cookie-of-{}-{case}", cookie.len()), input });
        }
    }
    for (name, octets) in large::all() {
        for scenario in [Scenario::Search, Scenario::Library, Scenario::Login] {
            seeds.push(conversation(scenario, 0, &format!("{scenario:?}-{name}"), &octets));
        }
        seeds.push(framing(3, [255, 0, 255, 255], name, &octets));
        seeds.push(Seed { target: "grammar", name: name.to_owned(), input: octets });
    }
    for (limit, octets) in (0..).zip(FRAMING_LIMITS) {
        for (name, octets) in [("at-the-limit", octets), ("one-beyond-the-limit", octets + 1)] {
            seeds.push(framing(
                limit,
                [3, 255, 0, 255],
                &format!("message-{name}-of-{octets}"),
                &large::message_of(octets),
            ));
        }
    }
    seeds
}

/// What real servers answer to a search, each with a name. The guard lets it through.
pub fn sound_search_answers() -> Vec<(&'static str, Vec<u8>)> {
    let samples = messages::all().into_iter().filter(|(_, answers, _)| *answers == Answers::Search);
    // An intermediate response answers no search of ours: none asks for one (RFC 4511 section 4.13).
    let samples = samples.filter(|(name, ..)| *name != "intermediate");
    samples.map(|(name, _, message)| (name, message.encoded())).collect()
}

fn scenarios(answers: Answers) -> &'static [Scenario] {
    match answers {
        Answers::Search => &[Scenario::Search, Scenario::Library, Scenario::Login],
        Answers::Bind => &[Scenario::BindAndSearch, Scenario::BindUser],
        Answers::StartTls => &[Scenario::StartTls],
        Answers::Anything => &Scenario::ALL,
    }
}

fn conversation(scenario: Scenario, piece: u8, name: &str, octets: &[u8]) -> Seed {
    let scenario = Scenario::ALL.iter().position(|&one| one == scenario).unwrap_or_default();
    let scenario = u8::try_from(scenario).unwrap_or_default();
    Seed { target: "conversation", name: name.to_owned(), input: [&[scenario, piece], octets].concat() }
}

fn framing(limit: u8, cuts: [u8; 4], name: &str, octets: &[u8]) -> Seed {
    Seed { target: "framing", name: name.to_owned(), input: [&[limit], &cuts[..], octets].concat() }
}
