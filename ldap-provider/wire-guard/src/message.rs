//! What all LDAP messages have in common (RFC 4511 section 4.1): an id, an operation, controls; and the result that
//! most answers carry.

use crate::Violation;
use crate::ber::{self, BOOLEAN, ENUMERATED, INTEGER, OCTET_STRING, Reader, SEQUENCE};

/// The identifiers of the operations that matter here.
pub mod operation {
    /// `BindRequest`.
    pub const BIND_REQUEST: u8 = 0x60;
    /// `BindResponse`.
    pub const BIND_RESPONSE: u8 = 0x61;
    /// `UnbindRequest`.
    pub const UNBIND_REQUEST: u8 = 0x42;
    /// `SearchRequest`.
    pub const SEARCH_REQUEST: u8 = 0x63;
    /// `SearchResultEntry`.
    pub const SEARCH_ENTRY: u8 = 0x64;
    /// `SearchResultDone`.
    pub const SEARCH_DONE: u8 = 0x65;
    /// `SearchResultReference`.
    pub const SEARCH_REFERENCE: u8 = 0x73;
    /// `AbandonRequest`.
    pub const ABANDON_REQUEST: u8 = 0x50;
    /// `ExtendedRequest`.
    pub const EXTENDED_REQUEST: u8 = 0x77;
    /// `ExtendedResponse`.
    pub const EXTENDED_RESPONSE: u8 = 0x78;
}

/// The identifier of a message's controls.
const CONTROLS: u8 = 0xa0;
/// The same without the bit that says that there are elements within.
const PRIMITIVE_CONTROLS: u8 = 0x80;
/// The identifier of the referral within a result.
const REFERRAL: u8 = 0xa3;

const BAD_ID: &str = "a message whose id is not a number from 0 to 2147483647";

/// The most controls that a message may carry. Servers send one or two.
pub const MAX_CONTROLS: usize = 100;

/// The id and the operation of the message that begins here; `None` while octets of them are missing. For a message of
/// which no more is looked at.
pub(crate) fn id_and_operation(bytes: &[u8]) -> Result<Option<(u32, u8)>, Violation> {
    let Some(message) = ber::header(bytes)? else { return Ok(None) };
    let parts = bytes.get(message.length..).unwrap_or_default();
    let Some(id) = ber::header(parts)? else { return Ok(None) };
    // Else it would be waited for.
    if id.identifier != INTEGER || id.content > 4 {
        return Err(Violation::Malformed(BAD_ID));
    }
    let Some((id, behind)) = parts.split_at_checked(id.total()) else { return Ok(None) };
    let Some(operation) = ber::header(behind)? else { return Ok(None) };
    if id.len() + operation.total() > message.content {
        return Err(Violation::Overrun);
    }
    Ok(Some((Reader::new(id).number(INTEGER, BAD_ID)?, operation.identifier)))
}

/// A message taken apart, its content untouched.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The request that it belongs to; 0 for what belongs to none.
    pub id: u32,
    /// The identifier of the operation, see [`operation`].
    pub operation: u8,
    /// The operation's content.
    pub content: &'a [u8],
    /// The content of the controls, if there are any.
    controls: &'a [u8],
    /// Components that this side does not know.
    extensions: &'a [u8],
}

impl<'a> Message<'a> {
    /// Takes a whole message apart.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Violation> {
        let mut outer = Reader::new(bytes);
        let mut parts = Reader::new(outer.expect(SEQUENCE, "a message that is not a SEQUENCE")?);
        outer.end("octets behind the message")?;
        let id = parts.number(INTEGER, BAD_ID)?;
        let operation = parts.element()?.ok_or(Violation::Malformed("a message without an operation"))?;
        let controls = parts.optional(CONTROLS)?.unwrap_or_default();
        let extensions = parts.rest();
        // What is tagged like them and is no list: a page would seem to have no cookie.
        if extensions.first() == Some(&PRIMITIVE_CONTROLS) {
            return Err(Violation::Malformed("controls that are not a list"));
        }
        parts.extensions("something behind the operation that is no extension")?;
        Ok(Self { id, operation: operation.identifier, content: operation.content, controls, extensions })
    }

    /// The message's controls.
    pub fn controls(&self) -> Result<Vec<Control>, Violation> {
        let mut reader = Reader::new(self.controls);
        let mut controls = Vec::new();
        while let Some(element) = reader.element()? {
            if element.identifier != SEQUENCE {
                return Err(Violation::Malformed("a control that is not a SEQUENCE"));
            }
            if controls.len() == MAX_CONTROLS {
                return Err(Violation::TooManyControls { limit: MAX_CONTROLS });
            }
            controls.push(Control::parse(element.content)?);
        }
        Ok(controls)
    }

    /// Whether there is nothing beside the id and the operation.
    pub(crate) fn is_bare(&self) -> bool {
        self.controls.is_empty() && self.extensions.is_empty()
    }

    /// What stands behind the operation and is not controls.
    pub(crate) fn extensions(&self) -> Reader<'a> {
        Reader::new(self.extensions)
    }
}

