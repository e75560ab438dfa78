//! Writing is for our own few messages, whose sizes are known and small.

use super::{ENUMERATED, INTEGER};

/// Appends an element to `out`.
pub fn push_octets(out: &mut Vec<u8>, identifier: u8, content: &[u8]) {
    out.push(identifier);
    push_length(out, content.len());
    out.extend_from_slice(content);
}

/// Appends an INTEGER that is not negative.
pub fn push_integer(out: &mut Vec<u8>, number: u32) {
    push_number(out, INTEGER, number);
}

/// Appends an ENUMERATED that is not negative.
pub fn push_enumerated(out: &mut Vec<u8>, number: u32) {
    push_number(out, ENUMERATED, number);
}

fn push_number(out: &mut Vec<u8>, identifier: u8, number: u32) {
    let octets = number.to_be_bytes();
    let zeros = octets.iter().take_while(|&&octet| octet == 0).count().min(3);
    let shortest = octets.get(zeros..).unwrap_or(&octets);
    // A leading one bit would make the number negative.
    let sign: &[u8] = if shortest.first().is_some_and(|first| first & 0x80 != 0) { &[0] } else { &[] };
    out.push(identifier);
    push_length(out, sign.len() + shortest.len());
    out.extend_from_slice(sign);
    out.extend_from_slice(shortest);
}

/// An element around several parts that are already encoded. The result is allocated once.
pub fn wrap_all(identifier: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    out.push(identifier);
    push_length(&mut out, length);
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// An element around what is already encoded. The result is allocated once, at its size, so that no copy of a
/// password stays behind in memory that a growing buffer left.
pub fn wrap(identifier: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 6);
    push_octets(&mut out, identifier, content);
    out
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    if let Ok(short @ 0..=0x7f) = u8::try_from(length) {
        out.push(short);
        return;
    }
    let octets = length.to_be_bytes();
    let zeros = octets.iter().take_while(|&&octet| octet == 0).count();
    let significant = octets.get(zeros..).unwrap_or(&octets);
    // At most 8 octets, so the count fits beside the bit of the long form.
    out.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
    out.extend_from_slice(significant);
}

#[cfg(test)]
mod tests {
    use super::{push_integer, wrap, wrap_all};

    #[test]
    fn integers_are_written_in_their_shortest_form() {
        let written = |number| {
            let mut out = Vec::new();
            push_integer(&mut out, number);
            out
        };
        assert_eq!(written(0), [2, 1, 0]);
        assert_eq!(written(127), [2, 1, 127]);
        assert_eq!(written(128), [2, 2, 0, 128]);
        assert_eq!(written(0x7fff_ffff), [2, 4, 0x7f, 0xff, 0xff, 0xff]);
    }

    #[test]
    fn long_lengths_are_written_in_the_long_form() {
        assert_eq!(wrap(4, &[0; 127])[..2], [4, 127]);
        assert_eq!(wrap(4, &[0; 128])[..3], [4, 0x81, 128]);
        assert_eq!(wrap(4, &[0; 300])[..4], [4, 0x82, 1, 44]);
        assert_eq!(wrap_all(4, &[&[1; 100], &[], &[2; 200]]), wrap(4, &[&[1; 100][..], &[2; 200]].concat()));
    }
}
