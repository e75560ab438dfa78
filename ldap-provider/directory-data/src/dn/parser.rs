use std::borrow::Cow;

use smallvec::{SmallVec, smallvec};

use super::{Part, Rdn, fold};
use crate::attribute::key;

/// A text that is no DN. Says where it stops being one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a DN such as ou=people,dc=example,dc=com: {what} at character {position}")]
pub struct InvalidDn {
    what: &'static str,
    /// Counted from 1.
    pub(super) position: usize,
}

/// How many parts one level may have. Real ones have one, and seldom two.
const MOST_PARTS: usize = 16;

/// What a value in BER begins with here: no text has this octet.
const HEXADECIMAL: u8 = 0xff;

/// The levels of a DN that is not the root's.
pub(super) fn levels(text: &str) -> Result<Vec<Rdn>, InvalidDn> {
    Parser::new(text).rdns()
}

/// The first value of a DN as it was written, unescaped, if it is a text.
pub(super) fn first_value(text: &str) -> Option<String> {
    match Parser::new(text).written_part() {
        Ok((_, Value::Text(text))) => Some(text.into_owned()),
        Ok((_, Value::Ber(_))) | Err(_) => None,
    }
}

struct Parser<'a> {
    text: &'a str,
    /// What was not read yet.
    rest: &'a str,
}

/// A value as it was written, unescaped.
enum Value<'a> {
    Text(Cow<'a, str>),
    /// In BER, with [`HEXADECIMAL`] before it.
    Ber(Vec<u8>),
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, rest: text }
    }

    fn rdns(&mut self) -> Result<Vec<Rdn>, InvalidDn> {
        let mut rdns = Vec::new();
        loop {
            let mut rdn: Rdn = smallvec![self.part()?];
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
                return if self.rest.is_empty() {
                    Ok(rdns)
                } else {
                    Err(self.error("a character that needs a backslash before it"))
                };
            }
        }
    }

    fn part(&mut self) -> Result<Part, InvalidDn> {
        let (name, value) = self.written_part()?;
        let value = match value {
            Value::Text(text) => fold(&text),
            Value::Ber(octets) => SmallVec::from_vec(octets),
        };
        Ok((key(name), value))
    }

    fn written_part(&mut self) -> Result<(&'a str, Value<'a>), InvalidDn> {
        self.skip_spaces();
        let name = self.take_while(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.'));
        if name.is_empty() {
            return Err(self.error("an attribute name is missing"));
        }
        self.skip_spaces();
        if !self.skip('=') {
            return Err(self.error("an `=` is missing"));
        }
        self.skip_spaces();
        let value = if self.skip('#') { Value::Ber(self.hexadecimal()?) } else { Value::Text(self.string()?) };
        self.skip_spaces();
        Ok((name, value))
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

    fn string(&mut self) -> Result<Cow<'a, str>, InvalidDn> {
        let is_plain = |octet| !ends_value(octet) && octet != b'\\';
        // Unescaped spaces at the end belong to nothing.
        let plain = self.take_while(is_plain);
        let trimmed = plain.trim_end_matches(' ');
        if !self.rest.starts_with('\\') {
            return Ok(Cow::Borrowed(trimmed));
        }
        let mut value = plain.as_bytes().to_vec();
        let mut kept = trimmed.len();
        while self.skip('\\') {
            value.push(self.escaped()?);
            kept = value.len();
            let plain = self.take_while(is_plain);
            value.extend_from_slice(plain.as_bytes());
            kept += plain.trim_end_matches(' ').len();
        }
        value.truncate(kept);
        // RFC 4514 section 2.4 writes what is no text as a hexadecimal value.
        String::from_utf8(value).map(Cow::Owned).map_err(|_| self.error("a value that is not UTF-8"))
    }

    fn escaped(&mut self) -> Result<u8, InvalidDn> {
        if let Some(high) = self.hex_digit() {
            let low = self.hex_digit().ok_or_else(|| self.error("half of a hexadecimal pair"))?;
            return Ok(high << 4 | low);
        }
        let mut characters = self.rest.chars();
        let escaped = characters.next().filter(|&character| " \"#+,;<=>\\".contains(character));
        self.rest = characters.as_str();
        escaped
            .and_then(|character| u8::try_from(character).ok())
            .ok_or_else(|| self.error("a backslash that escapes nothing"))
    }

    fn hex_digit(&mut self) -> Option<u8> {
        let mut characters = self.rest.chars();
        let digit = characters.next()?.to_digit(16)?;
        self.rest = characters.as_str();
        u8::try_from(digit).ok()
    }

    fn skip(&mut self, wanted: char) -> bool {
        self.rest.strip_prefix(wanted).map(|rest| self.rest = rest).is_some()
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    /// Reads on as long as the octets are such. `is_such` has to treat all octets beyond ASCII alike, so that what is read
    /// ends between two characters.
    fn take_while(&mut self, is_such: impl Fn(u8) -> bool) -> &'a str {
        let end = self.rest.bytes().position(|octet| !is_such(octet)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or(("", self.rest));
        self.rest = rest;
        taken
    }

    fn error(&self, what: &'static str) -> InvalidDn {
        let read = self.text.get(..self.text.len() - self.rest.len()).unwrap_or(self.text);
        InvalidDn { what, position: read.chars().count() + 1 }
    }
}

/// Whether an unescaped character cannot be in a value.
fn ends_value(octet: u8) -> bool {
    matches!(octet, b',' | b'+' | b';' | b'"' | b'<' | b'>' | b'\0')
}
