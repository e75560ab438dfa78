//! Before TLS: whatever a server does there, it sees no bind.

use std::time::Duration;

use tests::hostile::host::Answer;
use tests::hostile::record::Record;
use tests::hostile::script::{Act, Asked, Script, Step};
use tests::hostile::transport::{Offer, Transport};
use tests::hostile::wire::ber::element;
use tests::hostile::wire::{START_TLS, answer};

use crate::scenario::{Scenario, VIOLATION, send};

const STARTTLS: &[Transport] = &[Transport::StartTls];

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![refused(), silent(), injected(), repeated(), mangled()]
}

fn no_bind(record: &Record, _: &Answer) -> Result<(), String> {
    if record.all_binds() == 0 { Ok(()) } else { Err("there was a bind".to_owned()) }
}

fn at(lie: impl Fn(Asked) -> Vec<Act> + Send + Sync + 'static) -> Script {
    Script::at(Step::StartTls, lie)
}

fn refused() -> Scenario {
    let mut scenario =
        Scenario::new("h17_starttls_refused", "there is no going on without TLS where TLS is asked for").over(STARTTLS);
    for code in [1, 2, 13, 52, 53] {
        let script = at(move |asked| send(answer::extended(asked.id, code, Some(START_TLS))));
        scenario = scenario.everything(&code.to_string(), script, &["tls_failed"]);
    }
    let referral = at(|asked| {
        let referral = element(0xa3, &element(4, b"ldap://elsewhere.example.com/"));
        send(answer::message(asked.id, 0x78, &[answer::result(10, b"", b""), referral].concat(), None))
    });
    scenario.everything("10, with a referral", referral, &["tls_failed"]).always(no_bind)
}

fn silent() -> Scenario {
    Scenario::new("h18_starttls_and_silence", "StartTLS that leads nowhere is given up in time")
        .over(STARTTLS)
        .everything("no answer", at(|_| vec![Act::Silence]), &["timeout"])
        .everything("success, and no handshake", at(|asked| vec![Act::Send(asked.last()), Act::Silence]), &["timeout"])
        .waiting()
        .always(no_bind)
}

fn injected() -> Scenario {
    let script = at(|asked| {
        // Identifiers that the client may use next.
        let injected: Vec<u8> = (1..5).flat_map(|id| answer::bind(id, 0)).collect();
        vec![Act::Send([asked.last(), injected].concat()), Act::Secure(Offer::Good)]
    });
    Scenario::new("h19_injected_behind_starttls", "what was sent in the clear is never taken for an answer under TLS")
        .over(STARTTLS)
        .everything("bind responses", script, VIOLATION)
        .always(no_bind)
}

fn repeated() -> Scenario {
    let twice = at(|asked| vec![Act::Send(asked.last().repeat(2)), Act::Secure(Offer::Good)]);
    let one_octet = at(|asked| vec![Act::Send([asked.last(), vec![0]].concat()), Act::Secure(Offer::Good)]);
    let apart = at(|asked| {
        let pause = Act::Pause(Duration::from_millis(50));
        vec![Act::Send(asked.last()), pause, Act::Send(asked.last()), Act::Secure(Offer::Good)]
    });
    Scenario::new("h38_more_behind_starttls", "nothing may come between the answer to StartTLS and the handshake")
        .over(STARTTLS)
        .everything("the answer twice", twice, VIOLATION)
        .everything("an octet", one_octet, VIOLATION)
        // As a rule the handshake has begun by then, and this is none of it; a slow client may find it before that.
        .everything("the answer twice, apart", apart, &["protocol_violation", "tls_failed"])
        .always(no_bind)
}

fn mangled() -> Scenario {
    Scenario::new("h07_starttls_answered_by_something_else", "only its ExtendedResponse answers StartTLS")
        .over(STARTTLS)
        .everything("a BindResponse", at(|asked| send(answer::bind(asked.id, 0))), VIOLATION)
        .everything("an end of a search", at(|asked| send(answer::done(asked.id, 0))), VIOLATION)
        .everything("another id", at(|asked| send(answer::extended(asked.id + 1, 0, None))), VIOLATION)
        .everything("30 00", at(|_| send(vec![0x30, 0])), VIOLATION)
        .everything("4 GiB", at(|_| send(vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff])), VIOLATION)
        .everything("a text", at(|_| send(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())), VIOLATION)
        .always(no_bind)
}
