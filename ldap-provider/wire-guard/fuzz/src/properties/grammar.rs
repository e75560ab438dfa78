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
        (SearchAnswer::Entry(entry), Answer::Entry { dn, .. }) => assert_eq!(entry.dn, escaped(dn)),
        (SearchAnswer::Done(result, passed_on), Answer::Done { code, matched_dn, diagnostic }) => {
            assert_eq!(result.code, *code);
            assert_eq!(Ok(passed_on), controls.as_ref());
            assert_eq!(result.matched_dn, String::from_utf8_lossy(matched_dn));
            let diagnostic = String::from_utf8_lossy(diagnostic);
            assert_eq!(result.diagnostic, diagnostic.trim_end_matches('\0'));
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

/// A DN with what is not UTF-8 as RFC 4514 section 2.4 lets any octet be written.
fn escaped(dn: &[u8]) -> String {
    let mut rest = dn;
    let mut escaped = String::new();
    while !rest.is_empty() {
        let sound = str::from_utf8(rest).map_or_else(|error| error.valid_up_to(), str::len);
        let (text, behind) = rest.split_at(sound);
        escaped.push_str(str::from_utf8(text).expect("it is valid up to here"));
        rest = behind;
        if let Some((octet, behind)) = behind.split_first() {
            escaped.extend(['\\', hexadecimal(octet >> 4), hexadecimal(octet & 0x0f)]);
            rest = behind;
        }
    }
    escaped
}

fn hexadecimal(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).expect("four bits").to_ascii_uppercase()
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
