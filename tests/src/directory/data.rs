//! The directory's entries as LDIF (RFC 2849).

use std::fmt::Write;
use std::iter;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::people::{HARD_NAMES, PEOPLE, Person, password_of};
use super::{BLIND_DN, BLIND_PASSWORD, BULK_DN, READER_DN, READER_PASSWORD, SUFFIX};

/// How many of the bulk are made at a time: a million users at once would be half a gigabyte.
const AT_A_TIME: usize = 1_000;

/// Everything, piece by piece: the tree, the accounts, the people and `bulk_users` more. A replica's entries have the
/// ids that they have in every other replica.
pub(super) fn ldif(bulk_users: usize, with_passwords: bool, replica: bool) -> impl Iterator<Item = String> {
    let bulk = (1..=bulk_users).step_by(AT_A_TIME).map(move |first| {
        let last = bulk_users.min(first + AT_A_TIME - 1);
        let mut ldif = Ldif::new(replica);
        for number in first..=last {
            ldif.bulk_user(&bulk_login(number), with_passwords);
        }
        ldif.text
    });
    iter::once(tree_and_people(replica)).chain(bulk)
}

/// The login of a user of the bulk; they are counted from 1.
pub fn bulk_login(number: usize) -> String {
    format!("user{number:05}")
}

fn tree_and_people(replica: bool) -> String {
    let mut ldif = Ldif::new(replica);
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
    ldif.text
}

/// The values of an attribute in the LDIF of one entry whose lines are not folded.
pub(crate) fn values(ldif: &str, attribute: &str) -> Vec<String> {
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

/// The first value of an attribute, which need not be text.
pub(crate) fn octets(ldif: &str, attribute: &str) -> Option<Vec<u8>> {
    let lines = ldif.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute))?;
    Some(match value.strip_prefix(':') {
        Some(encoded) => STANDARD.decode(encoded.trim()).expect("base64 after two colons"),
        None => value.trim_start().as_bytes().to_vec(),
    })
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

struct Ldif {
    text: String,
    replica: bool,
}

impl Ldif {
    fn new(replica: bool) -> Self {
        Self { text: String::new(), replica }
    }

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
        if self.replica {
            self.line("entryUUID", &id_of(dn));
        }
        self.text.push('\n');
    }

    /// In base64: a value may begin with a space or not be ASCII, and then nothing else will do.
    fn line(&mut self, name: &str, value: &str) {
        writeln!(self.text, "{name}:: {}", STANDARD.encode(value)).expect("a String takes everything");
    }
}

/// An id that is made of the DN (RFC 9562 section 5.8), so that whoever loads the entry comes to the same.
fn id_of(dn: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, dn.as_bytes());
    let octets: [u8; 16] = digest.as_ref()[..16].try_into().expect("sixteen octets");
    let number = u128::from_be_bytes(octets) & !(0xf << 76) & !(0x3 << 62) | (0x8 << 76) | (0x2 << 62);
    let hex = format!("{number:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::{id_of, values};

    #[test]
    fn an_id_is_made_of_the_dn_alone_and_has_the_form_of_one() {
        let id = id_of("dc=x");
        assert_eq!(id, id_of("dc=x"));
        assert_ne!(id, id_of("dc=y"));
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
        assert!(id[14..].starts_with('8') && "89ab".contains(&id[19..20]), "{id}");
    }

    #[test]
    fn values_are_read_in_both_forms() {
        let ldif = "dn: uid=x\nuid: plain: text\nuid:: IGxlYWRpbmcgc3BhY2U=\ncn: other\n";
        assert_eq!(values(ldif, "UID"), ["plain: text", " leading space"]);
    }
}
