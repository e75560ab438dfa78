//! The answers to a search (RFC 4511 section 4.5.2), checked before anybody else sees them.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::Violation;
use crate::ber::{self, OCTET_STRING, Reader, SEQUENCE, SET};
use crate::message::operation::{SEARCH_DONE, SEARCH_ENTRY, SEARCH_REFERENCE};
use crate::message::{self, Control, Message, OperationResult};

/// Which answer to a search a message is, and what of it is worth passing on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchAnswer<'a> {
    /// An entry.
    Entry(Entry<'a>),
    /// A hint that another server may have more. It is not followed.
    Reference,
    /// The end of the search.
    Done(OperationResult, Vec<Control>),
}

/// An entry whose form is sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its DN. One that is not UTF-8 is no DN; it is shown with a backslash and two hexadecimal digits for each octet
    /// that is to blame, and with its own backslashes doubled, so that nobody can take it for one.
    pub dn: Cow<'a, str>,
    /// The content of the list of attributes.
    attributes: &'a [u8],
    /// Whether an extension of the protocol has added something that is not passed on.
    extended: bool,
}

/// The longest DN that is accepted, in octets: what OpenLDAP accepts. A DN of many short parts costs whoever takes it
/// apart forty times its size.
pub const MAX_DN: usize = 8 * 1024;

/// Checks that the message is an answer to a search, sound in all its parts.
pub fn check_search_answer<'a>(message: &Message<'a>) -> Result<SearchAnswer<'a>, Violation> {
    let mut content = Reader::new(message.content);
    let controls = message.controls()?;
    match message.operation {
        SEARCH_ENTRY => check_entry(content).map(SearchAnswer::Entry),
        SEARCH_REFERENCE => check_reference(content).map(|()| SearchAnswer::Reference),
        SEARCH_DONE => {
            let result = OperationResult::read(&mut content)?;
            content.extensions("something behind a search result that is no extension")?;
            Ok(SearchAnswer::Done(result, controls))
        }
        _ => Err(Violation::Unexpected("a search answered by something that answers no search")),
    }
}

impl SearchAnswer<'_> {
    /// The message as a library can read it, if it is not so already: ldap3 panics at a DN or a diagnostic message
    /// that is not UTF-8, at extensions, and at some forms of controls that are sound.
    pub(crate) fn rewritten(&self, message: &Message<'_>) -> Option<Vec<u8>> {
        match self {
            Self::Entry(entry) if entry.is_plain() && message.is_bare() => None,
            Self::Entry(entry) => Some(message::encode(message.id, &ber::wrap(SEARCH_ENTRY, &entry.rewritten()))),
            Self::Reference => None,
            Self::Done(result, controls) => Some(message::encode_search_done(message.id, result, controls)),
        }
    }
}

impl<'a> Entry<'a> {
    /// The entry in a message that was found sound before: it is not checked again, and what is none has no entry.
    pub(crate) fn in_sound_message(message: &'a [u8]) -> Option<Self> {
        let mut message = Reader::new(Reader::new(message).element().ok()??.content);
        let _id = message.element().ok()??;
        let operation = message.element().ok()?.filter(|operation| operation.identifier == SEARCH_ENTRY)?;
        let mut content = Reader::new(operation.content);
        let (dn, attributes) = (content.element().ok()??, content.element().ok()??);
        let extended = !content.rest().is_empty();
        Some(Self { dn: text_of_dn(dn.content), attributes: attributes.content, extended })
    }

    /// Tells each attribute with its values.
    pub(crate) fn attributes(&self, tell: &mut impl FnMut(&'a str, &mut dyn Iterator<Item = &'a [u8]>)) {
        let mut rest = Reader::new(self.attributes);
        // Checked before: there is nothing here that cannot be read.
        while let Ok(Some(attribute)) = rest.element() {
            let mut parts = Reader::new(attribute.content);
            let (Ok(Some(name)), Ok(Some(values))) = (parts.element(), parts.element()) else { break };
            let Ok(name) = str::from_utf8(name.content) else { break };
            let mut values = Reader::new(values.content);
            let mut each = std::iter::from_fn(|| values.element().ok().flatten().map(|value| value.content));
            tell(name, &mut each);
        }
    }
}

impl Entry<'_> {
    fn is_plain(&self) -> bool {
        matches!(self.dn, Cow::Borrowed(_)) && !self.extended
    }

    /// The content of the operation, without extensions.
    fn rewritten(&self) -> Vec<u8> {
        let mut attributes = Vec::new();
        let mut rest = Reader::new(self.attributes);
        // Checked before: there is nothing here that cannot be read.
        while let Ok(Some(attribute)) = rest.element() {
            let mut parts = Reader::new(attribute.content);
            let (Ok(Some(name)), Ok(Some(values))) = (parts.element(), parts.element()) else { break };
            let mut attribute = ber::wrap(OCTET_STRING, name.content);
            ber::push_octets(&mut attribute, SET, values.content);
            ber::push_octets(&mut attributes, SEQUENCE, &attribute);
        }
        let mut content = ber::wrap(OCTET_STRING, self.dn.as_bytes());
        ber::push_octets(&mut content, SEQUENCE, &attributes);
        content
    }
}

