//! 389 Directory Server, made by its own `dscreate` with all that it has in one temporary folder.
//!
//! Its plugins for memberOf, referential integrity and account policies are on. A state of an account is in the operational attributes
//! that the server keeps, and in the password or account policy that the account is under.

mod instance;

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    ALLOWED_FAILURES, AccountState, Client, Deployment, Kind, Ldif, Person, READER, READER_PASSWORD, Requests,
    inet_org_person,
};
use instance::Instance;

const SUFFIX: &str = "dc=example,dc=com";
const POLICIES_DN: &str = "ou=policies,dc=example,dc=com";
/// A password that is good until this day.
const LONG_AGO: &str = "20010101000000Z";
/// What the server writes when a password was reset and must be changed.
const MUST_CHANGE: &str = "19700101000000Z";

/// How long to wait for an account that is good for a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// Password policies: a name, and what is special about it beside counting failures.
const POLICIES: &[(&str, &[(&str, &str)])] = &[
    ("aging", &[("passwordExp", "on"), ("passwordMaxAge", "86400")]),
    ("grace", &[("passwordExp", "on"), ("passwordMaxAge", "86400"), ("passwordGraceLimit", "3")]),
    // Warns for a day longer than a password lives, so from its first moment on: the server's clocks may be a second
    // apart. The first warning makes the password last for as long as one is warned.
    ("warning", &[("passwordExp", "on"), ("passwordMaxAge", "604800"), ("passwordWarning", "691200")]),
    ("reset", &[("passwordExp", "on"), ("passwordMaxAge", "604800"), ("passwordMustChange", "on")]),
];

/// A running ns-slapd; see the module.
pub struct Ds389 {
    client: Client,
    // Declared last: the others use what lies in its folder.
    instance: Instance,
}

impl Ds389 {
    /// Creates and starts it.
    pub fn start() -> Self {
        let instance = Instance::start(SUFFIX);
        let client =
            Client::new(instance.url(), instance::MANAGER_DN, instance::MANAGER_PASSWORD, None, instance.folder());
        let mut ldif = Ldif::default();
        // Everybody reads the own entry, the service account all of them.
        let rule = format!(
            "(targetattr=\"*\")(version 3.0; acl \"readers\"; allow (read, search, compare) \
             userdn=\"ldap:///{} || ldap:///self\";)",
            reader_dn()
        );
        ldif.add_values(SUFFIX, &[("aci", &rule)]);
        let units = ["ou=people", "ou=engineers,ou=people", "ou=groups", "ou=policies"];
        for unit in units {
            ldif.add(&format!("{unit},{SUFFIX}"), &[("objectClass", "organizationalUnit")]);
        }
        ldif.add(
            &reader_dn(),
            &[
                ("objectClass", "organizationalRole"),
                ("objectClass", "simpleSecurityObject"),
                ("userPassword", READER_PASSWORD),
            ],
        );
        for (name, particulars) in POLICIES {
            let failures = ALLOWED_FAILURES.to_string();
            let mut attributes = vec![
                ("objectClass", "ldapsubentry"),
                ("objectClass", "passwordpolicy"),
                ("passwordLockout", "on"),
                ("passwordMaxFailure", &failures),
            ];
            attributes.extend_from_slice(particulars);
            ldif.add(&policy(name), &attributes);
        }
        ldif.add(
            &policy("short"),
            &[("objectClass", "ldapsubentry"), ("objectClass", "accountpolicy"), ("accountInactivityLimit", "1")],
        );
        client.change(&ldif);
        Self { client, instance }
    }

    fn replace(&self, person: &Person, attributes: &[(&str, &str)]) {
        let mut ldif = Ldif::default();
        ldif.replace(&person.dn, attributes);
        self.client.change(&ldif);
    }

    fn wait_until_refused(&self, person: &Person) {
        let deadline = Instant::now() + PATIENCE;
        while self.bind(person, &person.password).code == 0 {
            assert!(Instant::now() < deadline, "{} does not expire", person.dn);
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Deployment for Ds389 {
    fn kind(&self) -> Kind {
        Kind::Ds389
    }

    fn settings(&self) -> Value {
        json!({
            "host": self.instance.url(),
            "base_dn": self.people(),
            "bind_dn": reader_dn(),
            "bind_password": READER_PASSWORD,
        })
    }

    fn address(&self) -> SocketAddr {
        self.instance.address()
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
        let aged = |name: &str, until: &str| {
            self.replace(person, &[("pwdpolicysubentry", &policy(name)), ("passwordExpirationTime", until)]);
        };
        match state {
            AccountState::Disabled => self.replace(person, &[("nsAccountLock", "true")]),
            AccountState::Locked => self.fail(person, ALLOWED_FAILURES),
            AccountState::PasswordExpired => aged("aging", LONG_AGO),
            AccountState::GraceLogin => aged("grace", LONG_AGO),
            AccountState::MustChange => aged("reset", MUST_CHANGE),
            AccountState::ExpiresSoon => {
                self.replace(person, &[("pwdpolicysubentry", &policy("warning"))]);
                // Set again under the policy, it is good for as long as that says.
                self.replace(person, &[("userPassword", &person.password)]);
            }
            AccountState::Expired => {
                self.replace(person, &[("acctPolicySubentry", &policy("short"))]);
                self.wait_until_refused(person);
            }
            AccountState::LogonHours | AccountState::Workstation => return false,
        }
        true
    }

    fn set_primary_group(&self, _: &Person, _: &str) -> bool {
        false
    }

    fn requests(&self) -> Requests {
        self.instance.requests()
    }

    fn failed_attempts(&self, person: &Person) -> usize {
        self.client.read(&person.dn, "passwordRetryCount").first().map_or(0, |count| count.parse().expect("a number"))
    }

    fn subject(&self, person: &Person) -> String {
        self.client.read(&person.dn, "nsUniqueId").concat()
    }
}

fn reader_dn() -> String {
    format!("cn={READER},{SUFFIX}")
}

fn policy(name: &str) -> String {
    format!("cn={name},{POLICIES_DN}")
}
