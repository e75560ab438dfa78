use std::fmt::{self, Write as _};
use std::iter::Peekable;
use std::mem;
use std::str::CharIndices;

use crate::attribute::{AttributeName, key};
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
    /// The first value as it was written, unescaped.
    first_value: Option<String>,
}

/// What all spellings of a DN have in common that are [the same](Dn::is_same): to look DNs up by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnKey(Vec<Rdn>);

/// The parts of one level, in an order of their own: `a=1+b=2` is `b=2+a=1`.
type Rdn = Vec<Part>;

/// The type by its first name in lower case, and the value as it compares.
type Part = (String, Vec<u8>);

impl Dn {
    /// Reads a DN. An empty text is the DN of the root, with no parts.
    pub fn parse(text: &str) -> Result<Self, InvalidDn> {
        let mut parser = Parser { text, characters: text.char_indices().peekable(), is_first: true, first_value: None };
        let rdns = if text.trim().is_empty() { Vec::new() } else { parser.rdns()? };
        Ok(Self { text: text.to_owned(), rdns, first_value: parser.first_value })
    }

    /// Reads a value of `uniqueMember`: a DN, behind which a `#` and a bit string such as `'0101'B` may follow, which is
    /// taken off (RFC 4517 section 3.3.21). A `#` that a backslash escapes is the DN's own. For attributes that hold
    /// DNs alone this is wrong: there, what looks like a bit string belongs to the DN.
    pub fn parse_member(text: &str) -> Result<Self, InvalidDn> {
        Self::parse(without_uid(text).unwrap_or(text))
    }

