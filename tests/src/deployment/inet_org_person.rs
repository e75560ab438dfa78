//! People and groups as OpenLDAP and 389 Directory Server have them: `inetOrgPerson` (RFC 2798) named by `uid`, and
//! `groupOfNames` (RFC 4519 section 3.5).

use super::ldif::{Ldif, dn};
use super::person::Person;

pub(super) fn write(login: &str, unit: &str, ldif: &mut Ldif) -> Person {
    let person = Person::new(login, dn("uid", login, unit));
    write_attributes(login, &person.dn, &[("userPassword", &person.password)], ldif);
    person
}

pub(super) fn write_without_password(login: &str, unit: &str, ldif: &mut Ldif) {
    write_attributes(login, &dn("uid", login, unit), &[], ldif);
}

fn write_attributes(login: &str, dn: &str, further: &[(&str, &str)], ldif: &mut Ldif) {
    let full_name = Person::full_name(login);
    let mut attributes = vec![("objectClass", "inetOrgPerson"), ("uid", login), ("cn", &full_name), ("sn", "Tester")];
    attributes.extend_from_slice(further);
    ldif.add(dn, &attributes);
}

pub(super) fn write_group(name: &str, unit: &str, members: &[&str], ldif: &mut Ldif) -> String {
    let dn = dn("cn", name, unit);
    let mut attributes = vec![("objectClass", "groupOfNames"), ("cn", name)];
    attributes.extend(members.iter().map(|&member| ("member", member)));
    ldif.add(&dn, &attributes);
    dn
}

/// Another login, and a full name that goes with it.
pub(super) fn write_new_name(person: &Person, login: &str, ldif: &mut Ldif) -> Person {
    let dn = ldif.rename(&person.dn, "uid", login);
    ldif.replace(&dn, &[("cn", &Person::full_name(login))]);
    Person { login: login.to_owned(), dn, password: person.password.clone() }
}
