//! The control for simple paged results (RFC 2696), as it is sent, and as servers answer it.

use crate::Violation;
use crate::ber::{self, INTEGER, OCTET_STRING, Reader, SEQUENCE};
use crate::message::Control;

/// The control's name.
pub const OID: &str = "1.2.840.113556.1.4.319";

/// The longest cookie that is accepted and sent back, in octets. Real ones have between 4 and a few hundred.
pub const MAX_COOKIE: usize = 64 * 1024;

/// Where the next page begins, in words that only the server understands; empty after the last page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cookie(Vec<u8>);

impl Cookie {
    /// Reads the value of a response control.
    pub fn from_control_value(value: &[u8]) -> Result<Self, Violation> {
        let mut outer = Reader::new(value);
        let mut parts = Reader::new(outer.expect(SEQUENCE, "a paged-results control that is not a SEQUENCE")?);
        outer.end("octets behind the paged-results control")?;
        // The server's guess at the total; some send nonsense here, and nobody needs it.
        parts.expect(INTEGER, "a paged-results control without a size")?;
        let cookie = parts.expect(OCTET_STRING, "a paged-results control without a cookie")?;
        parts.end("octets behind the paged-results cookie")?;
        if cookie.len() > MAX_COOKIE {
            return Err(Violation::Malformed("a paged-results cookie of more than 64 KiB"));
        }
        Ok(Self(cookie.to_vec()))
    }

    /// Whether there is no further page.
    pub fn is_end(&self) -> bool {
        self.0.is_empty()
    }

    /// The octets to send back.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Asks for one page.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest<'a> {
    /// How many entries the page may have, at most 2147483647.
    pub size: u32,
    /// Where it begins.
    pub cookie: &'a Cookie,
}

impl From<PageRequest<'_>> for Control {
    fn from(page: PageRequest<'_>) -> Self {
        let mut content = Vec::with_capacity(page.cookie.0.len() + 16);
        ber::push_integer(&mut content, page.size);
        ber::push_octets(&mut content, OCTET_STRING, page.cookie.as_bytes());
        Self { oid: OID.to_owned(), value: Some(ber::wrap(SEQUENCE, &content)) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cookie, MAX_COOKIE, OID, PageRequest};
    use crate::ber::{push_octets, wrap};
    use crate::message::Control;

    #[test]
    fn a_page_is_asked_for_as_rfc_2696_has_it() {
        let cookie = Cookie(vec![0xff, 0]);
        let control = Control::from(PageRequest { size: 250, cookie: &cookie });
        assert_eq!(control.oid, OID);
        assert_eq!(control.value.unwrap(), [0x30, 8, 2, 2, 0, 250, 4, 2, 0xff, 0]);
    }

    #[test]
    fn a_cookie_is_read_and_an_empty_one_is_the_end() {
        let last = Cookie::from_control_value(&[0x30, 5, 2, 1, 0, 4, 0]).unwrap();
        assert!(last.is_end());
        let next = Cookie::from_control_value(&[0x30, 7, 2, 1, 0, 4, 2, 0xff, 0]).unwrap();
        assert_eq!((next.is_end(), next.as_bytes()), (false, &[0xff, 0][..]));
    }

    #[test]
    fn malformed_controls_are_refused() {
        let refused: [&[u8]; 6] = [
            &[],
            &[0x30, 0],
            &[0x30, 3, 2, 1, 0],
            &[0x30, 4, 4, 0, 4, 0],
            &[0x30, 0x80, 2, 1, 0, 4, 0, 0, 0],
            &[0x30, 9, 2, 1, 0, 4, 0],
        ];
        for value in refused {
            assert!(Cookie::from_control_value(value).is_err(), "{value:02x?}");
        }
    }

    #[test]
    fn a_cookie_beyond_the_limit_is_refused() {
        let mut content = vec![2, 1, 0];
        push_octets(&mut content, 4, &vec![7; MAX_COOKIE + 1]);
        assert!(Cookie::from_control_value(&wrap(0x30, &content)).is_err());
    }
}
