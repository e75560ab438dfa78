//! LDAP messages as a server sees and sends them: requests decoded strictly, answers encoded with whatever octets the
//! caller wants, right or wrong.
//!
//! Written for the tests, of the standard library alone: a judge must not share the code that it judges.

pub mod answer;
pub mod ber;
mod decode;

pub use decode::decode;

/// A request, decoded in full.
#[derive(Clone, PartialEq, Eq)]
pub enum Request {
    /// A simple bind.
    Bind {
        /// The DN; empty for an anonymous bind.
        name: Vec<u8>,
        /// The password; empty for an anonymous bind and for one that proves nothing.
        password: Vec<u8>,
    },
    /// A bind by any SASL mechanism.
    SaslBind,
    /// The end of the connection.
    Unbind,
    /// A search.
    Search {
        /// Where it begins.
        base: Vec<u8>,
        /// 0 for the base alone, 1 for one level, 2 for the subtree.
        scope: u32,
        /// The most entries that the client wants, 0 for all.
        size_limit: u32,
        /// What entries must match.
        filter: Filter,
        /// The attributes that are asked for.
        attributes: Vec<Vec<u8>>,
        /// Page size and cookie of the control for paged results, if it is there.
        paged: Option<(u32, Vec<u8>)>,
    },
    /// An operation is given up.
    Abandon,
    /// An extended operation, `StartTLS` for one.
    Extended {
        /// Its object identifier.
        name: Vec<u8>,
    },
    /// Another operation: its tag.
    Other(u8),
}

/// A search filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All of these.
    And(Vec<Filter>),
    /// One of these.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// The attribute has this value.
    Equality {
        /// The attribute's name.
        attribute: Vec<u8>,
        /// The value, as the client asserts it.
        value: Vec<u8>,
    },
    /// The attribute is there.
    Present(Vec<u8>),
    /// Substrings and the rest: the tag.
    Other(u8),
}

/// The name of the operation that begins TLS.
pub const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

/// Passwords are not shown.
impl std::fmt::Debug for Request {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        match self {
            Self::Bind { name, password } => {
                write!(formatter, "Bind as {:?} with {} octets of password", text(name), password.len())
            }
            Self::SaslBind => formatter.write_str("SaslBind"),
            Self::Unbind => formatter.write_str("Unbind"),
            Self::Search { base, scope, size_limit, filter, attributes, paged } => formatter
                .debug_struct("Search")
                .field("base", &text(base))
                .field("scope", scope)
                .field("size_limit", size_limit)
                .field("filter", filter)
                .field("attributes", &attributes.iter().map(|name| text(name)).collect::<Vec<_>>())
                .field("paged", paged)
                .finish(),
            Self::Abandon => formatter.write_str("Abandon"),
            Self::Extended { name } => write!(formatter, "Extended {}", text(name)),
            Self::Other(tag) => write!(formatter, "Other {tag:#x}"),
        }
    }
}
