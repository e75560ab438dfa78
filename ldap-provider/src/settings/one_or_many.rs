use std::fmt;

use serde::de::{Deserializer, SeqAccess, Visitor};

/// A text, or a list of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Text(String),
    List(Vec<String>),
}

impl Written {
    /// Each text.
    pub(super) fn texts(&self) -> &[String] {
        match self {
            Self::Text(text) => std::slice::from_ref(text),
            Self::List(texts) => texts,
        }
    }
}

/// Reads a text, or a list of texts. `what` names them in the error: an untagged enum would only say that "data did not
/// match any variant".
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D, what: &'static str) -> Result<Written, D::Error> {
    struct Texts(&'static str);

    impl<'de> Visitor<'de> for Texts {
        type Value = Written;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str(self.0)
        }

        fn visit_str<E>(self, text: &str) -> Result<Written, E> {
            Ok(Written::Text(text.to_owned()))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut texts: A) -> Result<Written, A::Error> {
            let mut all = Vec::new();
            while let Some(text) = texts.next_element()? {
                all.push(text);
            }
            Ok(Written::List(all))
        }
    }

    deserializer.deserialize_any(Texts(what))
}
