//! Sound messages that answer something else, or more than once.

use std::time::Duration;

use tests::hostile::directory::BOB;
use tests::hostile::record::Record;
use tests::hostile::script::{Act, Asked, Script, Step};
use tests::hostile::wire::ber::{element, number};
use tests::hostile::wire::{START_TLS, answer};

use crate::scenario::{Scenario, VIOLATION, send};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![other_operation(), other_id(), silence(), never_sent(), two_bind_responses(), controls()]
}

fn other_operation() -> Scenario {
    Scenario::new("h08_bind_answered_by_another_operation", "only a BindResponse answers a bind")
        .at_binds("an ExtendedResponse, 0", VIOLATION, |asked| send(answer::extended(asked.id, 0, None)))
        .at_binds("StartTLS, 0", VIOLATION, |asked| send(answer::extended(asked.id, 0, Some(START_TLS))))
        .at_binds("a SearchResultDone, 0", VIOLATION, |asked| send(answer::done(asked.id, 0)))
        .at_binds("an entry", VIOLATION, |asked| send(BOB.entry(asked.id)))
        .at_binds("0, and then the right answer: 49", VIOLATION, |asked| {
            send([answer::extended(asked.id, 0, None), answer::bind(asked.id, 49)].concat())
        })
}

fn other_id() -> Scenario {
    Scenario::new("h09_other_message_id", "an answer to another request is none to this one")
        .at_binds("the next", VIOLATION, |asked| send(answer::bind(asked.id + 1, 0)))
        .at_binds("the last", VIOLATION, |asked| send(answer::bind(asked.id - 1, 0)))
        .at_binds("1000", VIOLATION, |_| send(answer::bind(1_000, 0)))
        .at_searches("the next", VIOLATION, |asked| send([BOB.entry(asked.id + 1), asked.last()].concat()))
        .at_searches("only the end", VIOLATION, |asked| send(answer::done(asked.id + 1, 0)))
}

fn silence() -> Scenario {
    let one_bind = |record: &Record, _: &_| {
        if record.user_binds() == 1 { Ok(()) } else { Err("one bind as the user was expected".to_owned()) }
    };
    Scenario::new("h20_silence", "a server that does not answer is given up in time, and not asked twice")
        .everywhere("at once", &["timeout"], |_| vec![Act::Silence])
        .at_searches("after an entry", &["timeout"], |asked| vec![Act::Send(asked.messages[0].clone()), Act::Silence])
        .login("after a user's bind", Script::at(Step::UserBind, |_| vec![Act::Silence]), &["unavailable/timeout"])
        .also(one_bind)
        .waiting()
}

fn never_sent() -> Scenario {
    let entry = |id: i64| move |asked: Asked| send([BOB.entry(id), asked.messages.concat()].concat());
    let raw = |id: Vec<u8>| {
        move |asked: Asked| {
            let operation = element(0x65, &answer::result(0, b"", b""));
            send([element(0x30, &[id.clone(), operation].concat()), asked.messages.concat()].concat())
        }
    };
    Scenario::new("h28_answer_to_no_request", "an answer to a request that was never sent is refused")
        .everywhere("an entry with the id 0", VIOLATION, entry(0))
        .everywhere("an entry with the id -1", VIOLATION, entry(-1))
        .everywhere("an entry with the id 2^31", VIOLATION, entry(1 << 31))
        .everywhere("an entry with the id 2^31 - 1", VIOLATION, entry((1 << 31) - 1))
        .everywhere("a result with the id -2^63", VIOLATION, raw(number(2, i64::MIN)))
        .everywhere("a BindResponse before the answer", VIOLATION, |asked| {
            send([answer::bind(asked.id + 1, 0), asked.messages.concat()].concat())
        })
        .everything("an answer before its request", Script::at(Step::Greeting, |_| send(answer::bind(1, 0))), VIOLATION)
}

fn two_bind_responses() -> Scenario {
    let both = |first: i64, second: i64| {
        move |asked: Asked| send([answer::bind(asked.id, first), answer::bind(asked.id, second)].concat())
    };
    let apart = |first: i64, second: i64| {
        move |asked: Asked| {
            let (first, second) = (answer::bind(asked.id, first), answer::bind(asked.id, second));
            vec![Act::Send(first), Act::Pause(Duration::from_millis(20)), Act::Send(second)]
        }
    };
    let refused = &["rejected/invalid_credentials"];
    let mut scenario = Scenario::new("h29_two_bind_responses", "the first answer to a bind counts, whatever follows")
        .login("49 and then 0, together", Script::at(Step::UserBind, both(49, 0)), refused)
        .login("49 and then 0, apart", Script::at(Step::UserBind, apart(49, 0)), refused)
        .login("0 and then 49, together", Script::at(Step::UserBind, both(0, 49)), &["accepted"])
        .login("0 and then 49, apart", Script::at(Step::UserBind, apart(0, 49)), &["accepted"]);
    let service = || Script::at(Step::ServiceBind, both(49, 0));
    scenario = scenario
        .login("the service account's, 49 and then 0", service(), &["misconfigured/service_credentials_refused"])
        .validate("the service account's, 49 and then 0", service(), &["invalid/service_credentials_refused"])
        .list("the service account's, 49 and then 0", service(), &["incomplete/service_credentials_refused"]);
    // On a connection that goes on, the second answer is one to no request.
    scenario.at_service_bind("0 and then 49", VIOLATION, both(0, 49))
}

fn controls() -> Scenario {
    let with = |controls: Vec<u8>| {
        move |asked: Asked| {
            let operation = asked.last_operation();
            let mut messages = asked.messages;
            messages.pop();
            let result = answer::result(0, b"", b"");
            messages.push(answer::message(asked.id, operation, &result, Some(&controls)));
            send(messages.concat())
        }
    };
    let unknown = with(answer::control(b"1.3.6.1.4.1.32473.1", true, Some(b"whatever")));
    let policy = answer::control(b"1.3.6.1.4.1.42.2.27.8.5.1", false, Some(&[0x30, 0x05, 0x81, 0x01]));
    let ten_thousand = answer::control(b"1.3.6.1.4.1.32473.1", false, None).repeat(10_000);
    Scenario::new("h30_controls", "unknown controls are ignored, malformed ones and heaps of them are refused")
        .harmless("unknown and critical", Script::at_answers(unknown))
        .login(
            "a malformed password policy",
            Script::at(Step::UserBind, with(policy)),
            &["unavailable/protocol_violation"],
        )
        .everywhere("10,000", VIOLATION, with(ten_thousand))
        .everywhere("no SEQUENCE", VIOLATION, with(element(4, b"1.2.3")))
        .everywhere("an empty one", VIOLATION, with(element(0x30, b"")))
        .everywhere("a name of another type", VIOLATION, with(element(0x30, &element(2, &[1]))))
        .everywhere(
            "a criticality of no octets",
            VIOLATION,
            with(element(0x30, &[element(4, b"1.2.3"), element(1, b"")].concat())),
        )
}
