use ldap3_proto::proto::{LdapPartialAttribute, LdapSearchResultEntry};
use provider_api::Secret;

use super::dn::Dn;

/// An entry of the directory.
#[derive(Debug)]
pub(crate) struct Entry {
    dn: String,
    name: Dn,
    attributes: Vec<Attribute>,
    password: Option<Secret>,
}

#[derive(Debug)]
struct Attribute {
    name: &'static str,
    values: Vec<String>,
    /// Kept by the directory itself, and sent to those alone who ask for it by name (RFC 4512 section 3.4).
    operational: bool,
}

impl Entry {
    /// An entry without attributes. A text that is no DN makes an entry that no search and no bind finds.
    pub(crate) fn new(dn: impl Into<String>) -> Option<Self> {
        let dn = dn.into();
        let name = Dn::parse(&dn)?;
        Some(Self { dn, name, attributes: Vec::new(), password: None })
    }

    /// The same entry with an attribute more.
    pub(crate) fn with(self, name: &'static str, value: impl Into<String>) -> Self {
        self.attribute(name, value.into(), false)
    }

    /// The same entry with an operational attribute more.
    pub(crate) fn with_operational(self, name: &'static str, value: impl Into<String>) -> Self {
        self.attribute(name, value.into(), true)
    }

    /// The same entry with a password, so that a bind with its DN can succeed.
    pub(crate) fn with_password(mut self, password: Secret) -> Self {
        self.password = Some(password);
        self
    }

    fn attribute(mut self, name: &'static str, value: String, operational: bool) -> Self {
        match self.attributes.iter_mut().find(|attribute| attribute.name == name) {
            Some(attribute) => attribute.values.push(value),
            None => self.attributes.push(Attribute { name, values: vec![value], operational }),
        }
        self
    }

    pub(super) fn name(&self) -> &Dn {
        &self.name
    }

    /// Whether this is the entry's password. An entry without one has none that is right.
    pub(super) fn has_password(&self, typed: &str) -> bool {
        self.password.as_ref().is_some_and(|password| !password.is_empty() && password.expose() == typed)
    }

    /// The values of an attribute, whose name is compared without case; `None` if the entry does not have it.
    pub(super) fn values(&self, name: &str) -> Option<&[String]> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name.eq_ignore_ascii_case(name))
            .map(|attribute| attribute.values.as_slice())
    }

    /// What a client that asked for these attributes is sent (RFC 4511 section 4.5.1.8: none or `*` is every user
    /// attribute, `+` every operational one, RFC 3673, and `1.1` matches nothing).
    pub(super) fn shown(&self, wanted: &[String], names_only: bool) -> LdapSearchResultEntry {
        let all = wanted.is_empty() || wanted.iter().any(|name| name == "*");
        let all_operational = wanted.iter().any(|name| name == "+");
        let is_wanted = |attribute: &&Attribute| {
            (if attribute.operational { all_operational } else { all })
                || wanted.iter().any(|name| name.eq_ignore_ascii_case(attribute.name))
        };
        let shown = |attribute: &Attribute| LdapPartialAttribute {
            atype: attribute.name.to_owned(),
            vals: if names_only {
                Vec::new()
            } else {
                attribute.values.iter().map(|value| value.clone().into_bytes()).collect()
            },
        };
        LdapSearchResultEntry {
            dn: self.dn.clone(),
            attributes: self.attributes.iter().filter(is_wanted).map(shown).collect(),
        }
    }
}
