use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use provider_api::host::{Sha256Digest, TrustProfile};
use provider_api::one_line;
use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::{ConfigError, Configuration, DEFAULT_STORE, Folders, ProviderEntry};

/// Reads the text of a configuration file.
///
/// It walks the table by hand instead of deserialising it: the errors of `toml` print the source line and quote
/// values, and either may be a password.
pub(super) fn parse(file: &Path, text: &str, folders: Folders) -> Result<Configuration, ConfigError> {
    let source = Source { file, text };
    let root = DeTable::parse(text).map_err(|error| {
        let place = error.span().unwrap_or_default();
        source.error(&place, &format!("this is not TOML ({})", problem(error.message())))
    })?;
    let mut configuration = Configuration {
        file: file.to_owned(),
        exposed: Vec::new(),
        folders,
        providers: Vec::new(),
        store_url: DEFAULT_STORE.to_owned(),
        default_trust: TrustProfile::Developer,
        plugin_copies: None,
    };
    for (key, value) in root.get_ref() {
        match key.get_ref().as_ref() {
            "providers" => configuration.providers = source.providers(value)?,
            "store" => configuration.store_url = source.store(value)?,
            "plugins" => {
                let copies = source.plugins(value)?;
                configuration.plugin_copies = copies.map(|folder| configuration.folders.configuration().join(folder));
            }
            other => return Err(source.unknown(key.span(), other, "[[providers]], [plugins] and [store]")),
        }
    }
    Ok(configuration)
}

