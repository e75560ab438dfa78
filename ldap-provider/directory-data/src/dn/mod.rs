mod parser;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt::{self, Write as _};

pub use parser::InvalidDn;

use smallvec::SmallVec;

use crate::attribute::AttributeName;
use crate::folding;

/// A distinguished name: its text as it came, and its parts for comparing (RFC 4514).
///
/// DNs are never compared as text: servers answer `\2C` for what was written `\,`, and in another case. There are two
/// ways to compare them, so there is no `==`: [`is_same`](Self::is_same) and [`levels_below`](Self::levels_below).
#[derive(Clone, Debug)]
pub struct Dn {
    text: String,
    /// From the entry up to the root.
    rdns: Vec<Rdn>,
}

/// What all spellings of a DN have in common that are [the same](Dn::is_same): to look DNs up by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnKey(Vec<Rdn>);

/// The parts of one level, in an order of their own: `a=1+b=2` is `b=2+a=1`.
type Rdn = SmallVec<[Part; 1]>;

/// The type by its first name in lower case, and the value as it compares.
type Part = (Cow<'static, str>, FoldedValue);

/// A value as it compares: see [`fold`]. Most are short.
pub type FoldedValue = SmallVec<[u8; 16]>;

impl Dn {
    /// Reads a DN. An empty text is the DN of the root, with no parts.
    pub fn parse(text: &str) -> Result<Self, InvalidDn> {
        let rdns = if text.trim().is_empty() { Vec::new() } else { parser::levels(text)? };
        Ok(Self { text: text.to_owned(), rdns })
    }

    /// Reads a value of `uniqueMember`: a DN, behind which a `#` and a bit string such as `'0101'B` may follow, which is
    /// taken off (RFC 4517 section 3.3.21). A `#` that a backslash escapes is the DN's own. For attributes that hold
    /// DNs alone this is wrong: there, what looks like a bit string belongs to the DN.
    pub fn parse_member(text: &str) -> Result<Self, InvalidDn> {
        Self::parse(without_uid(text).unwrap_or(text))
    }

    /// The DN of the root, which names no entry.
    pub fn root() -> Self {
        Self { text: String::new(), rdns: Vec::new() }
    }

    /// The text as it came: what is sent to a server.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this is the root's DN, which names no entry.
    pub fn is_empty(&self) -> bool {
        self.rdns.is_empty()
    }

    /// The values of this attribute that the entry's own level is made of, as they [compare](fold).
    pub fn naming_values(&self, attribute: &AttributeName) -> impl Iterator<Item = &[u8]> {
        let parts = self.rdns.first().into_iter().flatten();
        parts.filter(|(name, _)| name == attribute.key()).map(|(_, value)| value.as_slice())
    }

    /// The value that the entry's own level is made of, the first if there are several, as it was written: with its case
    /// and without escapes. That is the name of a group. It may hold any characters, also such as nobody may print.
    ///
    /// `None` for the root, for a value in BER (`#04024869`), and for an empty one.
    pub fn first_value(&self) -> Option<String> {
        parser::first_value(&self.text).filter(|value| !value.is_empty())
    }

    /// Whether both name the same entry: all parts are equal, without regard to the case, to runs of spaces, and to the
    /// order of the parts of one level. Servers may take more for equal, letters without their accents for one.
    pub fn is_same(&self, other: &Self) -> bool {
        self.rdns == other.rdns
    }

    /// What is equal for those that are [the same](Self::is_same), and for no others.
    pub fn key(&self) -> DnKey {
        DnKey(self.rdns.clone())
    }

    /// What is equal for all that a generous server might take for the same: without regard to accents and the like, see
    /// [`folding`].
    pub fn generous_key(&self) -> DnKey {
        let folded = |(name, value): &Part| {
            let folded = |text| SmallVec::from_vec(folding::fold(text).into_bytes());
            let value = str::from_utf8(value).map_or_else(|_| value.clone(), folded);
            (name.clone(), value)
        };
        let level = |rdn: &Rdn| {
            let mut parts: Rdn = rdn.iter().map(folded).collect();
            parts.sort();
            parts
        };
        DnKey(self.rdns.iter().map(level).collect())
    }

    /// The levels at the end that are made of `dc` alone (RFC 2247), which is what a domain's entries lie below; `None` if
    /// there are none.
    pub fn domain(&self) -> Option<Self> {
        let name = self.dns_name()?;
        let text: Vec<_> = name.split('.').map(|label| format!("dc={}", Self::escape_value(label))).collect();
        Self::parse(&text.join(",")).ok()
    }

    /// The name in DNS of the domain that this lies in: `lab.test` for `cn=Users,dc=lab,dc=test` (RFC 2247), in lower case.
    pub fn dns_name(&self) -> Option<String> {
        fn label(rdn: &Rdn) -> Option<&str> {
            match rdn.as_slice() {
                [(name, value)] if name == "dc" => str::from_utf8(value).ok().filter(|label| !label.contains('.')),
                _ => None,
            }
        }
        let mut labels: Vec<_> = self.rdns.iter().rev().map_while(label).collect();
        labels.reverse();
        (!labels.is_empty()).then(|| labels.join("."))
    }

    /// A text escaped as the value of an attribute in a DN (RFC 4514 section 2.4): what has a meaning there, and control
    /// characters, as two hexadecimal digits per octet. [`parse`](Self::parse) gives it back.
    pub fn escape_value(value: &str) -> String {
        let mut escaped = String::with_capacity(value.len());
        let last = value.chars().count().saturating_sub(1);
        for (position, character) in value.chars().enumerate() {
            let is_special = match character {
                '"' | '+' | ',' | ';' | '<' | '>' | '\\' => true,
                '#' => position == 0,
                ' ' => position == 0 || position == last,
                _ => character.is_ascii_control(),
            };
            if is_special {
                // All of these are ASCII, and writing to a String cannot fail.
                let _ = write!(escaped, "\\{:02x}", u32::from(character));
            } else {
                escaped.push(character);
            }
        }
        escaped
    }

    /// How many levels this lies below `base`: 0 for the base itself, `None` if it lies elsewhere. Values compare as a
    /// generous server compares them, which answers a base DN without accents with one that has them: this is to notice
    /// an answer from elsewhere, and not to tell branches apart that a server's own comparison keeps apart.
    pub fn levels_below(&self, base: &Self) -> Option<usize> {
        let levels = self.rdns.len().checked_sub(base.rdns.len())?;
        let above = self.rdns.get(levels..)?;
        let is_same = above == base.rdns.as_slice() || above.iter().zip(&base.rdns).all(|(a, b)| is_same_level(a, b));
        is_same.then_some(levels)
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&provider_api::one_line(&self.text))
    }
}

