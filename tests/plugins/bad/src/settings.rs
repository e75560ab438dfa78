use std::borrow::Cow;

use provider_api::author::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use provider_api::{Fault, MisconfiguredReason};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::fault::Bug;

/// Settings that are checked by hand: one of the things to spoil.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Settings(Map<String, Value>);

impl JsonSchema for Settings {
    fn schema_name() -> Cow<'static, str> {
        "Settings".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "secret": { "type": "string", "writeOnly": true, "description": "Something that must not be seen." },
                "fault": { "type": "string", "description": "What to spoil." },
                "unreachable": { "type": "boolean", "description": "Whether nobody can be told." },
            },
            "required": ["secret"],
        })
    }
}

impl Settings {
    /// The fault, whether the source is out of reach, and the secret.
    pub(crate) fn check(&self) -> Result<(Option<Bug>, bool, String), Fault> {
        let bug = match self.0.get("fault") {
            None => None,
            Some(value) => {
                let read = serde_json::from_value(value.clone());
                Some(read.map_err(|_| Fault::setting("fault", "is none of the faults"))?)
            }
        };
        let refused = |key: &str, why: &str| match bug {
            Some(Bug::NamesNoKey) => Fault::misconfigured(MisconfiguredReason::SETTING_INVALID, why),
            _ => Fault::setting(key, why),
        };
        let known = ["secret", "fault", "unreachable"];
        if let Some(key) = self.0.keys().find(|key| !known.contains(&key.as_str()))
            && bug != Some(Bug::TakesUnknownKeys)
        {
            return Err(refused(key, "is unknown"));
        }
        let secret = match self.0.get("secret") {
            None if bug == Some(Bug::RequiresNothing) => String::new(),
            None => return Err(refused("secret", "is missing")),
            Some(Value::String(secret)) => secret.clone(),
            Some(_) => return Err(refused("secret", "is no string")),
        };
        let unreachable = match self.0.get("unreachable") {
            None => false,
            Some(value) => value.as_bool().ok_or_else(|| refused("unreachable", "is no boolean"))?,
        };
        Ok((bug, unreachable, secret))
    }
}
