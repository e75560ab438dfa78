use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer};

use super::one_or_many;

/// A name, or a list of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOrMany(pub(super) Vec<String>);

impl Default for OneOrMany {
    fn default() -> Self {
        Self(vec!["uid".to_owned(), "cn".to_owned()])
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one_or_many::deserialize(deserializer, "an attribute name or a list of attribute names").map(Self)
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
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }],
            "default": ["uid", "cn"],
        })
    }
}
