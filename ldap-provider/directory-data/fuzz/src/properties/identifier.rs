use directory_data::identifier::{entry_uuid, guid_in_order, guid_mixed_endian};

/// The octets or the text of an immutable id are read.
///
/// The input is the value. From the text of a GUID its octets come back in either order, and that text is an entryUUID
/// in its only form. Anything else has to be the text of a number that is not 0, in one spelling but for its case.
pub fn identifier(input: &[u8]) {
    let octets: Option<[u8; 16]> = input.try_into().ok().filter(|octets| *octets != [0; 16]);
    let in_order = guid_in_order(input).ok();
    assert_eq!(in_order, octets.map(|octets| text(u128::from_be_bytes(octets))), "{input:02x?}");
    let mixed = guid_mixed_endian(input).ok();
    assert_eq!(mixed, octets.map(|octets| text(mixed_endian(octets))), "{input:02x?}");
    for guid in in_order.into_iter().chain(mixed) {
        assert_eq!(entry_uuid(guid.as_bytes()).as_ref(), Ok(&guid));
        assert_eq!(entry_uuid(guid.to_ascii_uppercase().as_bytes()).as_ref(), Ok(&guid));
    }
    assert_eq!(entry_uuid(input).ok(), second_opinion(input), "{input:02x?}");
}

/// Written as a number, in groups of digits.
fn text(number: u128) -> String {
    let digits = format!("{number:032x}");
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

/// A structure of Windows: a field of 32 bits, two of 16 bits, and eight octets.
fn mixed_endian(octets: [u8; 16]) -> u128 {
    let number = u128::from_be_bytes(octets);
    let first = u32::try_from(number >> 96).expect("32 bits").swap_bytes();
    let swapped = |shift: u32| u16::try_from(number >> shift & 0xffff).expect("16 bits").swap_bytes();
    let rest = u128::from(u64::MAX) & number;
    u128::from(first) << 96 | u128::from(swapped(80)) << 80 | u128::from(swapped(64)) << 64 | rest
}

fn second_opinion(input: &[u8]) -> Option<String> {
    let lower = str::from_utf8(input).ok()?.to_ascii_lowercase();
    let number = u128::from_str_radix(&lower.replace('-', ""), 16).ok().filter(|number| *number != 0)?;
    Some(text(number)).filter(|text| *text == lower)
}
