use lber::structure::{PL, StructureTag};
use wire_guard::frame::check_elements;
use wire_guard::grammar::{SearchAnswer, check_search_answer};
use wire_guard::message::Message;

use super::rfc4511::{self, Answer};

/// A message is checked against the grammar of LDAP.
///
/// The input is the message. What is let through
///
/// - has exactly the parts that a second opinion, a strict decoder, finds in it,
/// - and is taken by the LDAP library's parser, without a panic and to its last octet.
pub fn grammar(input: &[u8]) {
    let Ok(message) = Message::parse(input) else { return };
    let controls = message.controls();
    let Ok(answer) = check_search_answer(&message) else { return };
    // What the framing has refused does not come this far.
    if check_elements(input).is_err() {
        return;
    }
    let strict = rfc4511::message(input).expect("what is let through is a sound message");
    assert_eq!(message.id, strict.id);
    match (&answer, &strict.answer) {
        (SearchAnswer::Reference, Answer::Reference) => {}
        (SearchAnswer::Entry(entry), Answer::Entry { dn, .. }) => match str::from_utf8(dn) {
            Ok(dn) => assert_eq!(entry.dn, dn),
            Err(_) => assert_eq!(unescaped(&entry.dn), *dn, "it is shown as {:?}", entry.dn),
        },
        (SearchAnswer::Done(result, passed_on), Answer::Done { code, matched_dn, diagnostic }) => {
            assert_eq!(result.code, *code);
            assert_eq!(Ok(passed_on), controls.as_ref());
            check_text(&result.matched_dn, matched_dn);
            check_text(&result.diagnostic, diagnostic);
        }
        (answer, strict) => panic!("{answer:?} is {strict:?}"),
    }
    let controls = controls.expect("the controls of a message that is let through");
    let found = controls.iter().map(|control| (control.oid.as_str(), control.value.as_deref()));
    assert!(found.eq(strict.controls), "other controls than those of the message");
    let (rest, tree) = lber::Parser::new().parse(input).expect("the library's parser takes what is let through");
    assert!(rest.is_empty(), "the library's parser leaves octets over");
    assert_eq!(Some(elements(&tree)), rfc4511::count(input), "the library sees other elements");
}

/// A text of a result is one line, not long, and what the server wrote if that was such a text.
fn check_text(shown: &str, written: &[u8]) {
    const LONGEST: usize = 4_096;
    let breaks = |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
    assert!(!shown.contains(breaks), "more than one line: {shown:?}");
    // An octet that is not UTF-8 is replaced by three.
    assert!(shown.len() <= 3 * LONGEST, "a text of {} octets", shown.len());
    if let Some(written) = str::from_utf8(written).ok().filter(|text| text.len() <= LONGEST && !text.contains(breaks)) {
        assert_eq!(shown, written);
    }
}

/// The octets of a DN that is shown with some of them in hexadecimal digits: none are lost, and none are invented.
fn unescaped(shown: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = shown.as_bytes();
    while let [first, behind @ ..] = rest {
        let (octet, behind) = match (first, behind) {
            (b'\\', [b'\\', behind @ ..]) => (b'\\', behind),
            (b'\\', [high, low, behind @ ..]) => (hexadecimal(*high) << 4 | hexadecimal(*low), behind),
            _ => (*first, behind),
        };
        octets.push(octet);
        rest = behind;
    }
    octets
}

fn hexadecimal(digit: u8) -> u8 {
    let digit = char::from(digit).to_digit(16).expect("a hexadecimal digit");
    u8::try_from(digit).expect("four bits")
}

fn elements(tree: &StructureTag) -> usize {
    let mut waiting = vec![tree];
    let mut count = 0;
    while let Some(tag) = waiting.pop() {
        count += 1;
        if let PL::C(parts) = &tag.payload {
            waiting.extend(parts);
        }
    }
    count
}
