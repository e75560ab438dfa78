use std::str::FromStr;

/// What is measured, by words. A kind of which no word is named is measured whole.
#[derive(Clone, Debug, Default)]
pub struct Selection(Vec<String>);

/// Words of one kind.
type Kind = &'static [&'static str];

const KINDS: [Kind; 5] = [
    &["plain", "starttls", "ldaps"],
    &["1", "8", "64"],
    &["plugin", "libldap", "go-a", "go-2", "saslauthd", "ldapsearch", "go-ldap", "go-pages"],
    &["warm", "cold", "first", "relay"],
    &["10000", "100000", "1000000"],
];

impl Selection {
    /// For the usage text.
    pub const HELP: &str = "\
Measures these alone, parted by commas: of every kind that is named, what is named.

  transports: plain, starttls, ldaps (listing: plain unless another is named)
  callers:    1, 8, 64
  clients:    plugin, libldap, go-a, go-2, saslauthd; of a listing plugin, ldapsearch, go-ldap, go-pages
  parts:      warm (connections kept, if the client keeps any), cold (none left), first (after a start), relay
  users:      10000, 100000, 1000000 (of a listing)

Example: --only warm,ldaps,64,plugin,libldap";

    /// Whether this word's kind is open or names it.
    pub fn has(&self, word: &str) -> bool {
        let kind = KINDS.iter().find(|kind| kind.contains(&word));
        let named = |words: &Kind| words.iter().any(|&one| self.names(one));
        self.names(word) || !kind.is_some_and(named)
    }

    /// Whether the word itself is there.
    pub fn names(&self, word: &str) -> bool {
        self.0.iter().any(|own| own == word)
    }
}

impl FromStr for Selection {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let words: Vec<String> = words.map(str::to_ascii_lowercase).collect();
        match words.iter().find(|word| !KINDS.iter().any(|kind| kind.contains(&word.as_str()))) {
            Some(word) => Err(UnknownWord(word.clone())),
            None => Ok(Self(words)),
        }
    }
}

/// A word that selects nothing.
#[derive(Debug)]
pub struct UnknownWord(String);

impl std::fmt::Display for UnknownWord {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "`{}` is none of {}", self.0, KINDS.concat().join(", "))
    }
}

impl std::error::Error for UnknownWord {}

#[cfg(test)]
mod tests {
    use super::Selection;

    #[test]
    fn a_kind_that_is_not_named_is_whole() {
        let selection: Selection = "ldaps, 64".parse().unwrap();
        assert!(selection.has("ldaps") && !selection.has("plain"));
        assert!(selection.has("64") && !selection.has("1"));
        assert!(selection.has("plugin") && selection.has("cold"));
        assert!("ldap".parse::<Selection>().is_err());
    }
}
