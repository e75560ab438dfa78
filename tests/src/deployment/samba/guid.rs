use std::fmt::Write as _;

/// An `objectGUID` as it is written: the first three fields are little-endian (MS-DTYP section 2.3.4).
pub(super) fn text(octets: &[u8]) -> String {
    const IN_ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut text = String::new();
    for (position, &index) in IN_ORDER.iter().enumerate() {
        if [4, 6, 8, 10].contains(&position) {
            text.push('-');
        }
        let _ = write!(text, "{:02x}", octets[index]);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_first_three_fields_are_turned_around() {
        let octets = [0xc9, 0x80, 0x34, 0xbd, 0xaf, 0x58, 0xd8, 0x4c, 0x92, 0xdf, 0xbc, 0x4a, 0x18, 0xb6, 0xe4, 0x4d];
        assert_eq!(super::text(&octets), "bd3480c9-58af-4cd8-92df-bc4a18b6e44d");
    }
}
