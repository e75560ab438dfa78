use std::borrow::Cow;
use std::iter::Peekable;
use std::str::CharIndices;

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
    characters: Peekable<CharIndices<'a>>,
}

/// A value as it was written, unescaped.
enum Value<'a> {
    Text(Cow<'a, str>),
    /// In BER, with [`HEXADECIMAL`] before it.
    Ber(Vec<u8>),
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, characters: text.char_indices().peekable() }
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
                return match self.characters.peek() {
                    None => Ok(rdns),
                    Some(_) => Err(self.error("a character that needs a backslash before it")),
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
        let begin = self.offset();
        let is_in_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '.');
        while self.characters.next_if(|&(_, character)| is_in_name(character)).is_some() {}
        let name = self.text_from(begin);
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
        let begin = self.offset();
        while self.characters.next_if(|&(_, character)| !ends_value(character) && character != '\\').is_some() {}
        // Unescaped spaces at the end belong to nothing.
        let plain = self.text_from(begin).trim_end_matches(' ');
        if self.characters.peek().is_none_or(|&(_, character)| ends_value(character)) {
            return Ok(Cow::Borrowed(plain));
        }
        let mut value = self.text_from(begin).as_bytes().to_vec();
        let mut kept = plain.len();
        while let Some(&(_, character)) = self.characters.peek()
            && !ends_value(character)
        {
            self.characters.next();
            if character == '\\' {
                value.extend(self.escaped()?);
            } else {
                value.extend(character.encode_utf8(&mut [0; 4]).bytes());
            }
            if character != ' ' {
                kept = value.len();
            }
        }
        value.truncate(kept);
        // RFC 4514 section 2.4 writes what is no text as a hexadecimal value.
        String::from_utf8(value).map(Cow::Owned).map_err(|_| self.error("a value that is not UTF-8"))
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

    /// Where the next character is.
    fn offset(&mut self) -> usize {
        self.characters.peek().map_or(self.text.len(), |&(offset, _)| offset)
    }

    /// What was read since then.
    fn text_from(&mut self, begin: usize) -> &'a str {
        let end = self.offset();
        self.text.get(begin..end).unwrap_or_default()
    }

    fn error(&mut self, what: &'static str) -> InvalidDn {
        let offset = self.offset();
        let before = self.text.get(..offset).unwrap_or(self.text);
        InvalidDn { what, position: before.chars().count() + 1 }
    }
}

/// Whether an unescaped character cannot be in a value.
fn ends_value(character: char) -> bool {
    matches!(character, ',' | '+' | ';' | '"' | '<' | '>' | '\0')
}
