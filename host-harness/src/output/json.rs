//! JSON that is one line for whoever reads it, and that a terminal may show.

use std::io;

use provider_api::is_unprintable;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// A value as one line of JSON.
///
/// JSON escapes control characters below U+0020 alone. Others end a line too, for Python's `splitlines` say (U+0085,
/// U+2028), or make a terminal show something else (C1, bidirectional overrides); a directory's entries may hold any.
pub(super) fn line(value: &impl Serialize) -> io::Result<String> {
    let mut line = Vec::with_capacity(128);
    value.serialize(&mut Serializer::with_formatter(&mut line, Printable))?;
    String::from_utf8(line).map_err(io::Error::other)
}

struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W: io::Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut written = 0;
        for (start, character) in fragment.char_indices().filter(|(_, character)| is_unprintable(*character)) {
            writer.write_all(fragment.get(written..start).unwrap_or_default().as_bytes())?;
            // Beyond U+FFFF it takes two, a surrogate pair (RFC 8259, section 7).
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            written = start + character.len_utf8();
        }
        writer.write_all(fragment.get(written..).unwrap_or_default().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use provider_api::is_unprintable;
    use serde_json::{Value, json};

    use super::line;

    #[test]
    fn every_character_comes_back_and_none_that_is_unprintable_is_written() {
        let every: String = ('\0'..=char::MAX).collect();
        let value = json!({ "every": every, "\u{85}key\u{2028}": ["a\u{202e}b", 1.5, null, true, "", "plain"] });
        let line = line(&value).expect("JSON");
        assert!(!line.contains(is_unprintable));
        assert_eq!(serde_json::from_str::<Value>(&line).expect("JSON"), value);
    }

    #[test]
    fn what_is_printable_is_written_as_it_is() {
        assert_eq!(line(&"ä\u{85}\"\n\u{e0001}€").expect("JSON"), r#""ä\u0085\"\n\udb40\udc01€""#);
    }
}
