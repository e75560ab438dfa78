//! Messages that BER allows and LDAP does not.

use tests::hostile::directory::{ALICE, BOB};
use tests::hostile::script::{Asked, Script, Step};
use tests::hostile::wire::answer;
use tests::hostile::wire::ber::{Elements, element, number};

use crate::scenario::{Scenario, VIOLATION, send};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![message_ids(), texts(), names(), operations(), codes(), matched_dn(), flipped()]
}

fn message_ids() -> Scenario {
    let mut scenario = Scenario::new("h04_id_is_no_integer", "a message whose id is no number is refused");
    for (what, id) in [
        ("an OCTET STRING", element(4, &[1])),
        ("a BOOLEAN", element(1, &[0xff])),
        ("an INTEGER of no octets", element(2, &[])),
        ("an INTEGER of nine octets", element(2, &[0, 0, 0, 0, 0, 0, 0, 0, 1])),
    ] {
        scenario = scenario.everywhere(what, VIOLATION, move |asked| {
            let operation = asked.last_operation();
            send(element(0x30, &[id.clone(), element(operation, &answer::result(0, b"", b""))].concat()))
        });
    }
    scenario
}

fn texts() -> Scenario {
    const NO_TEXT: &[u8] = &[0xff, 0xfe];
    let bind =
        |code| move |asked: Asked| send(answer::message(asked.id, 0x61, &answer::result(code, b"", NO_TEXT), None));
    let done = |code| {
        move |mut asked: Asked| {
            asked.messages.pop();
            asked.messages.push(answer::message(asked.id, 0x65, &answer::result(code, b"", NO_TEXT), None));
            send(asked.messages.concat())
        }
    };
    Scenario::new("h05_diagnostic_is_no_utf8", "a diagnostic message that is not UTF-8 changes nothing")
        .login("a user's bind, 49", Script::at(Step::UserBind, bind(49)), &["rejected/invalid_credentials"])
        .login("a user's bind, 0", Script::at(Step::UserBind, bind(0)), &["accepted"])
        .harmless("the service account's bind", Script::at(Step::ServiceBind, bind(0)))
        .harmless(
            "searches",
            Script::at(Step::UserSearch, done(0)).and_at(Step::BaseRead, done(0)).and_at(Step::Listing, done(0)),
        )
        .login("a search that failed", Script::at(Step::UserSearch, done(80)), &["unavailable/server_error"])
        .list("a listing that failed", Script::at(Step::Listing, done(80)), &["incomplete/server_error"])
}

fn names() -> Scenario {
    const NO_TEXT: &[u8] = b"uid=\xff\xfe,ou=people,dc=example,dc=com";
    let also = |asked: Asked| {
        let mut messages = asked.messages;
        messages.insert(0, answer::entry(asked.id, NO_TEXT, &ALICE.attributes()));
        send(messages.concat())
    };
    Scenario::new("h06_dn_is_no_utf8", "an entry whose DN is not UTF-8 is nobody's, and the rest of a listing goes on")
        .login(
            "the only entry",
            Script::at(Step::UserSearch, |asked| {
                let entry = answer::entry(asked.id, NO_TEXT, &ALICE.attributes());
                send([entry, answer::done(asked.id, 0)].concat())
            }),
            &["unavailable/protocol_violation"],
        )
        .list("one of three", Script::at(Step::Listing, also), &["complete"])
        .also(
            |_, answer| {
                if (answer.users, answer.refused) == (3, 1) { Ok(()) } else { Err("3 users, 1 refused".to_owned()) }
            },
        )
        .validate("one of three", Script::at(Step::Listing, also), &["valid"])
}

