//! Writing is for our own few messages, whose sizes are known and small.

use super::{ENUMERATED, INTEGER};

/// Appends an element to `out`.
pub fn push_octets(out: &mut Vec<u8>, identifier: u8, content: &[u8]) {
    push_header(out, identifier, content.len());
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

/// How many octets [`push_integer`] appends.
pub fn integer_length(number: u32) -> usize {
    let bits = u32::BITS - number.leading_zeros();
    // A leading one bit would make the number negative.
    element_length(usize::try_from(bits / 8 + 1).unwrap_or(5))
}

fn push_number(out: &mut Vec<u8>, identifier: u8, number: u32) {
    let octets = u64::from(number).to_be_bytes();
    let length = integer_length(number) - element_length(0);
    push_octets(out, identifier, octets.get(octets.len() - length..).unwrap_or(&octets));
}

/// An element around several parts that are already encoded. The result is allocated once.
pub fn wrap_all(identifier: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(element_length(length));
    push_header(&mut out, identifier, length);
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// An element around what is already encoded. The result is allocated once, at its size.
pub fn wrap(identifier: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(element_length(content.len()));
    push_octets(&mut out, identifier, content);
    out
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(Length::of(length).octets());
}

/// How many octets an element takes whose content has so many.
pub fn element_length(content: usize) -> usize {
    1 + Length::of(content).octets().len() + content
}

/// Appends the identifier and the length of an element, whose content is to follow.
pub fn push_header(out: &mut Vec<u8>, identifier: u8, content: usize) {
    out.push(identifier);
    push_length(out, content);
}

/// A length as it is written, in the shortest form.
struct Length {
    octets: [u8; 9],
    used: usize,
}

impl Length {
    fn of(length: usize) -> Self {
        let mut octets = [0; 9];
        if let Ok(short @ 0..=0x7f) = u8::try_from(length) {
            octets[0] = short;
            return Self { octets, used: 1 };
        }
        let number = length.to_be_bytes();
        let zeros = number.iter().take_while(|&&octet| octet == 0).count();
        let significant = number.get(zeros..).unwrap_or(&number);
        // At most 8 octets, so the count fits beside the bit of the long form.
        octets[0] = 0x80 | u8::try_from(significant.len()).unwrap_or(8);
        for (octet, digit) in octets.iter_mut().skip(1).zip(significant) {
            *octet = *digit;
        }
        Self { octets, used: 1 + significant.len() }
    }

    fn octets(&self) -> &[u8] {
        self.octets.get(..self.used).unwrap_or(&self.octets)
    }
}

#[cfg(test)]
mod tests {
    use super::{element_length, integer_length, push_integer, wrap, wrap_all};

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
        assert_eq!(written(u32::MAX), [2, 5, 0, 0xff, 0xff, 0xff, 0xff]);
        for number in [0, 1, 127, 128, 255, 256, 0x7fff, 0x8000, 0x7f_ffff, 0x80_0000, 0x7fff_ffff, 0x8000_0000] {
            assert_eq!(written(number).len(), integer_length(number), "{number:#x}");
        }
    }

    #[test]
    fn long_lengths_are_written_in_the_long_form() {
        assert_eq!(wrap(4, &[0; 127])[..2], [4, 127]);
        assert_eq!(wrap(4, &[0; 128])[..3], [4, 0x81, 128]);
        assert_eq!(wrap(4, &[0; 300])[..4], [4, 0x82, 1, 44]);
        for length in [0, 127, 128, 255, 256, 70_000] {
            assert_eq!(wrap(4, &vec![0; length]).len(), element_length(length));
        }
        assert_eq!(wrap_all(4, &[&[1; 100], &[], &[2; 200]]), wrap(4, &[&[1; 100][..], &[2; 200]].concat()));
    }
}
