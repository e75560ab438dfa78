use crate::Violation;

/// The bits of an identifier that hold its class.
const CLASS: u8 = 0xc0;
/// The class of tags that mean something only within what holds them.
const CONTEXT_SPECIFIC: u8 = 0x80;

/// The start of an element: its identifier, and where its content begins and ends, counted from the identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Class, constructed bit and tag number in one octet.
    pub identifier: u8,
    /// Octets of identifier and length.
    pub length: usize,
    /// Octets of content.
    pub content: usize,
}

impl Header {
    /// Octets of the whole element.
    pub fn total(self) -> usize {
        self.length.saturating_add(self.content)
    }
}

/// Reads the header of the element at the start of `bytes`; `None` while octets of it are missing.
///
/// Lengths of up to four octets are taken in any form, not only the shortest: Active Directory writes all of its
/// lengths in four.
pub fn header(bytes: &[u8]) -> Result<Option<Header>, Violation> {
    let Some((&identifier, rest)) = bytes.split_first() else { return Ok(None) };
    if identifier & 0x1f == 0x1f {
        return Err(Violation::HighTag);
    }
    let Some((&first, rest)) = rest.split_first() else { return Ok(None) };
    match first {
        0x80 => Err(Violation::IndefiniteLength),
        0x00..=0x7f => Ok(Some(Header { identifier, length: 2, content: usize::from(first) })),
        0x81..=0x84 => {
            let count = usize::from(first & 0x7f);
            let Some(octets) = rest.get(..count) else { return Ok(None) };
            let content = octets.iter().fold(0_usize, |sum, &octet| sum << 8 | usize::from(octet));
            Ok(Some(Header { identifier, length: 2 + count, content }))
        }
        _ => Err(Violation::LengthOfLength),
    }
}

/// One element: its identifier and its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// Class, constructed bit and tag number in one octet.
    pub identifier: u8,
    /// What it holds.
    pub content: &'a [u8],
}

/// Reads elements that stand one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of the elements in `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next element, if there is one.
    pub fn element(&mut self) -> Result<Option<Element<'a>>, Violation> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let header = header(self.rest)?.ok_or(Violation::Overrun)?;
        let (element, rest) = self.rest.split_at_checked(header.total()).ok_or(Violation::Overrun)?;
        let content = element.get(header.length..).ok_or(Violation::Overrun)?;
        self.rest = rest;
        Ok(Some(Element { identifier: header.identifier, content }))
    }

    /// The content of the next element, which must have this identifier; `what` names it in the error.
    pub fn expect(&mut self, identifier: u8, what: &'static str) -> Result<&'a [u8], Violation> {
        match self.element()? {
            Some(element) if element.identifier == identifier => Ok(element.content),
            _ => Err(Violation::Malformed(what)),
        }
    }

    /// The content of the next element if it has this identifier; otherwise nothing is read.
    pub fn optional(&mut self, identifier: u8) -> Result<Option<&'a [u8]>, Violation> {
        let mut ahead = *self;
        match ahead.element()? {
            Some(element) if element.identifier == identifier => {
                *self = ahead;
                Ok(Some(element.content))
            }
            _ => Ok(None),
        }
    }

    /// The next element as an INTEGER or ENUMERATED from 0 to 2^31 - 1, RFC 4511's `maxInt`.
    pub fn number(&mut self, identifier: u8, what: &'static str) -> Result<u32, Violation> {
        let octets = self.expect(identifier, what)?;
        match octets.first() {
            Some(&first) if octets.len() <= 4 && first & 0x80 == 0 => {
                Ok(octets.iter().fold(0, |sum, &octet| sum << 8 | u32::from(octet)))
            }
            _ => Err(Violation::Malformed(what)),
        }
    }

    /// The next element as an OCTET STRING that holds text in UTF-8.
    pub fn text(&mut self, malformed: &'static str, name: &'static str) -> Result<&'a str, Violation> {
        str::from_utf8(self.expect(super::OCTET_STRING, malformed)?).map_err(|_| Violation::NotUtf8(name))
    }

    /// What is left, unread.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Passes over components that an extension of the protocol may have added at the end of a SEQUENCE: they are
    /// tagged context-specific, and whoever does not know them has to ignore them (RFC 4511 section 4).
    pub fn extensions(mut self, what: &'static str) -> Result<(), Violation> {
        while let Some(element) = self.element()? {
            if element.identifier & CLASS != CONTEXT_SPECIFIC {
                return Err(Violation::Malformed(what));
            }
        }
        Ok(())
    }

    /// Succeeds if nothing is left to read.
    pub fn end(&self, what: &'static str) -> Result<(), Violation> {
        if self.rest.is_empty() { Ok(()) } else { Err(Violation::Malformed(what)) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Reader, header};
    use crate::Violation;
    use crate::ber::INTEGER;

    #[test]
    fn lengths_are_definite_and_have_at_most_four_octets() {
        assert_eq!(header(&[0x30, 0x80]), Err(Violation::IndefiniteLength));
        assert_eq!(header(&[0x30, 0x85, 0, 0, 0, 0, 1]), Err(Violation::LengthOfLength));
        assert_eq!(header(&[0x30, 0x89]), Err(Violation::LengthOfLength));
        assert_eq!(header(&[0x30, 0xff]), Err(Violation::LengthOfLength));
        assert_eq!(header(&[0x3f, 0x01]), Err(Violation::HighTag));
        let longest = header(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]).unwrap().unwrap();
        assert_eq!(longest.content, 0xffff_ffff);
    }

    #[test]
    fn a_length_in_four_octets_as_active_directory_writes_it_is_read() {
        let header = header(&[0x30, 0x84, 0x00, 0x00, 0x00, 0x10]).unwrap().unwrap();
        assert_eq!((header.length, header.content), (6, 16));
    }

    #[test]
    fn a_header_that_is_not_all_there_is_waited_for() {
        for part in [&[][..], &[0x30], &[0x30, 0x82], &[0x30, 0x82, 0x01]] {
            assert_eq!(header(part), Ok(None));
        }
    }

    #[test]
    fn an_element_longer_than_its_parent_is_refused() {
        assert_eq!(Reader::new(&[0x04, 0x05, b'a']).element(), Err(Violation::Overrun));
    }

    #[test]
    fn only_what_an_extension_may_add_is_passed_over() {
        assert_eq!(Reader::new(&[0x8a, 1, 1, 0xa5, 2, 4, 0]).extensions("rest"), Ok(()));
        assert_eq!(Reader::new(&[]).extensions("rest"), Ok(()));
        for refused in [&[4, 0][..], &[0x8a, 0, 0x30, 0], &[0x61, 0]] {
            assert_eq!(Reader::new(refused).extensions("rest"), Err(Violation::Malformed("rest")), "{refused:?}");
        }
        assert_eq!(Reader::new(&[0x8a, 9]).extensions("rest"), Err(Violation::Overrun));
    }

    #[test]
    fn numbers_are_neither_empty_nor_negative_nor_beyond_31_bits() {
        let number = |octets: &[u8]| Reader::new(octets).number(INTEGER, "number");
        assert_eq!(number(&[2, 4, 0x7f, 0xff, 0xff, 0xff]), Ok(0x7fff_ffff));
        for refused in [&[2, 0][..], &[2, 1, 0x80], &[2, 5, 0, 0x80, 0, 0, 0], &[4, 1, 1], &[]] {
            assert_eq!(number(refused), Err(Violation::Malformed("number")), "{refused:?}");
        }
    }
}