fn operations() -> Scenario {
    let mut scenario = Scenario::new("h07_unknown_operation", "an operation that answers no request is refused");
    for tag in [0x7e, 0x5e, 0x60, 0x63, 0x68, 0x69, 0x6f, 0x7a, 0x04, 0x30] {
        scenario = scenario.everywhere(&format!("{tag:#x}"), VIOLATION, move |asked| {
            send(answer::message(asked.id, tag, &answer::result(0, b"", b""), None))
        });
    }
    for tag in [0x61, 0x78] {
        scenario = scenario.at_searches(&format!("{tag:#x}"), VIOLATION, move |asked| {
            send(answer::message(asked.id, tag, &answer::result(0, b"", b""), None))
        });
    }
    scenario
}

fn codes() -> Scenario {
    let mut scenario = Scenario::new("h35_impossible_result_code", "a result code that LDAP cannot have is refused");
    for (what, code) in [
        ("2^31", number(0x0a, 1 << 31)),
        ("-1", number(0x0a, -1)),
        ("five octets", element(0x0a, &[0, 0, 0, 0, 0])),
        ("2^32, which is 0 in 32 bits", number(0x0a, 1 << 32)),
        ("no octets", element(0x0a, &[])),
    ] {
        scenario = scenario.everywhere(what, VIOLATION, move |asked| {
            let operation = asked.last_operation();
            let result = [&code[..], &[4, 0, 4, 0]].concat();
            send(answer::message(asked.id, operation, &result, None))
        });
    }
    scenario
}

fn matched_dn() -> Scenario {
    let matched = |octets| {
        move |mut asked: Asked| {
            asked.messages.pop();
            let result = answer::result(0, &vec![b'x'; octets], b"");
            asked.messages.push(answer::message(asked.id, asked.last_operation(), &result, None));
            send(asked.messages.concat())
        }
    };
    Scenario::new("h36_matched_dn_of_1_mib", "a result that is larger than any that means well is refused")
        .everywhere("1 MiB", VIOLATION, matched(1 << 20))
        .harmless("100 KiB", Script::at_answers(matched(100 << 10)))
}

/// Every element of honest answers in turn, with its class changed or its constructed bit flipped.
fn flipped() -> Scenario {
    const BITS: [u8; 3] = [0x20, 0x40, 0x80];
    let lie = |asked: Asked| {
        let mut octets = asked.messages.concat();
        let tags = tags(&octets);
        octets[tags[asked.nth / BITS.len() % tags.len()]] ^= BITS[asked.nth % BITS.len()];
        send(octets)
    };
    let bind = tags(&answer::bind(1, 0)).len() * BITS.len();
    let search = tags(&[ALICE.entry(1), answer::done(1, 0)].concat()).len() * BITS.len();
    let page = [ALICE.entry(1), BOB.entry(1), answer::page_done(1, 0, b"")].concat();
    let page = tags(&page).len() * BITS.len();
    let base = [answer::entry(1, "dc=x", &[("objectClass", vec!["domain"])]), answer::done(1, 0)].concat();
    let base = tags(&base).len() * BITS.len();
    let refused = &["unavailable/protocol_violation"];
    Scenario::new("h37_wrong_class_or_form", "an element with another class or form than it should have is refused")
        .login("a user's bind", Script::at(Step::UserBind, lie), refused)
        .times(bind)
        .login("the service account's bind", Script::at(Step::ServiceBind, lie), refused)
        .times(bind)
        .login("a search", Script::at(Step::UserSearch, lie), refused)
        .times(search)
        .validate("the base", Script::at(Step::BaseRead, lie), &["invalid/protocol_violation"])
        .times(base)
        .list("a page", Script::at(Step::Listing, lie), &["incomplete/protocol_violation"])
        .times(page)
}

/// Where the elements of these octets begin, inner ones too.
fn tags(octets: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut pending = vec![octets];
    while let Some(inner) = pending.pop() {
        let mut elements = Elements::of(inner);
        while let Some(element) = elements.element().expect("honest octets") {
            let end = element.content.as_ptr_range().start as usize - octets.as_ptr() as usize;
            let header = if element.content.len() < 0x80 { 2 } else { 3 };
            found.push(end - header);
            if element.tag & 0x20 != 0 {
                pending.push(element.content);
            }
        }
    }
    found
}
