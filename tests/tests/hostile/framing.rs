//! Octets that are no messages: wrong lengths, wrong depths, too much.

use tests::hostile::record::Record;
use tests::hostile::script::{Act, Script};
use tests::hostile::wire::answer;
use tests::hostile::wire::ber::element;

use crate::scenario::{Scenario, VIOLATION, send, told_once};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        nested("h01_nested_8000_deep", 8_000),
        nested("h02_nested_1000_deep", 1_000),
        Scenario::new("h03_empty_message", "a message without an id is refused")
            .everywhere("30 00", VIOLATION, |_| send(vec![0x30, 0x00]))
            .everywhere("a SEQUENCE with nothing but an id", VIOLATION, |asked| {
                send(element(0x30, &element(2, &asked.id.to_be_bytes()[7..])))
            }),
        Scenario::new("h10_inner_longer_than_outer", "an element longer than what holds it is refused at once")
            .everywhere("the last element", VIOLATION, |asked| {
                let mut message = asked.last();
                let length = message.len() - 1;
                message[length] = 5;
                send(message)
            })
            .everywhere("the id", VIOLATION, |_| send(vec![0x30, 0x03, 0x02, 0x7f, 0x01])),
        huge(),
        lengths(),
    ]
}

fn nested(name: &'static str, levels: usize) -> Scenario {
    let nest = move || (0..levels).fold(Vec::new(), |inner, _| element(0x30, &inner));
    Scenario::new(name, "nesting is refused before anything recurses into it")
        .everywhere("alone", VIOLATION, move |_| send(nest()))
        .at_searches("in an entry", VIOLATION, move |asked| send(answer::message(asked.id, 0x64, &nest(), None)))
        .at_binds("in a result", VIOLATION, move |asked| send(answer::message(asked.id, 0x61, &nest(), None)))
        .at_searches("in a control", VIOLATION, move |asked| {
            let result = answer::result(0, b"", b"");
            send(answer::message(asked.id, 0x65, &result, Some(&nest())))
        })
        .always(told_once)
}

/// What sockets may hold between the server and the refusal, in octets. How far the client's memory rises would not
/// tell, since that is a megabyte or two with any request.
const IN_FLIGHT: usize = 1 << 20;

fn huge() -> Scenario {
    let refused_at_the_header = |record: &Record, _: &_| {
        if record.sent > IN_FLIGHT { Err(format!("{} octets were taken", record.sent)) } else { Ok(()) }
    };
    let zeros = || Act::Flood(Box::new((0..4_800).map(|_| vec![0; 1 << 16])));
    Scenario::new("h11_huge_message", "a message that is too large is refused at its header, and not read")
        .everywhere("4 GiB declared, 300 MB sent", VIOLATION, move |_| {
            vec![Act::Send(vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xfb]), zeros()]
        })
        .everywhere("300 MB declared and sent", VIOLATION, move |_| {
            vec![Act::Send(vec![0x30, 0x84, 0x11, 0xe1, 0xa3, 0x00]), zeros()]
        })
        // Entries of this size are passed over, for the sake of others on the connection; what is none is not.
        .everywhere("32 MiB declared, 300 MB sent, not even an id", VIOLATION, move |_| {
            vec![Act::Send(vec![0x30, 0x84, 0x02, 0x00, 0x00, 0x00]), zeros()]
        })
        .always(refused_at_the_header)
}

fn lengths() -> Scenario {
    let mut scenario = Scenario::new(
        "h12_forms_of_length",
        "indefinite and endless lengths are refused; four length octets where one would do are Active Directory's way",
    );
    for (what, header) in [
        ("indefinite", &[0x30, 0x80][..]),
        ("nine length octets", &[0x30, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 12]),
        ("five length octets", &[0x30, 0x85, 0, 0, 0, 0, 12]),
        ("4 GiB", &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
        ("the reserved form", &[0x30, 0xff]),
    ] {
        scenario = scenario.everywhere(what, VIOLATION, move |asked| {
            // The message goes on as an honest one does, ended as the indefinite form asks for.
            let message = asked.last();
            send([header, &message[2..], &[0, 0]].concat())
        });
    }
    let script = Script::at_answers(|asked| {
        send(asked.messages.iter().map(|message| four_length_octets(message)).collect::<Vec<_>>().concat())
    });
    scenario.harmless("four length octets", script)
}

/// The same message, the length of its outermost element written as Active Directory writes lengths.
fn four_length_octets(message: &[u8]) -> Vec<u8> {
    let header = if message[1] < 0x80 { 2 } else { 2 + usize::from(message[1] & 0x7f) };
    let length = u32::try_from(message.len() - header).expect("a short message");
    [&[0x30, 0x84][..], &length.to_be_bytes(), &message[header..]].concat()
}
