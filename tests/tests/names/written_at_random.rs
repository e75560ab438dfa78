//! Names that nobody would think of: from alphabets in which characters with a meaning in filters and DNs are many.

use fastrand::Rng;

/// As many characters as a name has at most here: some are longer than the longest that is let through.
const LONGEST: usize = 300;

/// Characters with a meaning in filters (RFC 4515), DNs (RFC 4514), URLs, escapes of several kinds.
const MEANINGFUL: &[char] = &[
    '*', '(', ')', '\\', '&', '|', '!', '=', '~', '<', '>', ':', ',', '+', '"', ';', '#', ' ', '/', '%', '\'', '@',
    '$', '{', '}', '[', ']', '?', '^', '-', '.',
];

/// Digits of escapes, and letters that are something else without them.
const PLAIN: &[char] = &['0', '2', '5', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 'A', 'u', 'i', 'x', 'o', 'n'];

/// Pieces of attacks.
const PIECES: &[&str] = &[
    ")(",
    "*)",
    "(|",
    "(&",
    "(!",
    "uid=",
    "=*",
    "))(|(uid=*",
    "\\2a",
    "\\28",
    "\\29",
    "\\5c",
    "\\00",
    "\\",
    "\\\\",
    "%2a",
    "%00",
    ",ou=",
    "+cn=",
    ":dn:=",
    ":=",
    "\\,",
    "\\20",
    "&#42;",
    "\\u0028",
    "objectClass",
    "admin",
    "alice",
];

/// What looks like a character with a meaning, becomes one when it is normalised, or combines with one.
const LOOKALIKES: &[char] = &[
    '（', '）', '＊', '＼', '＝', '＆', '｜', '\u{fe61}', '\u{fe59}', '\u{fe5a}', '\u{fe68}', '\u{2217}', '\u{20f0}',
    '\u{338}', '\u{301}', '\u{37e}', '\u{2a74}', '\u{ff1b}', '\u{a0}', '\u{3000}', '\u{2024}', '\u{ad}', '\u{200b}',
];

/// What is not let through.
const REFUSED: &[char] = &[
    '\0', '\n', '\r', '\t', '\u{1}', '\u{1b}', '\u{7f}', '\u{80}', '\u{85}', '\u{9f}', '\u{61c}', '\u{200e}',
    '\u{200f}', '\u{2028}', '\u{2029}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}', '\u{feff}',
];

/// One more name.
pub(super) fn name(random: &mut Rng) -> String {
    // As many short ones, in which every character counts, as of any length.
    let length = if random.bool() { random.usize(1..=16) } else { random.usize(0..=LONGEST) };
    let write = match random.u8(0..8) {
        0 => |random: &mut Rng| character_of(random, MEANINGFUL),
        1 | 2 => |random: &mut Rng| either(random, MEANINGFUL, PLAIN),
        3 => |random: &mut Rng| either(random, MEANINGFUL, LOOKALIKES),
        4 => |random: &mut Rng| random.choice(PIECES).copied().unwrap_or_default().to_owned(),
        5 => |random: &mut Rng| {
            let piece = random.choice(PIECES).copied().unwrap_or_default();
            if random.bool() { piece.to_owned() } else { either(random, PLAIN, LOOKALIKES) }
        },
        6 => |random: &mut Rng| random.char('\u{20}'..='\u{7e}').to_string(),
        _ => |random: &mut Rng| random.char(..).to_string(),
    };
    let mut name: Vec<char> = Vec::new();
    while name.len() < length {
        name.extend(write(random).chars());
    }
    name.truncate(length);
    if random.u8(0..16) == 0 {
        let refused = character_of(random, REFUSED);
        let at = random.usize(0..=name.len());
        name.splice(at..at, refused.chars());
    }
    name.into_iter().collect()
}

/// One more password, of at most so many octets or a few more.
pub(super) fn password(random: &mut Rng) -> String {
    let octets = if random.bool() { random.usize(1..=24) } else { random.usize(0..=1_030) };
    let mut password = String::new();
    while password.len() < octets {
        match random.u8(0..4) {
            0 => password.push(random.char('\u{20}'..='\u{7e}')),
            1 => password.push_str(&either(random, MEANINGFUL, LOOKALIKES)),
            2 => password.push_str(&either(random, PLAIN, MEANINGFUL)),
            _ => password.push(random.char(..)),
        }
    }
    password
}

fn either(random: &mut Rng, one: &[char], other: &[char]) -> String {
    let alphabet = if random.bool() { one } else { other };
    character_of(random, alphabet)
}

fn character_of(random: &mut Rng, alphabet: &[char]) -> String {
    alphabet[random.usize(..alphabet.len())].to_string()
}
