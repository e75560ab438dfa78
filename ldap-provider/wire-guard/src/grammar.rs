//! The answers to a search (RFC 4511 section 4.5.2), checked before an LDAP library sees them.

use crate::Violation;
use crate::ber::{OCTET_STRING, Reader, SEQUENCE, SET};
use crate::message::operation::{SEARCH_DONE, SEARCH_ENTRY, SEARCH_REFERENCE};
use crate::message::{Message, OperationResult};

/// Which answer to a search a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchAnswer {
    /// An entry.
    Entry,
    /// A hint that another server may have more. Not looked into: it is not followed.
    Reference,
    /// The end of the search.
    Done(OperationResult),
}

/// Checks that the message is an answer to a search, sound in all its parts.
pub fn check_search_answer(message: &Message<'_>) -> Result<SearchAnswer, Violation> {
    let mut content = Reader::new(message.content);
    let answer = match message.operation {
        SEARCH_ENTRY => {
            check_entry(&mut content)?;
            SearchAnswer::Entry
        }
        SEARCH_REFERENCE => SearchAnswer::Reference,
        SEARCH_DONE => {
            let result = OperationResult::read(&mut content)?;
            content.end("octets behind a search result")?;
            SearchAnswer::Done(result)
        }
        _ => return Err(Violation::Unexpected("a search answered by something that answers no search")),
    };
    message.controls()?;
    Ok(answer)
}

fn check_entry(content: &mut Reader<'_>) -> Result<(), Violation> {
    content.text("an entry without a DN", "the DN of an entry")?;
    let mut attributes = Reader::new(content.expect(SEQUENCE, "an entry without a list of attributes")?);
    content.end("octets behind the attributes of an entry")?;
    while let Some(attribute) = attributes.element()? {
        if attribute.identifier != SEQUENCE {
            return Err(Violation::Malformed("an attribute that is not a SEQUENCE"));
        }
        let mut parts = Reader::new(attribute.content);
        parts.text("an attribute without a name", "the name of an attribute")?;
        let mut values = Reader::new(parts.expect(SET, "an attribute without a set of values")?);
        parts.end("octets behind the values of an attribute")?;
        while let Some(value) = values.element()? {
            if value.identifier != OCTET_STRING {
                return Err(Violation::Malformed("a value that is not an OCTET STRING"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{SearchAnswer, check_search_answer};
    use crate::Violation;
    use crate::ber::wrap;
    use crate::message::Message;

    fn check(operation: u8, content: &[u8]) -> Result<SearchAnswer, Violation> {
        let mut message = vec![2, 1, 1];
        message.extend(wrap(operation, content));
        check_search_answer(&Message::parse(&wrap(0x30, &message))?)
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
        assert_eq!(check(0x64, &with_values), Ok(SearchAnswer::Entry));
        assert_eq!(check(0x64, &entry(b"", b"")), Ok(SearchAnswer::Entry));
        for content in [&[0x0a, 1, 0, 4, 0, 4, 0][..], &[0x0a, 1, 10, 4, 0, 4, 0, 0xa3, 3, 4, 1, b'l']] {
            assert!(
                matches!(check(0x65, content), Ok(SearchAnswer::Done(result)) if result.code == u32::from(content[2]))
            );
        }
        assert_eq!(check(0x73, &wrap(4, b"ldap://x/")), Ok(SearchAnswer::Reference));
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
            entry(&[0xff, 0xfe], b""),
            entry(b"cn=x", &attribute(&[0xff], b"")),
            entry(b"cn=x", &wrap(4, b"")),
            entry(b"cn=x", &wrap(0x30, &wrap(4, b"cn"))),
            entry(b"cn=x", &attribute(b"cn", &wrap(0x30, b""))),
            [entry(b"cn=x", b""), wrap(4, b"")].concat(),
        ];
        for content in refused {
            assert!(check(0x64, &content).is_err(), "{content:02x?}");
        }
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