/// A control as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Its object identifier.
    pub oid: String,
    /// Its value, not looked into.
    pub value: Option<Vec<u8>>,
}

impl Control {
    fn parse(content: &[u8]) -> Result<Self, Violation> {
        let mut parts = Reader::new(content);
        let oid = parts.text("a control without a name", "the name of a control")?;
        if parts.optional(BOOLEAN)?.is_some_and(|content| content.len() != 1) {
            return Err(Violation::Malformed("a control whose criticality is not one octet"));
        }
        let value = parts.optional(OCTET_STRING)?;
        parts.extensions("something behind the value of a control that is no extension")?;
        Ok(Self { oid: oid.to_owned(), value: value.map(<[u8]>::to_vec) })
    }

    /// Appends the control as one that is not critical (RFC 4511 section 4.1.11).
    fn push(&self, out: &mut Vec<u8>) {
        let mut parts = ber::wrap(OCTET_STRING, self.oid.as_bytes());
        if let Some(value) = &self.value {
            ber::push_octets(&mut parts, OCTET_STRING, value);
        }
        ber::push_octets(out, SEQUENCE, &parts);
    }
}

/// The result of an operation (RFC 4511 section 4.1.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationResult {
    /// The result code, any that the server chose to send. Only 0 is success.
    pub code: u32,
    /// The DN up to which the server could follow the request's. Like the next, cut at 4 KiB.
    pub matched_dn: String,
    /// The server's own words: for an administrator, never for a user. What is not UTF-8 is replaced, as are control
    /// characters.
    pub diagnostic: String,
}

impl OperationResult {
    /// Reads a result from the content of an operation; what follows it there is left to `rest`.
    pub(crate) fn read(rest: &mut Reader<'_>) -> Result<Self, Violation> {
        let code = rest.number(ENUMERATED, "a result without a result code")?;
        let matched_dn = rest.expect(OCTET_STRING, "a result without a matched DN")?;
        let diagnostic = rest.expect(OCTET_STRING, "a result without a diagnostic message")?;
        if let Some(referrals) = rest.optional(REFERRAL)? {
            let mut referrals = Reader::new(referrals);
            while let Some(uri) = referrals.element()? {
                if uri.identifier != OCTET_STRING {
                    return Err(Violation::Malformed("a referral that is not a list of URIs"));
                }
            }
        }
        Ok(Self { code, matched_dn: text(matched_dn), diagnostic: text(diagnostic) })
    }
}

/// The longest text of a result that is kept, in octets. Some servers send a stack trace.
const LONGEST_TEXT: usize = 4 * 1024;

/// A text for people to read, which may have been cut, may not be UTF-8, and may end in a NUL, as Active Directory's
/// do. It is on one line: what a server writes there must not look like a line of a log.
fn text(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets.get(..LONGEST_TEXT).unwrap_or(octets));
    let breaks = |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
    text.trim_end_matches('\0').replace(breaks, " ")
}

/// The end of a search as a library can read it: texts in UTF-8, no referrals, no extensions.
pub(crate) fn encode_search_done(id: u32, result: &OperationResult, controls: &[Control]) -> Vec<u8> {
    let mut content = Vec::new();
    ber::push_enumerated(&mut content, result.code);
    ber::push_octets(&mut content, OCTET_STRING, result.matched_dn.as_bytes());
    ber::push_octets(&mut content, OCTET_STRING, result.diagnostic.as_bytes());
    let mut parts = ber::wrap(operation::SEARCH_DONE, &content);
    if !controls.is_empty() {
        push_controls(&mut parts, controls);
    }
    encode(id, &parts)
}

/// Appends controls to the operation that they go with.
pub(crate) fn push_controls(operation: &mut Vec<u8>, controls: &[Control]) {
    let mut list = Vec::new();
    for control in controls {
        control.push(&mut list);
    }
    ber::push_octets(operation, CONTROLS, &list);
}

/// The word that nobody waits for the answers to a request any more (RFC 4511 section 4.11).
pub(crate) fn abandon_request(abandoned: u32) -> Vec<u8> {
    let mut number = Vec::with_capacity(8);
    ber::push_integer(&mut number, abandoned);
    // [APPLICATION 16] MessageID, tagged implicitly: the content of an INTEGER.
    if let Some(identifier) = number.first_mut() {
        *identifier = operation::ABANDON_REQUEST;
    }
    number
}

/// A message around an operation that is already encoded.
pub(crate) fn encode(id: u32, operation: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    push(&mut message, id, operation);
    message
}

/// Appends a message around an operation that is already encoded.
pub(crate) fn push(out: &mut Vec<u8>, id: u32, operation: &[u8]) {
    let content = ber::integer_length(id) + operation.len();
    out.reserve(ber::element_length(content));
    ber::push_header(out, SEQUENCE, content);
    ber::push_integer(out, id);
    out.extend_from_slice(operation);
}

