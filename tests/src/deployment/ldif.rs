use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::directory::people::escaped_in_a_dn;

/// Changes of a directory's entries, one after the other (RFC 2849).
#[derive(Default)]
pub struct Ldif {
    text: String,
}

impl Ldif {
    /// A new entry.
    pub fn add(&mut self, dn: &str, attributes: &[(&str, &str)]) {
        self.change(dn, "add");
        for (name, value) in attributes {
            self.line(name, value);
        }
    }

    /// Further attributes of the entry that was just [added](Self::add), of octets.
    pub fn with_octets(&mut self, name: &str, value: &[u8]) {
        self.line(name, value);
    }

    /// Further values of attributes.
    pub fn add_values(&mut self, dn: &str, attributes: &[(&str, &str)]) {
        self.modify(dn, "add", attributes);
    }

    /// Attributes with these values and no others.
    pub fn replace(&mut self, dn: &str, attributes: &[(&str, &str)]) {
        self.modify(dn, "replace", attributes);
    }

    /// An attribute with this value of octets and no other.
    pub fn replace_octets(&mut self, dn: &str, name: &str, value: &[u8]) {
        self.change(dn, "modify");
        let _ = writeln!(self.text, "replace: {name}");
        self.line(name, value);
        self.text.push_str("-\n");
    }

    /// No such entry any more.
    pub fn delete(&mut self, dn: &str) {
        self.change(dn, "delete");
    }

    /// Another name in the same place. Gives the DN.
    pub fn rename(&mut self, dn: &str, attribute: &str, value: &str) -> String {
        let rdn = format!("{attribute}={}", escaped_in_a_dn(value));
        self.change(dn, "modrdn");
        self.line("newrdn", &rdn);
        self.text.push_str("deleteoldrdn: 1\n");
        format!("{rdn},{}", parent(dn))
    }

    /// Another place under the same name. Gives the DN.
    pub fn relocate(&mut self, dn: &str, unit: &str) -> String {
        let rdn = &dn[..dn.len() - parent(dn).len() - 1];
        self.change(dn, "modrdn");
        self.line("newrdn", rdn);
        self.text.push_str("deleteoldrdn: 1\n");
        self.line("newsuperior", unit);
        format!("{rdn},{unit}")
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    fn modify(&mut self, dn: &str, how: &str, attributes: &[(&str, &str)]) {
        self.change(dn, "modify");
        for (name, value) in attributes {
            let _ = writeln!(self.text, "{how}: {name}");
            self.line(name, value);
            self.text.push_str("-\n");
        }
    }

    fn change(&mut self, dn: &str, what: &str) {
        self.text.push('\n');
        self.line("dn", dn);
        let _ = writeln!(self.text, "changetype: {what}");
    }

    /// In base64: a value may begin with a space or not be ASCII, and then nothing else will do.
    fn line(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let _ = writeln!(self.text, "{name}:: {}", STANDARD.encode(value));
    }
}

/// A DN of one RDN and a place, written as here.
pub(super) fn dn(attribute: &str, value: &str, unit: &str) -> String {
    format!("{attribute}={},{unit}", escaped_in_a_dn(value))
}

/// A DN without its first RDN: behind the first comma that has no backslash before it.
fn parent(dn: &str) -> &str {
    let mut escaped = false;
    for (index, octet) in dn.bytes().enumerate() {
        match octet {
            b',' if !escaped => return &dn[index + 1..],
            _ => escaped = octet == b'\\' && !escaped,
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::parent;

    #[test]
    fn a_parent_begins_behind_the_first_comma_that_is_not_part_of_a_name() {
        assert_eq!(parent("cn=a,ou=b,dc=c"), "ou=b,dc=c");
        assert_eq!(parent("cn=a\\,b,ou=b"), "ou=b");
        assert_eq!(parent("cn=a\\\\,ou=b"), "ou=b");
    }
}
