use std::iter::Peekable;
use std::mem;
use std::str::CharIndices;

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

/// The levels of a DN that is not the root's, and the first value as it was written if it is a text.
pub(super) fn read(text: &str) -> Result<(Vec<Rdn>, Option<String>), InvalidDn> {
    let mut parser = Parser { text, characters: text.char_indices().peekable(), is_first: true, first_value: None };
    let rdns = parser.rdns()?;
    Ok((rdns, parser.first_value))
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