/// The file, for messages.
struct Source<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    fn place(&self, span: &Range<usize>) -> String {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
        format!("{}:{line}", self.file.display())
    }

    fn error(&self, span: &Range<usize>, problem: &str) -> ConfigError {
        ConfigError::new(self.place(span), problem)
    }

    fn unknown(&self, span: Range<usize>, key: &str, known: &str) -> ConfigError {
        self.error(&span, &format!("unknown key {}: this place takes {known}", one_line(key)))
    }

    fn providers(&self, value: &Spanned<DeValue<'_>>) -> Result<Vec<ProviderEntry>, ConfigError> {
        let array = value.get_ref().as_array().ok_or_else(|| {
            self.error(&value.span(), "providers must be written as [[providers]], once for each provider")
        })?;
        let mut named = BTreeMap::new();
        let mut entries = Vec::new();
        for entry in array {
            let entry = self.provider(entry)?;
            if let Some(instance) = &entry.instance
                && let Some(earlier) = named.insert(instance.clone(), entry.place.clone())
            {
                let problem = format!(
                    "instance {instance} is at {earlier} already: give each provider a name of its own, \
                     it is part of its accounts' keys"
                );
                return Err(ConfigError::new(entry.place, problem));
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    fn provider(&self, value: &Spanned<DeValue<'_>>) -> Result<ProviderEntry, ConfigError> {
        let table = self.table(value, "providers")?;
        let (mut instance, mut path, mut settings) = (None, None, Map::new());
        let (mut sha256, mut trust) = (None, None);
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "instance" => instance = Some(self.instance(value)?),
                "path" => path = Some(PathBuf::from(self.text_value(value, "path")?)),
                "settings" => settings = self.settings(value)?,
                "sha256" => sha256 = Some(self.sha256(value)?),
                "trust" => trust = Some(self.trust(value)?),
                other => {
                    let known = "instance, path, sha256, trust and [providers.settings]";
                    return Err(self.unknown(key.span(), other, known));
                }
            }
        }
        let path = path.ok_or_else(|| {
            self.error(&value.span(), "the provider has no path: name its plugin's file, path = \"lib….so\"")
        })?;
        let (file, place) = (self.file.to_owned(), self.place(&value.span()));
        Ok(ProviderEntry { instance, path, sha256, trust, settings, file, place })
    }

    fn sha256(&self, value: &Spanned<DeValue<'_>>) -> Result<Sha256Digest, ConfigError> {
        let text = self.text_value(value, "sha256")?;
        text.parse().map_err(|error| self.error(&value.span(), &format!("sha256: {error}")))
    }

    fn trust(&self, value: &Spanned<DeValue<'_>>) -> Result<TrustProfile, ConfigError> {
        let text = self.text_value(value, "trust")?;
        [TrustProfile::Strict, TrustProfile::Developer]
            .into_iter()
            .find(|profile| profile.as_str() == text)
            .ok_or_else(|| self.error(&value.span(), "trust must be \"strict\" or \"developer\""))
    }

    /// The folder for copies.
    fn plugins(&self, value: &Spanned<DeValue<'_>>) -> Result<Option<PathBuf>, ConfigError> {
        let mut copies = None;
        for (key, value) in self.table(value, "plugins")? {
            match key.get_ref().as_ref() {
                "copies" => copies = Some(PathBuf::from(self.text_value(value, "copies")?)),
                other => return Err(self.unknown(key.span(), other, "copies")),
            }
        }
        Ok(copies)
    }

    fn instance(&self, value: &Spanned<DeValue<'_>>) -> Result<String, ConfigError> {
        let text = self.text_value(value, "instance")?;
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if text.is_empty() || text.len() > 64 || !text.bytes().all(sound) {
            return Err(self.error(&value.span(), "instance must be 1 to 64 of A-Z, a-z, 0-9, '-', '_' and '.'"));
        }
        Ok(text.to_owned())
    }

    fn store(&self, value: &Spanned<DeValue<'_>>) -> Result<String, ConfigError> {
        let mut url = DEFAULT_STORE;
        for (key, value) in self.table(value, "store")? {
            match key.get_ref().as_ref() {
                "url" => url = self.text_value(value, "url")?,
                other => return Err(self.unknown(key.span(), other, "url")),
            }
        }
        Ok(url.to_owned())
    }

    fn table<'t, 'i>(&self, value: &'t Spanned<DeValue<'i>>, key: &str) -> Result<&'t DeTable<'i>, ConfigError> {
        value.get_ref().as_table().ok_or_else(|| self.wrong_type(value, key, "a table"))
    }

    fn text_value<'t>(&self, value: &'t Spanned<DeValue<'_>>, key: &str) -> Result<&'t str, ConfigError> {
        value.get_ref().as_str().ok_or_else(|| self.wrong_type(value, key, "a string in quotes"))
    }

    fn wrong_type(&self, value: &Spanned<DeValue<'_>>, key: &str, wanted: &str) -> ConfigError {
        let found = value.get_ref().type_str();
        self.error(&value.span(), &format!("{} must be {wanted}, not of type {found}", one_line(key)))
    }

    fn settings(&self, value: &Spanned<DeValue<'_>>) -> Result<Map<String, Value>, ConfigError> {
        self.object(self.table(value, "settings")?)
    }

    fn object(&self, table: &DeTable<'_>) -> Result<Map<String, Value>, ConfigError> {
        table.iter().map(|(key, value)| Ok((key.get_ref().to_string(), self.json(value, key.get_ref())?))).collect()
    }

    fn json(&self, value: &Spanned<DeValue<'_>>, key: &str) -> Result<Value, ConfigError> {
        let unfit =
            || self.error(&value.span(), &format!("{} is a number that has no place in settings", one_line(key)));
        Ok(match value.get_ref() {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Integer(integer) => Value::Number(number(integer).ok_or_else(unfit)?),
            DeValue::Float(float) => {
                let float = float.as_str().parse::<f64>().ok();
                Value::Number(float.and_then(Number::from_f64).ok_or_else(unfit)?)
            }
            DeValue::Boolean(boolean) => Value::Bool(*boolean),
            DeValue::Datetime(moment) => Value::String(moment.to_string()),
            DeValue::Array(array) => {
                Value::Array(array.iter().map(|value| self.json(value, key)).collect::<Result<_, _>>()?)
            }
            DeValue::Table(table) => Value::Object(self.object(table)?),
        })
    }
}

fn number(integer: &DeInteger<'_>) -> Option<Number> {
    i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(Number::from)
}

/// The parser's message without what it quotes from the file, and without the characters that could have come next.
fn problem(message: &str) -> String {
    let (found, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let mut cleaned = String::new();
    for (position, part) in found.split('`').enumerate() {
        cleaned.push_str(if position % 2 == 0 { part } else { "…" });
    }
    // A Windows name or a DN in double quotes.
    if found.contains("escape") || expected.contains("unicode") {
        cleaned.push_str("; write values with a backslash in single quotes");
    }
    one_line(&cleaned)
}
