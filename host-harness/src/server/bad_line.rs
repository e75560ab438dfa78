//! What can be said of a line that is neither a login nor a command.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

/// The id of a line that cannot be used, if it stands before what is wrong with it. Nothing else of the line is kept: it
/// may hold a password.
pub(super) fn id_of(line: &[u8]) -> Option<String> {
    let mut id = None;
    // What is wrong with the line has been told already.
    let _ = serde_json::Deserializer::from_slice(line).deserialize_map(Looking { id: &mut id });
    id
}

/// Notes the id as it passes: what comes after it may be cut off, or no JSON.
struct Looking<'a> {
    id: &'a mut Option<String>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Id,
    #[serde(other)]
    Other,
}

impl<'de> Visitor<'de> for Looking<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(key) = object.next_key()? {
            match key {
                Key::Id => *self.id = Some(object.next_value()?),
                Key::Other => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::id_of;

    #[test]
    fn the_id_is_read_wherever_it_can_be() {
        for line in [
            r#"{"id":"7"}"#,
            r#"{"id":"7","name":"alice","pasword":"s3cret"}"#,
            r#"{"pasword":{"id":"8"},"id":"7"}"#,
            r#"{"id":"7","name":"alice","password":"cut o"#,
            r#"{"id":"7","password":["#,
            r#"{"id":"7","password":s3cret}"#,
            r#"{"id":"7","password":"\ud800"}"#,
            r#"{"password":"\ud800","id":"7"}"#,
            r#"{ "name" : 5, "id" : "\u0037" } s3cret"#,
        ] {
            assert_eq!(id_of(line.as_bytes()).as_deref(), Some("7"), "{line}");
        }
        assert_eq!(id_of(b"{\"id\":\"7\",\"password\":\"\xff\"}").as_deref(), Some("7"));
    }

    #[test]
    fn a_line_without_an_id_has_none() {
        for line in ["", "7", r#""id""#, r#"["id","7"]"#, r#"{"id":7}"#, r#"{"id":"7"#, r#"{"password":x,"id":"7"}"#] {
            assert_eq!(id_of(line.as_bytes()), None, "{line}");
        }
    }
}
