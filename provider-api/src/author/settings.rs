//! Reads a provider's settings so that every error names its key.

use serde::de::DeserializeOwned;

use crate::{Fault, MisconfiguredReason};

/// Reads settings from JSON.
pub(super) fn read<S: DeserializeOwned>(json: &str) -> Result<S, Fault> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let text = error.into_inner().to_string();
        // The position is one in a text that nobody has seen: the host wrote it.
        let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
        match key_named_in(message).or_else(|| Some(path.as_str()).filter(|path| !matches!(*path, "." | "?"))) {
            Some(key) => Fault::setting(key, message),
            None => Fault::misconfigured(MisconfiguredReason::SETTING_INVALID, message),
        }
    })
}

/// The key in serde's own words for a key that is not known, not there or there twice, of which the path knows only
/// the parent.
fn key_named_in(message: &str) -> Option<&str> {
    ["unknown field `", "missing field `", "duplicate field `"]
        .iter()
        .find_map(|start| message.strip_prefix(start)?.split('`').next())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::read;
    use crate::{Fault, Secret};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "read by the deserialiser alone")]
    struct Settings {
        host: String,
        port: Option<u16>,
        bind_password: Option<Secret>,
    }

    fn key_of(json: &str) -> (String, String) {
        match read::<Settings>(json).expect_err("these settings are wrong") {
            Fault::Misconfigured { setting, message, .. } => (setting.unwrap_or_default(), message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_error_names_its_key() {
        assert_eq!(key_of(r#"{"host":"x","prot":1}"#).0, "prot");
        assert_eq!(key_of(r#"{"port":1}"#).0, "host");
        assert_eq!(key_of(r#"{"host":"x","port":"many"}"#).0, "port");
        assert_eq!(key_of(r#"{"host":"x","port":70000}"#).0, "port");
        assert_eq!(key_of(r#"{"host":["x"]}"#).0, "host");
        assert_eq!(key_of("[]").0, "");
    }

    #[test]
    fn a_secret_of_the_wrong_type_is_named_and_not_shown() {
        let (key, message) = key_of(r#"{"host":"x","bind_password":4711}"#);
        assert_eq!(key, "bind_password");
        assert!(!message.contains("4711"), "{message}");
    }
}
