/// A DN in the form in which it is compared: attribute types and values without case, no space around `,` and `=`.
///
/// Enough of RFC 4514 for names that this program writes itself and a client sends back: `\` keeps the character
/// after it, and what is escaped in another way is another name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Dn(Vec<String>);

impl Dn {
    /// The DN of this text; `None` if it is no DN. The empty text is the root.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return Some(Self(Vec::new()));
        }
        let mut components = vec![String::new()];
        let mut escaped = false;
        for character in text.chars() {
            if character == ',' && !escaped {
                components.push(String::new());
            } else if let Some(component) = components.last_mut() {
                component.push(character);
            }
            escaped = character == '\\' && !escaped;
        }
        components.iter().map(|component| normal(component)).collect::<Option<_>>().map(Self)
    }

    /// Whether this is the root, the name of no entry.
    pub(crate) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// How many levels this name is below `base`: 0 is the base itself, `None` is elsewhere.
    pub(crate) fn levels_below(&self, base: &Self) -> Option<usize> {
        self.0.ends_with(&base.0).then(|| self.0.len() - base.0.len())
    }
}

fn normal(component: &str) -> Option<String> {
    let (attribute, value) = component.split_once('=')?;
    let (attribute, value) = (attribute.trim().to_lowercase(), value.trim().to_lowercase());
    (!attribute.is_empty() && !value.is_empty()).then(|| format!("{attribute}={value}"))
}

#[cfg(test)]
mod tests {
    use super::Dn;

    #[test]
    fn names_are_the_same_whatever_their_case_and_spaces() {
        assert_eq!(Dn::parse("UID=Ada , ou=People,dc=example"), Dn::parse("uid=ada,ou=people, DC=EXAMPLE"));
        assert_ne!(Dn::parse(r"cn=a\,ou=b"), Dn::parse("cn=a,ou=b"));
        for wrong in ["ada", "=x", "uid=", "uid=ada,,dc=example"] {
            assert_eq!(Dn::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_entry_knows_how_far_below_a_base_it_is() {
        let dn = |text| Dn::parse(text).unwrap();
        let ada = dn("uid=ada,ou=people,dc=example");
        assert_eq!(ada.levels_below(&ada), Some(0));
        assert_eq!(ada.levels_below(&dn("dc=example")), Some(2));
        assert_eq!(ada.levels_below(&dn("ou=machines,dc=example")), None);
        assert_eq!(dn("dc=example").levels_below(&ada), None);
    }
}
