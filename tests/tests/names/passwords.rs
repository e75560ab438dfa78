//! What becomes of a typed password on its way to the directory.

use fastrand::Rng;
use provider_api::host::{HostServices, Plugin, Provider, Trust};
use provider_api::{Credentials, Decision, RejectReason, Secret};
use serde_json::json;
use tests::host::context;
use tests::hostile::wire::Request;
use tests::oracle::{OnlyEntry, Oracle, knows_one};
use tests::plugin;

use super::lane::{BASE_DN, settings};
use super::rule::lets_password_through;
use super::run::Run;
use super::written_at_random;

/// So many random passwords for each random name that is asked for.
const NAMES_TO_A_PASSWORD: usize = 10;

const LISTED: &[&str] = &[
    "secret",
    " ",
    "   ",
    " leading",
    "trailing ",
    "two  blanks",
    "p\u{e4}ssw\u{f6}rd",
    "pa\u{308}sswo\u{308}rd",
    "\u{212b}",
    "\u{c5}",
    "ﬁ",
    "①²",
    "🔑",
    "👩🏽‍🚒",
    "a\u{ad}b",
    "\u{200b}",
    "\u{feff}secret",
    "\u{202e}terces",
    "a\u{2028}b",
    "\u{a0}",
    "\u{3000}",
    "\u{fffd}",
    "\u{10ffff}",
    "\"quoted\"",
    "'quoted'",
    "`quoted`",
    "it's \"both\"",
    "back\\slash",
    "\\00",
    "\\2a",
    "%00",
    "&#0;",
    "*",
    "*)(uid=*",
    "a,b+c=d;e<f>g#h",
    "{SSHA}bm90IGEgaGFzaA==",
    "{CLEARTEXT}secret",
    "$ENV:PATH",
    "${x}",
    "null",
    "0",
    // What is refused.
    "",
    "\0",
    "\0\0",
    "\0secret",
    "secret\0",
    "sec\0ret",
    "secret\n",
    "secret\r\n",
    "\t",
    "a\tb",
    "\u{1b}[A",
    "\u{7f}",
    "a\u{85}b",
    "\u{9f}",
];

/// Around the limits at which lengths in BER take another octet, and around the longest password; in characters of one
/// to four octets, after a first one of one octet where that makes the number even.
const LENGTHS: &[usize] = &[1, 119, 120, 121, 127, 128, 129, 254, 255, 256, 257, 1_020, 1_023, 1_024, 1_025, 1_028];

fn of_many_lengths() -> impl Iterator<Item = String> {
    ["p", "ü", "李", "🔑"].into_iter().flat_map(|character| {
        LENGTHS.iter().map(move |&octets| {
            let rest = octets % character.len();
            format!("{}{}", "x".repeat(rest), character.repeat(octets / character.len()))
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_arrives_octet_for_octet_in_one_bind_or_nothing_is_sent() {
    let run = Run::from_environment();
    let mut generator = Rng::with_seed(run.seed);
    let random = (0..run.names / NAMES_TO_A_PASSWORD).map(|_| written_at_random::password(&mut generator));
    let passwords = LISTED.iter().copied().map(str::to_owned).chain(of_many_lengths()).chain(random);
    let (sent, refused): (Vec<String>, Vec<String>) = passwords.partition(|password| lets_password_through(password));
    let mut directory = Directory::with_alice().await;
    for password in &sent {
        directory.is_sent(password).await;
    }
    assert_ne!(directory.oracle.connections().await, 0, "the oracle hears what is sent");
    for password in &refused {
        directory.is_refused(password).await;
    }
    assert_eq!(directory.oracle.connections().await, 0, "for one of {refused:?} there was a connection");
    run.say(format_args!("{} passwords arrived unchanged, {} were refused", sent.len(), refused.len()));
}

struct Directory {
    oracle: Oracle,
    provider: Provider,
}

const ALICE: &str = "alice";

fn dn_of_alice() -> String {
    format!("uid={ALICE},{BASE_DN}")
}

impl Directory {
    async fn with_alice() -> Self {
        let oracle = Oracle::start().await;
        oracle.answers(knows_one(OnlyEntry::of_person(ALICE, dn_of_alice())));
        let mut settings = settings(&oracle);
        settings["username_attribute"] = json!("uid");
        let plugin = Plugin::open(plugin::ldap_provider(), &Trust::developer()).await.unwrap();
        let provider = plugin.configure(&settings, &HostServices::silent()).await.expect("settings that work");
        let directory = Self { oracle, provider };
        // The first two logins have the connections opened, of which one is asked for a sign of life.
        for _ in 0..2 {
            assert!(matches!(directory.login("a password").await, Decision::Accepted(_)));
        }
        drop(directory.oracle.asked());
        directory
    }

    async fn login(&self, password: &str) -> Decision {
        let credentials = Credentials::new(ALICE, Secret::new(password));
        self.provider
            .authenticate(&context(), &credentials)
            .await
            .unwrap_or_else(|fault| panic!("{password:?}: {fault}"))
    }

    async fn is_sent(&self, password: &str) {
        let decision = self.login(password).await;
        let asked: Vec<Request> = self.oracle.asked().into_iter().map(Result::unwrap).collect();
        let [Request::Search { .. }, Request::Bind { name, password: octets }] = asked.as_slice() else {
            panic!("{password:?}: one search and one bind were to be made, not {asked:?}")
        };
        assert_eq!(name, dn_of_alice().as_bytes(), "{password:?}");
        assert_eq!(octets, password.as_bytes(), "{password:?}");
        assert!(matches!(decision, Decision::Accepted(_)), "{password:?}: {decision:?}");
    }

    async fn is_refused(&self, password: &str) {
        let decision = self.login(password).await;
        assert_eq!(self.oracle.asked(), [], "{password:?}");
        let expected = if password.is_empty() { RejectReason::EMPTY_PASSWORD } else { RejectReason::INPUT_REFUSED };
        assert!(
            matches!(&decision, Decision::Rejected(rejection) if rejection.reason == expected),
            "{password:?}: {decision:?}"
        );
    }
}
