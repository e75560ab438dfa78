//! The directory's entries as LDIF (RFC 2849).

use std::fmt::Write;
use std::iter;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::people::{HARD_NAMES, PEOPLE, Person, password_of};
use super::{BLIND_DN, BLIND_PASSWORD, BULK_DN, READER_DN, READER_PASSWORD, SUFFIX};

/// How many of the bulk are made at a time: a million users at once would be half a gigabyte.
const AT_A_TIME: usize = 1_000;

/// Everything, piece by piece: the tree, the accounts, the people and `bulk_users` more.
pub(super) fn ldif(bulk_users: usize, with_passwords: bool) -> impl Iterator<Item = String> {
    let bulk = (1..=bulk_users).step_by(AT_A_TIME).map(move |first| {
        let last = bulk_users.min(first + AT_A_TIME - 1);
        let mut ldif = Ldif::default();
        for number in first..=last {
            ldif.bulk_user(&bulk_login(number), with_passwords);
        }
        ldif.0
    });
    iter::once(tree_and_people()).chain(bulk)
}

/// The login of a user of the bulk; they are counted from 1.
pub fn bulk_login(number: usize) -> String {
    format!("user{number:05}")
}

fn tree_and_people() -> String {
    let mut ldif = Ldif::default();
    ldif.entry(SUFFIX, &[("objectClass", "dcObject"), ("objectClass", "organization"), ("o", "Example")]);
    for unit in ["ou=people", "ou=engineers,ou=people", "ou=partners", "ou=bulk"] {
        ldif.entry(&format!("{unit},{SUFFIX}"), &[("objectClass", "organizationalUnit")]);
    }
    for (dn, password) in [(READER_DN, READER_PASSWORD), (BLIND_DN, BLIND_PASSWORD)] {
        ldif.entry(
            dn,
            &[
                ("objectClass", "organizationalRole"),
                ("objectClass", "simpleSecurityObject"),
                ("userPassword", password),
            ],
        );
    }
    for person in PEOPLE {
        ldif.person(person);
    }
    for &login in HARD_NAMES {
        ldif.person(&Person { login, unit: "ou=people", attributes: &[] });
    }
    outward_pointers(&mut ldif);
    ldif.0
}

/// The values of an attribute in the LDIF of one entry whose lines are not folded.
pub(super) fn values(ldif: &str, attribute: &str) -> Vec<String> {
    let lines = ldif.lines().filter_map(|line| line.split_once(':'));
    let of_attribute = lines.filter(|(name, _)| name.eq_ignore_ascii_case(attribute));
    of_attribute
        .map(|(_, value)| match value.strip_prefix(':') {
            Some(encoded) => {
                let bytes = STANDARD.decode(encoded.trim()).expect("base64 after two colons");
                String::from_utf8(bytes).expect("a value that is text")
            }
            None => value.trim_start().to_owned(),
        })
        .collect()
}

/// An alias and a referral inside `ou=people` that lead out of it. Following either would let somebody in, or send a
/// password to whoever the referral names.
fn outward_pointers(ldif: &mut Ldif) {
    let people = format!("ou=people,{SUFFIX}");
    ldif.entry(
        &format!("cn=alias,{people}"),
        &[
            ("objectClass", "alias"),
            ("objectClass", "extensibleObject"),
            ("aliasedObjectName", &format!("uid=outsider,ou=partners,{SUFFIX}")),
        ],
    );
    ldif.entry(
        &format!("cn=referral,{people}"),
        &[
            ("objectClass", "referral"),
            ("objectClass", "extensibleObject"),
            ("ref", &format!("ldap://127.0.0.1:1/ou=partners,{SUFFIX}")),
        ],
    );
}

#[derive(Default)]
struct Ldif(String);

impl Ldif {
    fn person(&mut self, person: &Person) {
        let password = password_of(person.login);
        let mut attributes = vec![
            ("objectClass", "inetOrgPerson"),
            ("objectClass", "testPerson"),
            ("uid", person.login),
            ("sn", "Tester"),
            ("userPassword", &password),
        ];
        if !person.attributes.iter().any(|&(name, _)| name == "cn") {
            attributes.push(("cn", person.login));
        }
        attributes.extend_from_slice(person.attributes);
        self.entry(&person.dn(), &attributes);
    }

    fn bulk_user(&mut self, login: &str, with_password: bool) {
        let (mail, password) = (format!("{login}@example.com"), password_of(login));
        let attributes = [
            ("objectClass", "inetOrgPerson"),
            ("uid", login),
            ("cn", login),
            ("sn", "Bulk"),
            ("mail", &mail),
            ("userPassword", &password),
        ];
        let shown = if with_password { attributes.len() } else { attributes.len() - 1 };
        self.entry(&format!("uid={login},{BULK_DN}"), &attributes[..shown]);
    }

    fn entry(&mut self, dn: &str, attributes: &[(&str, &str)]) {
        self.line("dn", dn);
        for (name, value) in attributes {
            self.line(name, value);
        }
        self.0.push('\n');
    }

    /// In base64: a value may begin with a space or not be ASCII, and then nothing else will do.
    fn line(&mut self, name: &str, value: &str) {
        writeln!(self.0, "{name}:: {}", STANDARD.encode(value)).expect("a String takes everything");
    }
}

#[cfg(test)]
mod tests {
    use super::values;

    #[test]
    fn values_are_read_in_both_forms() {
        let ldif = "dn: uid=x\nuid: plain: text\nuid:: IGxlYWRpbmcgc3BhY2U=\ncn: other\n";
        assert_eq!(values(ldif, "UID"), ["plain: text", " leading space"]);
    }
}
