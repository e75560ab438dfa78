//! Names made of characters that a directory, or anybody on the way to it, could be tempted to change.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::rule::category;

/// Each character U+0000 to U+00FF at the start, in the middle and at the end of a name.
pub(super) fn single_octets() -> impl Iterator<Item = String> {
    (0..=0xff_u8).map(char::from).flat_map(|octet| [format!("{octet}ab"), format!("a{octet}b"), format!("ab{octet}")])
}

/// What RFC 4518 section 2.2 has directories map to nothing when they compare names.
const MAPPED_TO_NOTHING: &[RangeInclusive<char>] = &[
    '\0'..='\u{8}',
    '\u{e}'..='\u{1f}',
    '\u{7f}'..='\u{84}',
    '\u{86}'..='\u{9f}',
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{6dd}'..='\u{6dd}',
    '\u{70f}'..='\u{70f}',
    '\u{1806}'..='\u{1806}',
    '\u{180b}'..='\u{180e}',
    '\u{200b}'..='\u{200f}',
    '\u{202a}'..='\u{202e}',
    '\u{2060}'..='\u{2063}',
    '\u{206a}'..='\u{206f}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{fff9}'..='\u{fffc}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0001}'..='\u{e0001}',
    '\u{e0020}'..='\u{e007f}',
    '\u{e0100}'..='\u{e01ef}',
];

/// What the same section has them map to a space.
const MAPPED_TO_SPACE: &[RangeInclusive<char>] = &[
    '\t'..='\r',
    '\u{85}'..='\u{85}',
    '\u{a0}'..='\u{a0}',
    '\u{1680}'..='\u{1680}',
    '\u{2000}'..='\u{200a}',
    '\u{2028}'..='\u{2029}',
    '\u{202f}'..='\u{202f}',
    '\u{205f}'..='\u{205f}',
    '\u{3000}'..='\u{3000}',
];

/// Each of these characters alone, at the start, in the middle and at the end of a name.
pub(super) fn mapped_when_compared() -> impl Iterator<Item = String> {
    let characters = MAPPED_TO_NOTHING.iter().chain(MAPPED_TO_SPACE).cloned().flatten();
    characters.flat_map(|it| [it.to_string(), format!("{it}alice"), format!("ali{it}ce"), format!("alice{it}")])
}

/// So many characters of each general category, spread over it, alone and within a name.
const OF_EACH_CATEGORY: usize = 12;

/// Characters of every general category that characters have.
pub(super) fn of_every_category() -> impl Iterator<Item = String> {
    let mut members = BTreeMap::<u8, Vec<char>>::new();
    for character in '\0'..=char::MAX {
        members.entry(category(character) as u8).or_default().push(character);
    }
    // Thirty, but for the surrogates, which are no characters.
    assert_eq!(members.len(), 29, "{:?}", members.keys());
    members.into_values().flat_map(|members| {
        let last = members.len() - 1;
        (0..OF_EACH_CATEGORY).flat_map(move |step| {
            let character = members[last * step / (OF_EACH_CATEGORY - 1)];
            [character.to_string(), format!("a{character}b")]
        })
    })
}
