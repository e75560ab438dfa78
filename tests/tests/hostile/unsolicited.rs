//! What nobody asked for: notifications, notices, intermediate responses.

use tests::hostile::script::{Act, Script, Step};
use tests::hostile::wire::answer::{self, NOTICE_OF_DISCONNECTION};

use crate::scenario::{Scenario, VIOLATION, flood, send, told_once};

const UNKNOWN: Option<&[u8]> = Some(b"1.3.6.1.4.1.32473.2");

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![unsolicited(), intermediate(), notices()]
}

fn unsolicited() -> Scenario {
    Scenario::new("h16_unsolicited_messages", "unsolicited messages end the connection after a few, with few words")
        .everywhere("notifications without an end", VIOLATION, |_| {
            flood((0..).map(|_| answer::extended(0, 0, UNKNOWN)))
        })
        .everywhere("answers to no request without an end", VIOLATION, |_| {
            flood((1_000..).map(|id| answer::done(id, 0)))
        })
        .everywhere("100 notifications and then the answer", VIOLATION, |asked| {
            send([answer::extended(0, 0, UNKNOWN).repeat(100), asked.messages.concat()].concat())
        })
        .always(told_once)
        .harmless(
            "one notification before each answer",
            Script::at_answers(|asked| send([answer::extended(0, 0, UNKNOWN), asked.messages.concat()].concat())),
        )
}

fn intermediate() -> Scenario {
    let one = |id| answer::message(id, 0x79, &[], None);
    Scenario::new("h31_intermediate_responses", "intermediate responses, which no request here has, are refused")
        .everywhere("without an end", VIOLATION, move |asked| flood((0..).map(move |_| one(asked.id))))
        .everywhere("one", VIOLATION, move |asked| send([one(asked.id), asked.messages.concat()].concat()))
}

fn notices() -> Scenario {
    let gone = &["connection_lost"];
    let right = |code| answer::extended(0, code, Some(NOTICE_OF_DISCONNECTION));
    let mut scenario =
        Scenario::new("r20_notice_of_disconnection", "a server that says goodbye is not one that misbehaves");
    for code in [52, 51, 2] {
        let what = format!("{code}");
        scenario = scenario.everywhere(&what, gone, move |_| vec![Act::Send(right(code)), Act::Close]);
        scenario = scenario.everywhere(&format!("{code}, in Active Directory's form"), gone, move |_| {
            vec![Act::Send(answer::notice_with_its_name_outside(code)), Act::Close]
        });
    }
    scenario
        .everything(
            "before any request",
            Script::at(Step::Greeting, move |_| vec![Act::Send(right(52)), Act::Close]),
            gone,
        )
        .at_searches("in the middle of a search", gone, move |asked| {
            vec![Act::Send([asked.messages[0].clone(), right(52)].concat()), Act::Close]
        })
}
