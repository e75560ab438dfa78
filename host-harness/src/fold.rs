use std::fmt;

use caseless::default_case_fold_str;
use unicode_normalization::UnicodeNormalization as _;

/// A name or mail address in the form in which two spellings of one are equal.
///
/// Directories compare names loosely: measured on OpenLDAP, `ALICE`, ` alice `, `alice` with a no-break space and the
/// full-width spelling all find one entry, and servers that follow RFC 4518 section 2 to the letter find it under
/// more spellings still. A host that compared accounts byte by byte would give one person several accounts, or one
/// account several owners. So names are compared by compatibility normalisation (NFKC) and full case folding;
/// characters that a directory maps to nothing are dropped, and spaces are trimmed and squeezed.
///
/// The folded form is for comparing alone and is never shown: it has a type of its own so that the two cannot be
/// mixed up.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Folded(String);

impl Folded {
    /// Folds a name as it was typed or as a directory spells it.
    pub fn new(name: &str) -> Self {
        // Folding may undo normalisation and the other way round, so both are done twice (Unicode 15, D146).
        let once = default_case_fold_str(&name.nfkc().filter(|c| !is_mapped_to_nothing(*c)).collect::<String>());
        let twice = default_case_fold_str(&once.nfkc().collect::<String>()).nfkc().collect::<String>();
        let mut folded = String::with_capacity(twice.len());
        for word in twice.split_whitespace() {
            if !folded.is_empty() {
                folded.push(' ');
            }
            folded.push_str(word);
        }
        Self(folded)
    }

    /// The folded text, for a store's unique index.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left, so that the name names nobody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Folded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Folded({:?})", self.0)
    }
}

/// What a directory may map to nothing: the list of RFC 4518 section 2.2 (but for what that maps to a space), and
/// what Unicode has since called ignorable in comparisons (`Default_Ignorable_Code_Point`). None of it can be seen.
fn is_mapped_to_nothing(character: char) -> bool {
    let by_rfc_4518 = matches!(character,
        '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{ad}' | '\u{34f}'
        | '\u{6dd}' | '\u{70f}' | '\u{1806}' | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2063}' | '\u{206a}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffc}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}'
        | '\u{e0020}'..='\u{e007f}');
    let by_unicode = matches!(character,
        '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180f}' | '\u{2064}'..='\u{2069}'
        | '\u{3164}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{e0000}'..='\u{e0fff}');
    by_rfc_4518 || by_unicode
}

#[cfg(test)]
mod tests {
    use super::Folded;

    #[test]
    fn spellings_that_a_directory_takes_for_one_name_fold_to_one() {
        for spelling in [
            "alice",
            "ALICE",
            " alice",
            "alice ",
            "  alice  ",
            "alice\u{a0}",
            "ａｌｉｃｅ",
            "𝐚𝐥𝐢𝐜𝐞",
            "al\u{200b}ice",
            "a\u{ad}lice",
        ] {
            assert_eq!(Folded::new(spelling), Folded::new("alice"), "{spelling:?}");
        }
        assert_eq!(Folded::new("José"), Folded::new("JOSE\u{301}"));
        assert_eq!(Folded::new("Straße"), Folded::new("STRASSE"));
        assert_eq!(Folded::new("Ann  Lee"), Folded::new("ann lee"));
    }

    #[test]
    fn what_cannot_be_seen_makes_no_other_name() {
        for invisible in [
            '\u{1}',
            '\u{7f}',
            '\u{9f}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{6dd}',
            '\u{70f}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{1806}',
            '\u{180b}',
            '\u{180e}',
            '\u{200b}',
            '\u{200f}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{206f}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{fffb}',
            '\u{fffc}',
            '\u{1bca0}',
            '\u{1d173}',
            '\u{1d17a}',
            '\u{e0001}',
            '\u{e0020}',
            '\u{e007f}',
            '\u{e0100}',
        ] {
            assert_eq!(Folded::new(&format!("al{invisible}ice")), Folded::new("alice"), "{invisible:?}");
            assert!(Folded::new(&invisible.to_string()).is_empty(), "{invisible:?}");
        }
        for space in ['\t', '\u{85}', '\u{1680}', '\u{2003}', '\u{2028}', '\u{202f}', '\u{205f}', '\u{3000}'] {
            assert_eq!(Folded::new(&format!("ann{space}lee")), Folded::new("ann lee"), "{space:?}");
        }
    }

    #[test]
    fn different_names_stay_different() {
        for (one, other) in
            [("alice", "alicia"), ("jose", "josé"), ("annlee", "ann lee"), ("admin", "аdmin"), ("a", "")]
        {
            assert_ne!(Folded::new(one), Folded::new(other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for name in ["ΑΣ", "ǅ", "ﬀ", "İ", "ᾳ\u{345}", " \u{200b} ", "ſ", "㎒"] {
            let folded = Folded::new(name);
            assert_eq!(Folded::new(folded.as_str()), folded, "{name:?}");
        }
        assert!(Folded::new(" \u{200b}\u{a0}").is_empty());
    }
}
