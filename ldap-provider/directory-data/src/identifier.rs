//! The one form of each immutable id of an entry: the text by which accounts are keyed.

use std::fmt::Write as _;

use crate::Malformed;

/// The text of an `entryUUID` (RFC 4530): 36 characters, compared without regard to case, so in lower case.
pub fn entry_uuid(value: &[u8]) -> Result<String, Malformed> {
    let malformed = |why| Malformed::new("an entryUUID", why);
    let is_uuid = value.len() == 36
        && value.iter().enumerate().all(|(position, byte)| match position {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    let text = str::from_utf8(value).ok().filter(|_| is_uuid).ok_or_else(|| malformed("it is not a UUID"))?;
    if text.bytes().all(|byte| matches!(byte, b'0' | b'-')) {
        return Err(malformed("it is all zeros"));
    }
    Ok(text.to_ascii_lowercase())
}

/// The text of an `objectGUID` of Active Directory, 16 octets of which the first three fields have their least octet
/// first (MS-DTYP section 2.3.4.2), in lower case.
pub fn guid_mixed_endian(value: &[u8]) -> Result<String, Malformed> {
    guid(value, [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15])
}

/// The text of eDirectory's `GUID`, 16 octets in the order of the text, in lower case.
pub fn guid_in_order(value: &[u8]) -> Result<String, Malformed> {
    guid(value, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
}

/// `order` says where the octets of the text come from.
fn guid(value: &[u8], order: [usize; 16]) -> Result<String, Malformed> {
    let malformed = |why| Malformed::new("a GUID", why);
    if value.len() != order.len() {
        return Err(malformed("it does not have 16 octets"));
    }
    if value.iter().all(|&octet| octet == 0) {
        return Err(malformed("it is all zeros"));
    }
    let mut text = String::with_capacity(36);
    for (position, octet) in order.iter().filter_map(|&from| value.get(from)).enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "{octet:02x}");
    }
    Ok(text)
}
