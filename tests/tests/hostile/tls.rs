//! TLS that goes wrong, from the handshake to the end.

use tests::hostile::host::Answer;
use tests::hostile::record::Record;
use tests::hostile::script::{Act, Asked, Script, Step};
use tests::hostile::transport::{Offer, Transport};
use tests::hostile::wire::answer;

use crate::scenario::Scenario;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![handshakes(), tickets(), unprotected(), renegotiation(), renewed()]
}

/// Does this where the handshake should be, whichever way TLS begins.
fn instead(acts: impl Fn() -> Vec<Act> + Clone + Send + Sync + 'static) -> Script {
    let ldaps = acts.clone();
    let starttls = move |asked: Asked| [Act::Send(asked.last())].into_iter().chain(acts()).collect();
    Script::at(Step::StartTls, starttls).and_at(Step::Connect, move |asked| {
        // Only LDAPS has a handshake here.
        if asked.honestly().is_empty() { Vec::new() } else { ldaps() }
    })
}

fn handshakes() -> Scenario {
    let no_bind = |record: &Record, _: &Answer| {
        if record.all_binds() == 0 { Ok(()) } else { Err("there was a bind".to_owned()) }
    };
    let octets = |octets: &'static [u8]| instead(move || vec![Act::Hear, Act::Send(octets.to_vec()), Act::Silence]);
    let mut scenario = Scenario::new("h33_broken_handshakes", "nothing goes on after a handshake that failed")
        .over(&Transport::SECURE);
    for (what, script) in [
        ("an alert", octets(&[0x15, 3, 3, 0, 2, 2, 40])),
        ("LDAP", octets(&[0x30, 0x0c, 2, 1, 1, 0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0])),
        ("octets that mean nothing", octets(&[0xff; 64])),
        ("a record that is too long", octets(&[0x16, 3, 3, 0xff, 0xff])),
        ("a ServerHello of nothing", octets(&[0x16, 3, 3, 0, 4, 2, 0, 0, 0])),
        ("a chain of 100", instead(|| vec![Act::Secure(Offer::LongChain)])),
        ("a chain of 1 MiB", instead(|| vec![Act::Secure(Offer::HugeChain)])),
    ] {
        scenario = scenario.everything(what, script, &["tls_failed"]);
    }
    scenario.always(no_bind)
}

fn tickets() -> Scenario {
    let tickets = |count| instead(move || vec![Act::Secure(Offer::Tickets(count))]);
    Scenario::new("h33_heaps_of_tickets", "session tickets take no more memory than there are for one server")
        .over(&Transport::SECURE)
        .harmless("400", tickets(400))
        // More than rustls takes in one flight; the client's part of the handshake is over by then.
        .everything("5,000", tickets(5_000), &["connection_lost"])
}

fn unprotected() -> Scenario {
    let lie = |asked: Asked| vec![Act::Unprotect(asked.messages.concat())];
    let bind = |asked: Asked| vec![Act::Unprotect(answer::bind(asked.id, 0))];
    let gone = &["connection_lost"];
    Scenario::new("h33_clear_text_behind_tls", "what comes after the end of TLS is not read")
        .over(&Transport::SECURE)
        .at_searches("an entry", gone, lie)
        .at_binds("success", gone, bind)
}

fn renegotiation() -> Scenario {
    let asking = |times| {
        let lie = move |asked: Asked| vec![Act::Renegotiate(times, asked.messages.concat())];
        let tls12 = instead(|| vec![Act::Secure(Offer::Tls12)]);
        tls12.and_at(Step::UserSearch, lie).and_at(Step::Listing, lie).and_at(Step::UserBind, lie)
    };
    Scenario::new("h33_renegotiation", "a server that asks for another handshake does not get one")
        .over(&Transport::SECURE)
        .harmless("not at all", asking(0))
        .harmless("once", asking(1))
        // The server does not understand another word on the connection.
        .with_binds_apart()
        .login("1,000 times", asking(1_000), &["unavailable/connection_lost"])
        .list("1,000 times", asking(1_000), &["incomplete/connection_lost"])
        .validate("1,000 times", asking(1_000), &["invalid/connection_lost"])
}

fn renewed() -> Scenario {
    // A new one with each connection, so that a session which is resumed meets another certificate, too.
    let turns = |nth: usize| if nth.is_multiple_of(2) { Offer::Good } else { Offer::Renewed };
    let offering = |offer: fn(usize) -> Offer| {
        let acts = move |asked: &Asked| vec![Act::Secure(offer(asked.nth))];
        Script::at(Step::StartTls, move |asked| [Act::Send(asked.last())].into_iter().chain(acts(&asked)).collect())
            .and_at(Step::Connect, move |asked| {
                let acts = acts(&asked);
                if asked.honestly().is_empty() { Vec::new() } else { acts }
            })
    };
    Scenario::new(
        "r13_certificate_renewed",
        "a new certificate of the same CA troubles nobody, one of another CA is refused",
    )
    .over(&Transport::SECURE)
    .harmless("of the same CA", offering(turns))
    .login("of the same CA, again and again", offering(turns), &["accepted"])
    .times(20)
    .everything("of another CA", offering(|_| Offer::Strange), &["tls_failed"])
    .login(
        "of another CA, from the second connection on",
        offering(|nth| if nth == 0 { Offer::Good } else { Offer::Strange }),
        &["unavailable/tls_failed"],
    )
    .also(|record, _| if record.user_binds() == 0 { Ok(()) } else { Err("there was a bind as the user".to_owned()) })
    .with_binds_apart()
}
