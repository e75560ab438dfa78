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

#[cfg(test)]
mod tests {
    use super::{entry_uuid, guid_in_order, guid_mixed_endian};

    const WIRE: [u8; 16] =
        [0xc9, 0x80, 0x34, 0xbd, 0xaf, 0x58, 0xd8, 0x4c, 0x92, 0xdf, 0xbc, 0x4a, 0x18, 0xb6, 0xe4, 0x4d];

    /// Pins the form in which accounts are keyed: a change here would orphan every account of an Active Directory.
    #[test]
    fn an_object_guid_has_one_form_and_it_is_not_in_the_order_of_its_octets() {
        assert_eq!(guid_mixed_endian(&WIRE).as_deref(), Ok("bd3480c9-58af-4cd8-92df-bc4a18b6e44d"));
        let wire = [0x33, 0x22, 0x11, 0, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];
        assert_eq!(guid_mixed_endian(&wire).as_deref(), Ok("00112233-4455-6677-8899-aabbccddeeff"));
    }

    #[test]
    fn the_guid_of_edirectory_is_in_the_order_of_its_octets() {
        assert_eq!(guid_in_order(&WIRE).as_deref(), Ok("c98034bd-af58-d84c-92df-bc4a18b6e44d"));
    }

    #[test]
    fn an_entry_uuid_has_one_form_in_lower_case() {
        for text in ["BD3480C9-58AF-4CD8-92DF-BC4A18B6E44D", "bd3480c9-58af-4cd8-92df-bc4a18b6e44d"] {
            assert_eq!(entry_uuid(text.as_bytes()).as_deref(), Ok("bd3480c9-58af-4cd8-92df-bc4a18b6e44d"));
        }
    }

    #[test]
    fn what_has_another_length_or_is_all_zeros_is_no_guid() {
        let too_long: Vec<u8> = (0..17).collect();
        for length in (0..16).chain([17]) {
            assert!(guid_mixed_endian(&too_long[..length]).is_err(), "{length}");
            assert!(guid_in_order(&too_long[..length]).is_err(), "{length}");
        }
        assert!(guid_mixed_endian(&[0; 16]).is_err());
        assert!(guid_in_order(&[0; 16]).is_err());
    }

    #[test]
    fn what_is_no_uuid_is_no_entry_uuid() {
        for text in [
            &b""[..],
            b"bd3480c9-58af-4cd8-92df-bc4a18b6e44",
            b"bd3480c9-58af-4cd8-92df-bc4a18b6e44dd",
            b"{bd3480c9-58af-4cd8-92df-bc4a18b6e4}",
            b"bd3480c958af4cd892dfbc4a18b6e44d",
            b"bd3480c9_58af_4cd8_92df_bc4a18b6e44d",
            b"bd3480c9-58af-4cd8-92df-bc4a18b6e44g",
            b" d3480c9-58af-4cd8-92df-bc4a18b6e44d",
            b"00000000-0000-0000-0000-000000000000",
            &[0xff; 36],
        ] {
            assert!(entry_uuid(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn no_two_guids_have_the_same_text() {
        let text = guid_mixed_endian(&WIRE).unwrap();
        for bit in 0..128 {
            let mut changed = WIRE;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(guid_mixed_endian(&changed).unwrap(), text, "{bit}");
        }
    }
}
