//! OpenLDAP: the slapd of [`crate::directory`] with the overlays memberof, refint and ppolicy.
//!
//! A state of an account is in the operational attributes that slapo-ppolicy(5) describes, and in the policy that the
//! account is under.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{ALLOWED_FAILURES, AccountState, Client, Deployment, Kind, Ldif, Person, Requests, inet_org_person};
use crate::directory::{ADMIN_DN, ADMIN_PASSWORD, Directory, POLICIES_DN, READER_DN, READER_PASSWORD, SUFFIX};

/// A password that was set on this day is older than any policy allows.
const LONG_AGO: &str = "20010101000000Z";

/// The policies beside the default one, which only counts failures: a name, and what is special about it.
const POLICIES: &[(&str, &[(&str, &str)])] = &[
    ("default", &[]),
    ("aging", &[("pwdMaxAge", "86400")]),
    ("grace", &[("pwdMaxAge", "86400"), ("pwdGraceAuthNLimit", "3")]),
    // Warns for longer than a password lives, so from the first day on.
    ("warning", &[("pwdMaxAge", "604800"), ("pwdExpireWarning", "2592000")]),
    ("reset", &[("pwdMustChange", "TRUE")]),
];

/// A running slapd; see the module.
pub struct OpenLdap {
    directory: Directory,
    client: Client,
    // Declared last: what the client needs lies in it.
    _folder: TempDir,
}

impl OpenLdap {
    /// Starts it.
    pub fn start() -> Self {
        let directory = Directory::builder().overlays().start();
        // Said to the fixture: passwords may come in the clear.
        let _ = directory.settings();
        let folder = TempDir::new().expect("a temporary folder");
        let url = format!("ldap://{}:{}", directory.host(), directory.port());
        let client = Client::new(url, ADMIN_DN, ADMIN_PASSWORD, None, folder.path());
        let mut ldif = Ldif::default();
        for unit in [POLICIES_DN, &format!("ou=groups,{SUFFIX}")] {
            ldif.add(unit, &[("objectClass", "organizationalUnit")]);
        }
        for (name, particulars) in POLICIES {
            let failures = ALLOWED_FAILURES.to_string();
            let mut attributes = vec![
                ("objectClass", "device"),
                ("objectClass", "pwdPolicy"),
                ("pwdAttribute", "userPassword"),
                ("pwdLockout", "TRUE"),
                ("pwdMaxFailure", &failures),
            ];
            attributes.extend_from_slice(particulars);
            ldif.add(&policy(name), &attributes);
        }
        client.change(&ldif);
        Self { directory, client, _folder: folder }
    }

    /// Puts an account under a policy; its password is from long ago.
    fn age(&self, person: &Person, name: &str) {
        let mut ldif = Ldif::default();
        ldif.replace(&person.dn, &[("pwdPolicySubentry", &policy(name)), ("pwdChangedTime", LONG_AGO)]);
        // Only with this control may anybody write what the server keeps for itself.
        self.client.change_with(&ldif, &["-e", "!relax"]);
    }

    fn replace(&self, person: &Person, attributes: &[(&str, &str)]) {
        let mut ldif = Ldif::default();
        ldif.replace(&person.dn, attributes);
        self.client.change(&ldif);
    }
}

impl Deployment for OpenLdap {
    fn kind(&self) -> Kind {
        Kind::OpenLdap
    }

    fn settings(&self) -> Value {
        json!({
            "host": format!("ldap://{}:{}", self.directory.host(), self.directory.port()),
            "base_dn": self.people(),
            "bind_dn": READER_DN,
            "bind_password": READER_PASSWORD,
        })
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::new(self.directory.host().parse().expect("an IP address"), self.directory.port())
    }

    fn suffix(&self) -> &str {
        SUFFIX
    }

    fn client(&self) -> &Client {
        &self.client
    }

    fn write_person(&self, login: &str, unit: &str, ldif: &mut Ldif) -> Person {
        inet_org_person::write(login, unit, ldif)
    }

    fn write_bulk_person(&self, login: &str, unit: &str, ldif: &mut Ldif) {
        inet_org_person::write_without_password(login, unit, ldif);
    }

    fn write_group(&self, name: &str, members: &[&str], ldif: &mut Ldif) -> String {
        inet_org_person::write_group(name, &self.groups(), members, ldif)
    }

    fn write_new_name(&self, person: &Person, login: &str, ldif: &mut Ldif) -> Person {
        inet_org_person::write_new_name(person, login, ldif)
    }

    fn put_in_state(&self, person: &Person, state: AccountState) -> bool {
        match state {
            // Locked for good, by an administrator: there is no other way to switch an account off.
            AccountState::Disabled => self.replace(person, &[("pwdAccountLockedTime", "000001010000Z")]),
            AccountState::Locked => self.fail(person, ALLOWED_FAILURES),
            AccountState::Expired => self.replace(person, &[("pwdEndTime", LONG_AGO)]),
            AccountState::PasswordExpired => self.age(person, "aging"),
            AccountState::GraceLogin => self.age(person, "grace"),
            AccountState::MustChange => {
                self.replace(person, &[("pwdPolicySubentry", &policy("reset")), ("pwdReset", "TRUE")]);
            }
            AccountState::ExpiresSoon => {
                self.replace(person, &[("pwdPolicySubentry", &policy("warning"))]);
                // Only a password that is set under such a policy has its day written down.
                self.replace(person, &[("userPassword", &person.password)]);
            }
            AccountState::LogonHours | AccountState::Workstation => return false,
        }
        true
    }

    fn set_primary_group(&self, _: &Person, _: &str) -> bool {
        false
    }

    fn requests(&self) -> Requests {
        let requests = self.directory.requests();
        Requests { searches: requests.searches, binds: requests.bind_dns.len() }
    }

    fn failed_attempts(&self, person: &Person) -> usize {
        self.client.read(&person.dn, "pwdFailureTime").len()
    }

    fn subject(&self, person: &Person) -> String {
        self.client.read(&person.dn, "entryUUID").concat()
    }
}

fn policy(name: &str) -> String {
    format!("cn={name},{POLICIES_DN}")
}
