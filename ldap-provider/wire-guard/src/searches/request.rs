use crate::ber::{self, BOOLEAN, OCTET_STRING, SEQUENCE};
use crate::message::operation::SEARCH_REQUEST;

/// How deep a search goes (RFC 4511 section 4.5.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchScope {
    /// The base itself.
    Base,
    /// The entries immediately below the base.
    OneLevel,
    /// The base and everything below it.
    Subtree,
}

/// A search but for its filter, encoded once.
#[derive(Clone, Debug)]
pub struct SearchTemplate {
    /// What stands before the filter.
    before: Vec<u8>,
    /// What stands behind it.
    behind: Vec<u8>,
}

/// A search that can be sent.
#[derive(Clone, Debug)]
pub struct SearchRequest(Vec<u8>);

impl SearchTemplate {
    /// A search below `base` for `attributes` of at most `size_limit` entries. Aliases are not followed: a bind would
    /// not follow them either.
    pub fn new(base: &str, scope: SearchScope, size_limit: u32, attributes: &[impl AsRef<str>]) -> Self {
        let mut before = ber::wrap(OCTET_STRING, base.as_bytes());
        ber::push_enumerated(
            &mut before,
            match scope {
                SearchScope::Base => 0,
                SearchScope::OneLevel => 1,
                SearchScope::Subtree => 2,
            },
        );
        // derefAliases: neverDerefAliases
        ber::push_enumerated(&mut before, 0);
        ber::push_integer(&mut before, size_limit);
        // timeLimit: none of the server's, since this side has its own
        ber::push_integer(&mut before, 0);
        // typesOnly: values are wanted
        ber::push_octets(&mut before, BOOLEAN, &[0]);
        let mut names = Vec::new();
        for name in attributes {
            ber::push_octets(&mut names, OCTET_STRING, name.as_ref().as_bytes());
        }
        Self { before, behind: ber::wrap(SEQUENCE, &names) }
    }

    /// The search with this filter, which is encoded (RFC 4511 section 4.5.1.7).
    pub fn with_filter(&self, filter: &[u8]) -> SearchRequest {
        SearchRequest(ber::wrap_all(SEARCH_REQUEST, &[&self.before, filter, &self.behind]))
    }
}

/// `present [7]` of a filter (RFC 4511 section 4.5.1.7).
const PRESENT: u8 = 0x87;

impl SearchRequest {
    /// The search for the root DSE (RFC 4512 section 5.1): one entry, with the empty DN, and these attributes of it.
    pub fn root_dse(attributes: &[impl AsRef<str>]) -> Self {
        let template = SearchTemplate::new("", SearchScope::Base, 1, attributes);
        template.with_filter(&ber::wrap(PRESENT, b"objectClass"))
    }

    pub(crate) fn encoded(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{SearchScope, SearchTemplate};

    #[test]
    fn a_search_is_encoded_as_rfc_4511_has_it() {
        let template = SearchTemplate::new("dc=x", SearchScope::Subtree, 2, &["uid"]);
        let filter = [0xa3, 8, 4, 3, b'u', b'i', b'd', 4, 1, b'a'];
        let expected = [
            &[0x63, 37, 4, 4, b'd', b'c', b'=', b'x', 0x0a, 1, 2, 0x0a, 1, 0, 2, 1, 2, 2, 1, 0, 1, 1, 0][..],
            &filter,
            &[0x30, 5, 4, 3, b'u', b'i', b'd'],
        ]
        .concat();
        let encoded = template.with_filter(&filter).0;
        assert_eq!(encoded[2..], expected[2..]);
        assert_eq!(usize::from(encoded[1]), expected.len() - 2);
    }
}