/// The DN of a `uniqueMember` without its bit string, if it has one.
fn without_uid(text: &str) -> Option<&str> {
    let bits = text.strip_suffix("'B")?;
    let dn = bits.trim_end_matches(['0', '1']).strip_suffix("#'")?;
    let backslashes = dn.len() - dn.trim_end_matches('\\').len();
    (backslashes % 2 == 0).then_some(dn)
}

fn is_same_level(one: &Rdn, other: &Rdn) -> bool {
    let is_same = |(a, b): (&Part, &Part)| a.0 == b.0 && is_same_value(&a.1, &b.1);
    one.len() == other.len() && one.iter().zip(other).all(is_same)
}

fn is_same_value(one: &[u8], other: &[u8]) -> bool {
    let texts = || Some((str::from_utf8(one).ok()?, str::from_utf8(other).ok()?));
    one == other || texts().is_some_and(|(one, other)| folding::fold(one) == folding::fold(other))
}

/// A value as it compares: without regard to case and to runs of spaces, which is how all attributes that DNs are
/// made of compare (RFC 4517 section 4.2.11).
pub fn fold(value: &str) -> FoldedValue {
    if value.bytes().all(|byte| byte.is_ascii() && byte != b' ') {
        // Most are of this kind, and every entry has several in its DN.
        let mut folded = FoldedValue::from_slice(value.as_bytes());
        folded.make_ascii_lowercase();
        return folded;
    }
    let value = if value.is_ascii() { Cow::Borrowed(value) } else { Cow::Owned(value.to_lowercase()) };
    let mut folded = FoldedValue::with_capacity(value.len());
    for word in value.split(' ').filter(|word| !word.is_empty()) {
        if !folded.is_empty() {
            folded.push(b' ');
        }
        folded.extend_from_slice(word.as_bytes());
    }
    folded.make_ascii_lowercase();
    folded
}