    /// The DN of the root, which names no entry.
    pub fn root() -> Self {
        Self { text: String::new(), rdns: Vec::new(), first_value: None }
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
    pub fn naming_values(&self, attribute: &AttributeName) -> Vec<&[u8]> {
        let parts = self.rdns.first().into_iter().flatten();
        parts.filter(|(name, _)| name == attribute.key()).map(|(_, value)| value.as_slice()).collect()
    }

    /// The value that the entry's own level is made of, the first if there are several, as it was written: with its case
    /// and without escapes. That is the name of a group. It may hold any characters, also such as nobody may print.
    ///
    /// `None` for the root, for a value in BER (`#04024869`), and for an empty one.
    pub fn first_value(&self) -> Option<String> {
        self.first_value.clone().filter(|value| !value.is_empty())
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

/// A text that is no DN. Says where it stops being one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a DN such as ou=people,dc=example,dc=com: {what} at character {position}")]
pub struct InvalidDn {
    what: &'static str,
    /// Counted from 1.
    position: usize,
}

/// How many parts one level may have. Real ones have one, and seldom two.
const MOST_PARTS: usize = 16;

/// What a value in BER begins with here: no text has this octet.
const HEXADECIMAL: u8 = 0xff;

/// The DN of a `uniqueMember` without its bit string, if it has one.
fn without_uid(text: &str) -> Option<&str> {
    let bits = text.strip_suffix("'B")?;
    let dn = bits.trim_end_matches(['0', '1']).strip_suffix("#'")?;
    let backslashes = dn.len() - dn.trim_end_matches('\\').len();
    (backslashes % 2 == 0).then_some(dn)
}

struct Parser<'a> {
    text: &'a str,
    characters: Peekable<CharIndices<'a>>,
    /// No value has been read yet.
    is_first: bool,
    first_value: Option<String>,
}

impl Parser<'_> {
    fn rdns(&mut self) -> Result<Vec<Rdn>, InvalidDn> {
        let mut rdns = Vec::new();
        loop {
            let mut rdn = vec![self.part()?];
            while self.skip('+') {
                if rdn.len() == MOST_PARTS {
                    return Err(self.error("a level of more than 16 parts"));
                }
                rdn.push(self.part()?);
            }
            rdn.sort();
            rdns.push(rdn);
            // RFC 4514 has the comma alone; RFC 2253 section 4 has clients accept the semicolon too.
            if !(self.skip(',') || self.skip(';')) {
                return match self.characters.peek() {
                    None => Ok(rdns),
                    Some(_) => Err(self.error("a character that needs a backslash before it")),
                };
            }
        }
    }

    fn part(&mut self) -> Result<Part, InvalidDn> {
        self.skip_spaces();
        let mut name = String::new();
        while let Some(&(_, character)) = self.characters.peek() {
            if !(character.is_ascii_alphanumeric() || matches!(character, '-' | '.')) {
                break;
            }
            name.push(character);
            self.characters.next();
        }
        if name.is_empty() {
            return Err(self.error("an attribute name is missing"));
        }
        self.skip_spaces();
        if !self.skip('=') {
            return Err(self.error("an `=` is missing"));
        }
        self.skip_spaces();
        let (value, text) = if self.skip('#') {
            (self.hexadecimal()?, None)
        } else {
            let octets = self.string()?;
            // RFC 4514 section 2.4 writes what is no text as a hexadecimal value.
            let text = String::from_utf8(octets).map_err(|_| self.error("a value that is not UTF-8"))?;
            (fold(&text), Some(text))
        };
        if mem::take(&mut self.is_first) {
            self.first_value = text;
        }
        self.skip_spaces();
        Ok((key(&name), value))
    }

    /// A value in BER, after its `#`. Compared octet by octet, and never equal to one that is written as a string.
    fn hexadecimal(&mut self) -> Result<Vec<u8>, InvalidDn> {
        let mut value = vec![HEXADECIMAL];
        while let Some(high) = self.hex_digit() {
            let low = self.hex_digit().ok_or_else(|| self.error("half of a hexadecimal pair"))?;
            value.push(high << 4 | low);
        }
        if value.len() == 1 { Err(self.error("no hexadecimal digits after the #")) } else { Ok(value) }
    }

    fn string(&mut self) -> Result<Vec<u8>, InvalidDn> {
        let mut value = Vec::new();
        // Unescaped spaces at the end belong to nothing.
        let mut kept = 0;
        while let Some(&(_, character)) = self.characters.peek() {
            match character {
                ',' | '+' | ';' | '"' | '<' | '>' | '\0' => break,
                '\\' => {
                    self.characters.next();
                    value.extend(self.escaped()?);
                    kept = value.len();
                    continue;
                }
                _ => value.extend(character.encode_utf8(&mut [0; 4]).bytes()),
            }
            self.characters.next();
            if character != ' ' {
                kept = value.len();
            }
        }
        value.truncate(kept);
        Ok(value)
    }

    fn escaped(&mut self) -> Result<Vec<u8>, InvalidDn> {
        if let Some(high) = self.hex_digit() {
            let low = self.hex_digit().ok_or_else(|| self.error("half of a hexadecimal pair"))?;
            return Ok(vec![high << 4 | low]);
        }
        match self.characters.next() {
            Some((_, character)) if " \"#+,;<=>\\".contains(character) => {
                Ok(vec![u8::try_from(character).unwrap_or(b' ')])
            }
            _ => Err(self.error("a backslash that escapes nothing")),
        }
    }

    fn hex_digit(&mut self) -> Option<u8> {
        let digit = self.characters.peek()?.1.to_digit(16)?;
        self.characters.next();
        u8::try_from(digit).ok()
    }

    fn skip(&mut self, wanted: char) -> bool {
        self.characters.next_if(|&(_, character)| character == wanted).is_some()
    }

    fn skip_spaces(&mut self) {
        while self.skip(' ') {}
    }

    fn error(&mut self, what: &'static str) -> InvalidDn {
        let offset = self.characters.peek().map_or(self.text.len(), |&(offset, _)| offset);
        let before = self.text.get(..offset).unwrap_or(self.text);
        InvalidDn { what, position: before.chars().count() + 1 }
    }
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
pub fn fold(value: &str) -> Vec<u8> {
    value.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ").to_lowercase().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::Dn;

    fn same(a: &str, b: &str) -> bool {
        Dn::parse(a).unwrap().levels_below(&Dn::parse(b).unwrap()) == Some(0)
    }

    #[test]
    fn the_examples_of_rfc_4514_are_read() {
        for (text, levels) in [
            ("UID=jsmith,DC=example,DC=net", 3),
            ("OU=Sales+CN=J.  Smith,DC=example,DC=net", 3),
            (r#"CN=James \"Jim\" Smith\, III,DC=example,DC=net"#, 3),
            (r"CN=Before\0dAfter,DC=example,DC=net", 3),
            ("1.3.6.1.4.1.1466.0=#04024869", 1),
            (r"CN=Lu\C4\8Di\C4\87", 1),
            ("", 0),
        ] {
            assert_eq!(Dn::parse(text).unwrap().rdns.len(), levels, "{text}");
        }
        assert!(same(r"CN=Lu\C4\8Di\C4\87", "cn=Lučić"));
    }

    #[test]
    fn dns_compare_by_their_parts_and_not_by_their_text() {
        for (a, b) in [
            (r"uid=\61lice,dc=x", "uid=alice,dc=x"),
            ("uid= alice , dc=x", "uid=alice,dc=x"),
            ("UID=ALICE,DC=X", "uid=alice,dc=x"),
            ("cn=J.   Smith", "cn=j. smith"),
            ("a=1+b=2,dc=x", "b=2+a=1,dc=x"),
            (r"cn=a\,b", r"cn=a\2Cb"),
            (r"cn=\#x", r"cn=\23x"),
            (r"cn=\ foo\ ", r"cn=\20foo\20"),
            (r"cn=a\\b", r"cn=a\5cb"),
            (r#"cn=a\"b"#, r"cn=a\22b"),
            (r"cn=test\,hel\+lo", r"cn=test\2chel\2blo"),
            ("cn=a=b", r"cn=a\=b"),
            ("CN=ÄÖÜ", "cn=äöü"),
            ("ou=Zuge\u{301}ho\u{308}rige", "ou=Zug\u{e9}h\u{f6}rige"),
            ("cn=#616c", "cn=#616C"),
            ("organizationalUnitName=people,domainComponent=x", "OU=people,DC=x"),
            ("0.9.2342.19200300.100.1.1=alice,2.5.4.11=people", "uid=alice,ou=people"),
        ] {
            assert!(same(a, b), "{a} / {b}");
        }
        for (a, b) in [
            ("cn=a#b", "cn=ab"),
            ("cn=a", "uid=a"),
            (r"cn=a\,b", "cn=a,b=c"),
            ("cn=#616c", "cn=al"),
            ("cn=#616c", r"cn=\#al"),
            ("cn=#ff", "cn=#fe"),
            ("cn=a b", "cn=ab"),
        ] {
            assert!(!same(a, b), "{a} / {b}");
        }
    }

    #[test]
    fn a_level_has_so_many_parts_and_no_more() {
        let of = |parts: usize| format!("{},dc=x", vec!["a=b"; parts].join("+"));
        assert!(Dn::parse(&of(16)).is_ok() && Dn::parse(&of(17)).is_err());
    }

    #[test]
    fn what_is_below_a_base_is_told_by_whole_levels() {
        let base = Dn::parse("ou=people,dc=x").unwrap();
        let levels = |text| Dn::parse(text).unwrap().levels_below(&base);
        assert_eq!(levels("OU=People, DC=X"), Some(0));
        assert_eq!(levels("uid=a,ou=people,dc=x"), Some(1));
        assert_eq!(levels("uid=a,ou=sub,ou=people,dc=x"), Some(2));
        for outside in [
            "uid=a,ou=morepeople,dc=x",
            "uid=a,ou=people,dc=y",
            "dc=x",
            "",
            r"uid=a\,ou=people,dc=x",
            "uid=a,ou=people,dc=x,dc=y",
        ] {
            assert_eq!(levels(outside), None, "{outside}");
        }
    }

    #[test]
    fn what_is_no_dn_is_refused_with_the_place() {
        for (text, position) in [
            ("people", 7),
            ("ou=people,", 11),
            ("ou=people,,dc=x", 11),
            ("=x", 1),
            (r"cn=a\", 6),
            (r"cn=a\g", 7),
            (r"cn=a\4", 7),
            ("cn=a\"b", 5),
            ("cn=a<b", 5),
            ("cn=a\0b", 5),
            ("cn=#4", 6),
            ("cn=#", 5),
            ("admin@example.com", 6),
        ] {
            let error = Dn::parse(text).unwrap_err();
            assert_eq!(error.position, position, "{text:?}: {error}");
        }
    }
}
