//! As much of BER as LDAP uses (RFC 4511 section 5.1): definite lengths and tag numbers below 31, so that an
//! element's identifier is one octet.
//!
//! Nothing here recurses, and nothing indexes: the octets come from strangers.

mod read;
mod write;

pub use read::{Element, Header, Reader, header};
pub use write::{
    element_length, integer_length, push_enumerated, push_header, push_integer, push_octets, wrap, wrap_all,
};

/// INTEGER.
pub const INTEGER: u8 = 0x02;
/// BOOLEAN.
pub const BOOLEAN: u8 = 0x01;
/// OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// ENUMERATED.
pub const ENUMERATED: u8 = 0x0a;
/// SEQUENCE and SEQUENCE OF.
pub const SEQUENCE: u8 = 0x30;
/// SET OF.
pub const SET: u8 = 0x31;

/// The bit of an identifier that says that the content consists of elements.
pub const CONSTRUCTED: u8 = 0x20;