fn check_entry(mut content: Reader<'_>) -> Result<Entry<'_>, Violation> {
    let dn = content.expect(OCTET_STRING, "an entry without a DN")?;
    let attributes = content.expect(SEQUENCE, "an entry without a list of attributes")?;
    let mut extended = !content.rest().is_empty();
    content.extensions("something behind the attributes of an entry that is no extension")?;
    let mut rest = Reader::new(attributes);
    while let Some(attribute) = rest.element()? {
        if attribute.identifier != SEQUENCE {
            return Err(Violation::Malformed("an attribute that is not a SEQUENCE"));
        }
        let mut parts = Reader::new(attribute.content);
        parts.text("an attribute without a name", "the name of an attribute")?;
        let values = Reader::new(parts.expect(SET, "an attribute without a set of values")?);
        extended |= !parts.rest().is_empty();
        parts.extensions("something behind the values of an attribute that is no extension")?;
        only_octet_strings(values, "a value that is not an OCTET STRING")?;
    }
    // Last: of an entry that is too large and sound it ends the search alone.
    if dn.len() > MAX_DN {
        return Err(Violation::DnTooLong { octets: dn.len(), limit: MAX_DN });
    }
    Ok(Entry { dn: text_of_dn(dn), attributes, extended })
}

fn check_reference(content: Reader<'_>) -> Result<(), Violation> {
    if content.rest().is_empty() {
        return Err(Violation::Malformed("a reference to nothing"));
    }
    only_octet_strings(content, "a reference that is not a list of URIs")
}

fn only_octet_strings(mut elements: Reader<'_>, what: &'static str) -> Result<(), Violation> {
    while let Some(element) = elements.element()? {
        if element.identifier != OCTET_STRING {
            return Err(Violation::Malformed(what));
        }
    }
    Ok(())
}

fn text_of_dn(octets: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(octets) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(octets.len() + 8);
    for chunk in octets.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', r"\\"));
        for octet in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\{octet:02X}");
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::{Entry, MAX_DN, SEARCH_ENTRY, SearchAnswer, check_search_answer};
    use crate::Violation;
    use crate::ber::wrap;
    use crate::message::Message;

    /// What kind of answer it is, and the message as it is passed on where that differs.
    fn check(operation: u8, content: &[u8]) -> Result<(&'static str, Option<Vec<u8>>), Violation> {
        check_message(&message(operation, content, &[]))
    }

    fn check_message(bytes: &[u8]) -> Result<(&'static str, Option<Vec<u8>>), Violation> {
        let message = Message::parse(bytes)?;
        let answer = check_search_answer(&message)?;
        let kind = match &answer {
            SearchAnswer::Entry(_) => "entry",
            SearchAnswer::Reference => "reference",
            SearchAnswer::Done(..) => "done",
        };
        Ok((kind, answer.rewritten(&message)))
    }

    fn message(operation: u8, content: &[u8], behind: &[u8]) -> Vec<u8> {
        wrap(0x30, &[&[2, 1, 1][..], &wrap(operation, content), behind].concat())
    }

    fn entry(dn: &[u8], attributes: &[u8]) -> Vec<u8> {
        [wrap(4, dn), wrap(0x30, attributes)].concat()
    }

    fn attribute(name: &[u8], values: &[u8]) -> Vec<u8> {
        wrap(0x30, &[wrap(4, name), wrap(0x31, values)].concat())
    }

    #[test]
    fn sound_answers_pass() {
        let with_values = entry(b"cn=x", &attribute(b"cn", &[wrap(4, b"x"), wrap(4, &[0xff])].concat()));
        assert_eq!(check(0x64, &with_values), Ok(("entry", None)));
        assert_eq!(check(0x64, &entry(b"", b"")), Ok(("entry", None)));
        assert_eq!(check(0x73, &wrap(4, b"ldap://x/")), Ok(("reference", None)));
        assert_eq!(check(0x73, &wrap(4, &[0xff])), Ok(("reference", None)), "it is not looked into");
        for content in [&[0x0a, 1, 10, 4, 0, 4, 0][..], &[0x0a, 1, 10, 4, 0, 4, 0, 0xa3, 3, 4, 1, b'l']] {
            let plain = message(0x65, &[0x0a, 1, 10, 4, 0, 4, 0], &[]);
            assert_eq!(check(0x65, content), Ok(("done", Some(plain))), "referrals are not passed on");
        }
    }

    #[test]
    fn an_entry_is_found_again_in_its_message_without_another_check() {
        let plain = entry(b"cn=x\xff", &attribute(b"cn", &wrap(4, b"x")));
        let extended = [plain.clone(), wrap(0x80, b"more")].concat();
        for content in [entry(b"", b""), plain, extended] {
            let bytes = message(SEARCH_ENTRY, &content, &[]);
            let message = Message::parse(&bytes).unwrap();
            let Ok(SearchAnswer::Entry(checked)) = check_search_answer(&message) else { panic!("it is sound") };
            assert_eq!(Entry::in_sound_message(&bytes), Some(checked));
        }
        assert_eq!(Entry::in_sound_message(&message(0x65, &[0x0a, 1, 0, 4, 0, 4, 0], &[])), None);
    }

    #[test]
    fn a_dn_that_is_not_utf8_is_passed_on_with_its_octets_escaped() {
        let attributes = attribute(b"cn", &wrap(4, b"x"));
        let expected = message(0x64, &entry(b"cn=x\\FF\\FEy\xc3\xa9,dc=x", &attributes), &[]);
        let passed_on = check(0x64, &entry(b"cn=x\xff\xfey\xc3\xa9,dc=x", &attributes));
        assert_eq!(passed_on, Ok(("entry", Some(expected))));
        // Without the second backslash this would be a DN of somebody.
        let expected = message(0x64, &entry(b"cn=x\\\\\\FF,dc=x", b""), &[]);
        assert_eq!(check(0x64, &entry(b"cn=x\\\xff,dc=x", b"")), Ok(("entry", Some(expected))));
    }

    #[test]
    fn what_extensions_add_is_ignored_and_not_passed_on() {
        let control =
            wrap(0xa0, &wrap(0x30, &[wrap(4, b"1.2"), vec![1, 1, 0xff], wrap(4, b"v"), wrap(0x81, b"")].concat()));
        let plain_control = wrap(0xa0, &wrap(0x30, &[wrap(4, b"1.2"), wrap(4, b"v")].concat()));
        let unknown = wrap(0x8b, b"later");
        let behind = [control, unknown.clone()].concat();
        let bare = entry(b"cn=x", b"");
        assert_eq!(check_message(&message(0x64, &bare, &behind)), Ok(("entry", Some(message(0x64, &bare, &[])))));
        let named = wrap(4, b"cn");
        let plain_list = wrap(0x30, &[named.clone(), wrap(0x31, &wrap(4, b"x"))].concat());
        let extended_list = wrap(0x30, &[named, wrap(0x31, &wrap(4, b"x")), unknown.clone()].concat());
        let extended_entry = [entry(b"cn=x", &extended_list), unknown.clone()].concat();
        let expected = message(0x64, &entry(b"cn=x", &plain_list), &[]);
        assert_eq!(check(0x64, &extended_entry), Ok(("entry", Some(expected))));
        let result = [0x0a, 1, 0, 4, 0, 4, 0];
        let extended = [&result[..], &unknown].concat();
        let expected = message(0x65, &result, &plain_control);
        assert_eq!(check_message(&message(0x65, &extended, &behind)), Ok(("done", Some(expected))));
    }

    #[test]
    fn an_operation_that_answers_no_search_is_refused() {
        for operation in [0x61, 0x78, 0x79, 0x63, 0x30, 0x04, 0x7e] {
            assert!(check(operation, &[0x0a, 1, 0, 4, 0, 4, 0]).is_err(), "{operation:#x}");
        }
    }

    #[test]
    fn an_entry_that_would_make_a_library_panic_is_refused() {
        let refused = [
            Vec::new(),
            wrap(4, b"cn=x"),
            entry(b"cn=x", &attribute(&[0xff], b"")),
            entry(b"cn=x", &wrap(4, b"")),
            entry(b"cn=x", &wrap(0x30, &wrap(4, b"cn"))),
            entry(b"cn=x", &attribute(b"cn", &wrap(0x30, b""))),
            entry(b"cn=x", &[attribute(b"cn", b""), wrap(0x31, b"")].concat()),
            entry(&[b'x'; MAX_DN + 1], b""),
            [entry(b"cn=x", b""), wrap(4, b"")].concat(),
        ];
        for content in refused {
            assert!(check(0x64, &content).is_err(), "{content:02x?}");
        }
    }

    #[test]
    fn the_whole_way_of_a_message_needs_little_stack() {
        let nested = (0..27).fold(wrap(4, b"x"), |inner, _| wrap(0x30, &inner));
        let values = wrap(4, b"v").repeat(10_000);
        let content = [entry(b"cn=\xff", &attribute(b"cn", &values)), wrap(0xa9, &nested)].concat();
        let bytes = message(0x64, &content, &wrap(0xa0, &wrap(0x30, &wrap(4, b"1.2")).repeat(50)));
        let way = move || {
            crate::frame::check_elements(&bytes)?;
            check_message(&bytes)
        };
        // A thread of a plugin has 2 MiB.
        let checked = std::thread::Builder::new().stack_size(64 * 1024).spawn(way).unwrap().join().unwrap();
        assert!(matches!(checked, Ok(("entry", Some(_)))), "{checked:?}");
    }

    #[test]
    fn a_result_that_would_make_a_library_panic_is_refused() {
        let refused: [&[u8]; 5] = [
            &[],
            &[0x0a, 1, 0],
            &[0x0a, 0, 4, 0, 4, 0],
            &[0x0a, 5, 0, 0x80, 0, 0, 0, 4, 0, 4, 0],
            &[0x0a, 1, 0, 4, 0, 4, 0, 4, 0],
        ];
        for content in refused {
            assert!(check(0x65, content).is_err(), "{content:02x?}");
        }
    }
}