#[cfg(test)]
mod tests {
    use super::{BAD_ID, MAX_CONTROLS, Message, abandon_request, encode, id_and_operation, text};
    use crate::Violation;

    #[test]
    fn an_abandon_request_is_encoded_as_rfc_4511_has_it() {
        assert_eq!(encode(6, &abandon_request(5)), [0x30, 0x06, 0x02, 0x01, 0x06, 0x50, 0x01, 0x05]);
        assert_eq!(encode(6, &abandon_request(300)), [0x30, 0x07, 0x02, 0x01, 0x06, 0x50, 0x02, 0x01, 0x2c]);
    }

    #[test]
    fn malformed_messages_are_refused() {
        let refused: [&[u8]; 7] = [
            &[0x30, 0x09, 0x02, 0x01, 0x01, 0x64, 0x00, 0x80, 0x02, 0x04, 0x00], // controls that are no list
            &[0x30, 0x00],                                                       // empty
            &[0x30, 0x05, 0x04, 0x01, 0x01, 0x64, 0x00],                         // the id is no INTEGER
            &[0x30, 0x03, 0x02, 0x01, 0x01],                                     // no operation
            &[0x30, 0x05, 0x02, 0x01, 0xff, 0x64, 0x00],                         // a negative id
            &[0x30, 0x07, 0x02, 0x01, 0x01, 0x64, 0x00, 0x04, 0x00],             // something else behind the operation
            &[0x30, 0x05, 0x02, 0x01, 0x01, 0x64, 0x00, 0x00],                   // octets behind the message
        ];
        for bytes in refused {
            assert!(Message::parse(bytes).is_err(), "{bytes:02x?}");
        }
    }

    #[test]
    fn the_servers_words_are_one_line_of_text_and_not_long() {
        assert_eq!(text(b"no such\r\nINFO user\0\0"), "no such  INFO user");
        assert_eq!(text("a\u{2028}b \u{fc}".as_bytes()), "a b \u{fc}");
        assert_eq!(text(&[b'x'; 10_000]).len(), 4 * 1024);
    }

    #[test]
    fn the_first_octets_say_whose_a_message_is_and_no_more_are_needed() {
        let bytes = [0x30, 0x84, 0, 0x20, 0, 0, 2, 0x84, 0, 0, 0, 2, 1, 2, 0x64, 0x84, 0, 0x1f, 0xff, 0xf2];
        assert_eq!(id_and_operation(&bytes), Ok(Some((0x102, 0x64))));
        for end in 0..bytes.len() {
            assert_eq!(id_and_operation(&bytes[..end]), Ok(None), "{end}");
        }
        let mut longer = bytes;
        longer[19] += 1;
        assert_eq!(id_and_operation(&longer), Err(Violation::Overrun));
        for refused in [&[0x30, 0x84, 0, 0x20, 0, 0, 4, 1][..], &[0x30, 0x84, 0, 0x20, 0, 0, 2, 5]] {
            assert_eq!(id_and_operation(refused), Err(Violation::Malformed(BAD_ID)), "{refused:02x?}");
        }
    }

    #[test]
    fn what_an_extension_adds_is_ignored() {
        let bytes = [0x30, 0x0b, 2, 1, 1, 0x64, 0x00, 0xa0, 0, 0xa7, 2, 4, 0];
        assert_eq!(Message::parse(&bytes).unwrap().controls(), Ok(Vec::new()));
    }

    #[test]
    fn controls_are_accepted_up_to_a_number() {
        let with = |count: usize| {
            let control = crate::ber::wrap(0x30, &crate::ber::wrap(4, b"1.2"));
            crate::ber::wrap(0x30, &[&[2, 1, 1, 0x65, 0][..], &crate::ber::wrap(0xa0, &control.repeat(count))].concat())
        };
        assert_eq!(Message::parse(&with(MAX_CONTROLS)).unwrap().controls().unwrap().len(), MAX_CONTROLS);
        let too_many = Violation::TooManyControls { limit: MAX_CONTROLS };
        assert_eq!(Message::parse(&with(MAX_CONTROLS + 1)).unwrap().controls(), Err(too_many));
    }

    #[test]
    fn controls_without_parts_or_with_an_empty_boolean_are_refused() {
        let with_control = |control: &[u8]| {
            let mut content = vec![2, 1, 1, 0x65, 0];
            content.extend(crate::ber::wrap(0xa0, &crate::ber::wrap(0x30, control)));
            crate::ber::wrap(0x30, &content)
        };
        for control in [&[][..], &[4, 1, b'1', 1, 0], &[4, 1, b'1', 4, 0, 4, 0]] {
            let bytes = with_control(control);
            assert!(Message::parse(&bytes).unwrap().controls().is_err(), "{control:02x?}");
        }
        let bytes = with_control(&[4, 1, b'1', 1, 1, 0xff, 4, 1, 9]);
        let controls = Message::parse(&bytes).unwrap().controls().unwrap();
        assert_eq!((controls[0].oid.as_str(), controls[0].value.as_deref()), ("1", Some(&[9][..])));
    }
}
