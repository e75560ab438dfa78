use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::Deserializer;

use super::one_or_many::{self, Written};

/// One server or several, in order of preference: a text, in which commas or blanks stand between them, or a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts(Written);

impl Hosts {
    /// Each of them as it was written; none if there is only space.
    pub(super) fn each(&self) -> impl Iterator<Item = &str> {
        let separates = |character: char| character.is_whitespace() || character == ',';
        self.0.texts().iter().flat_map(move |text| text.split(separates)).filter(|part| !part.is_empty())
    }
}

impl<'de> Deserialize<'de> for Hosts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one_or_many::deserialize(deserializer, "a server or a list of servers").map(Self)
    }
}

impl JsonSchema for Hosts {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Hosts".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Hosts;

    #[test]
    fn one_text_can_name_several_servers() {
        let read = |value: Value| -> Vec<String> {
            let hosts: Hosts = serde_json::from_value(value).unwrap();
            hosts.each().map(ToOwned::to_owned).collect()
        };
        assert_eq!(read(json!("a")), ["a"]);
        assert_eq!(read(json!(" ldaps://a, ldaps://b:1636\n[::1] ,")), ["ldaps://a", "ldaps://b:1636", "[::1]"]);
        assert_eq!(read(json!(["a", "b c"])), ["a", "b", "c"]);
        assert!(read(json!(" , ")).is_empty());
        assert!(read(json!([])).is_empty());
        let error = serde_json::from_value::<Hosts>(json!(7)).unwrap_err().to_string();
        assert!(error.contains("a server or a list of servers"), "{error}");
    }
}
