//! Whether an entry carries the name that was searched for.
//!
//! Servers find more than what is equal letter by letter (RFC 4518), so the comparison here folds at least as much as
//! any of them is known to. It is not there to narrow what a server finds, but to notice an answer to somebody else's
//! question: a proxy or a pool that mixes answers up would log one person in as another.

use caseless::Caseless as _;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::attribute::AttributeName;
use crate::entry::Entry;

/// Whether one of the attributes has the typed name as a value.
pub(crate) fn carries(entry: &Entry, attributes: &[AttributeName], typed: &str) -> bool {
    let typed = fold(typed);
    attributes.iter().any(|name| {
        let mut values = entry.values_with_options(name).filter_map(|value| str::from_utf8(value).ok());
        values.any(|value| {
            let value = fold(value);
            value == typed || (is_telephone_number(name) && digits(&value) == digits(&typed))
        })
    })
}

/// Without regard to case, to compatibility forms, to accents (Active Directory finds `José` by `jose`), to characters
/// that are not seen, and to runs of spaces.
fn fold(text: &str) -> String {
    let folded: String = text
        .nfkd()
        .default_case_fold()
        .nfkd()
        .filter(|&character| !is_combining_mark(character) && !is_mapped_to_nothing(character))
        .map(|character| if character.is_whitespace() { ' ' } else { character })
        .collect();
    folded.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Telephone numbers compare without spaces and hyphens (RFC 4517 section 4.2.29).
fn is_telephone_number(name: &AttributeName) -> bool {
    ["telephoneNumber", "mobile", "homePhone", "pager"].into_iter().any(|known| name.is(known))
}

fn digits(text: &str) -> String {
    text.chars().filter(|character| !matches!(character, ' ' | '-')).collect()
}

/// RFC 4518 section 2.2, but for control characters, of which no name has any.
fn is_mapped_to_nothing(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{1806}'
            | '\u{180b}'..='\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2063}'
            | '\u{206a}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffc}'
    )
}

#[cfg(test)]
mod tests {
    use super::carries;
    use crate::attribute::AttributeName;
    use crate::entry::Entry;

    fn found(typed: &str, attribute: &str, value: &str) -> bool {
        let entry = Entry::of("cn=x", &[(attribute, &[b"other", value.as_bytes()])]);
        let names = ["uid", "cn", "telephoneNumber"].map(|name| AttributeName::parse(name).unwrap());
        carries(&entry, &names, typed)
    }

    #[test]
    fn whatever_a_server_takes_for_the_same_is_the_same() {
        for typed in [
            "alice",
            "ALICE",
            " alice",
            "  alice  ",
            "alice\u{a0}",
            "ａｌｉｃｅ",
            "𝐚𝐥𝐢𝐜𝐞",
            "ali\u{ad}ce",
            "ali\u{200b}ce",
        ] {
            assert!(found(typed, "uid", "Alice"), "{typed:?}");
        }
        for (typed, value) in [
            ("jos\u{e9}", "jose\u{301}"),
            ("jose", "José"),
            ("strasse", "Straße"),
            ("fish", "ﬁsh"),
            ("j.  smith", "J. Smith"),
            ("*", "*"),
        ] {
            assert!(found(typed, "cn", value), "{typed:?} {value:?}");
        }
        assert!(found("alice", "uid;lang-en", "Alice"), "a server looks into subtypes too");
        assert!(found("alice", "USERID", "Alice"));
        assert!(found("+49 30-12", "telephoneNumber", "+4930 12"));
    }

    #[test]
    fn somebody_else_is_noticed() {
        for (typed, attribute, value) in [
            ("alice", "uid", "alicia"),
            ("alice", "uid", "bob"),
            ("alice", "mail", "alice"),
            ("alice", "uid", "аlice"), // the first letter is Cyrillic
            ("al-ice", "uid", "alice"),
            ("alice", "uid", ""),
        ] {
            assert!(!found(typed, attribute, value), "{typed:?} {value:?}");
        }
    }
}
