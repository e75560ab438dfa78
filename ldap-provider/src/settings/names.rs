use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer};

use super::one_or_many::{self, Written};

/// A name, or a list of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOrMany(Written);

impl OneOrMany {
    /// The names as they were written; none for a text that is blank: a form sends its empty fields too.
    pub(super) fn names(&self) -> Vec<&str> {
        match &self.0 {
            Written::Text(text) if text.trim().is_empty() => Vec::new(),
            written => written.texts().iter().map(String::as_str).collect(),
        }
    }

    /// Whether it is a list with nothing in it, which is not the same as a field that was left empty.
    pub(super) fn is_empty_list(&self) -> bool {
        matches!(&self.0, Written::List(names) if names.is_empty())
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one_or_many::deserialize(deserializer, "a name or a list of names").map(Self)
    }
}

impl JsonSchema for OneOrMany {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OneOrMany".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
        })
    }
}
