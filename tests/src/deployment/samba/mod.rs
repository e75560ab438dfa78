//! Samba as an Active Directory domain controller, of a domain that was provisioned for it.
//!
//! It speaks LDAP alone of all that a domain controller speaks. A state of an account is in the attributes that Active
//! Directory has for it.

mod domain_controller;
mod guid;

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::ldif::dn;
use super::{
    ALLOWED_FAILURES, AccountState, Client, Deployment, Kind, Ldif, Person, READER, READER_PASSWORD, Requests,
};
use domain_controller::DomainController;

/// The domain's DNS name.
pub const DNS_DOMAIN: &str = "lab.test";
/// The domain's short name.
pub const NETBIOS_DOMAIN: &str = "LAB";
/// What the user principal names of people end in: another domain's name than that of the directory, as is usual.
pub const UPN_SUFFIX: &str = "corp.test";

const SUFFIX: &str = "DC=lab,DC=test";
const ADMINISTRATOR_DN: &str = "CN=Administrator,CN=Users,DC=lab,DC=test";
const POLICIES_DN: &str = "CN=Password Settings Container,CN=System,DC=lab,DC=test";

/// `userAccountControl` (MS-ADTS section 2.2.16): a person's account; disabled; needing no password.
const NORMAL_ACCOUNT: &str = "512";
const DISABLED_ACCOUNT: &str = "514";
const ACCOUNT_WITHOUT_PASSWORD: &str = "544";
/// 2000-01-01, in units of 100 ns since 1601.
const LONG_AGO: &str = "125911584000000000";
/// A password policy under which passwords expire after seven days, in units of -100 ns. Everybody else's last for 42.
const SHORT_AGE: (&str, &str) = ("CN=short age", "-6048000000000");

/// A running domain controller; see the module.
pub struct Samba {
    client: Client,
    // Declared last: the others use what lies in its folder.
    controller: DomainController,
}

impl Samba {
    /// Provisions a domain and starts its controller.
    pub fn start() -> Self {
        let controller = DomainController::start();
        let client = Client::new(
            controller.url(),
            ADMINISTRATOR_DN,
            controller.administrator_password(),
            Some(controller.ca_file()),
            controller.folder(),
        );
        let samba = Self { client, controller };
        samba.fill();
        samba
    }

    fn fill(&self) {
        let mut ldif = Ldif::default();
        let failures = ALLOWED_FAILURES.to_string();
        ldif.replace(
            SUFFIX,
            &[
                ("lockoutThreshold", failures.as_str()),
                ("pwdProperties", "0"),
                ("minPwdLength", "1"),
                ("minPwdAge", "0"),
            ],
        );
        for unit in ["OU=people", "OU=engineers,OU=people", "OU=groups"] {
            ldif.add(&format!("{unit},{SUFFIX}"), &[("objectClass", "organizationalUnit")]);
        }
        ldif.add(
            &reader_dn(),
            &[("objectClass", "user"), ("sAMAccountName", READER), ("userAccountControl", NORMAL_ACCOUNT)],
        );
        ldif.with_octets("unicodePwd", &unicode_password(READER_PASSWORD));
        let (name, age) = SHORT_AGE;
        ldif.add(
            &format!("{name},{POLICIES_DN}"),
            &[
                ("objectClass", "msDS-PasswordSettings"),
                ("msDS-PasswordSettingsPrecedence", "1"),
                ("msDS-PasswordReversibleEncryptionEnabled", "FALSE"),
                ("msDS-PasswordHistoryLength", "0"),
                ("msDS-PasswordComplexityEnabled", "FALSE"),
                ("msDS-MinimumPasswordLength", "0"),
                ("msDS-MinimumPasswordAge", "0"),
                ("msDS-MaximumPasswordAge", age),
                ("msDS-LockoutThreshold", &failures),
                // Half an hour.
                ("msDS-LockoutObservationWindow", "-18000000000"),
                ("msDS-LockoutDuration", "-18000000000"),
            ],
        );
        self.client.change(&ldif);
    }

    fn replace(&self, person: &Person, attributes: &[(&str, &str)]) {
        let mut ldif = Ldif::default();
        ldif.replace(&person.dn, attributes);
        self.client.change(&ldif);
    }
}

impl Deployment for Samba {
    fn kind(&self) -> Kind {
        Kind::Samba
    }

    fn settings(&self) -> Value {
        json!({
            "host": self.controller.url(),
            "base_dn": SUFFIX,
            "bind_dn": reader_dn(),
            "bind_password": READER_PASSWORD,
            "ca_file": self.controller.ca_file(),
        })
    }

    fn address(&self) -> SocketAddr {
        self.controller.address()
    }

    fn suffix(&self) -> &str {
        SUFFIX
    }

    fn client(&self) -> &Client {
        &self.client
    }

    fn write_person(&self, login: &str, unit: &str, ldif: &mut Ldif) -> Person {
        let account = account_name(login);
        let person = Person::new(&account, dn("CN", login, unit));
        ldif.add(
            &person.dn,
            &[
                ("objectClass", "user"),
                ("sAMAccountName", &account),
                ("userPrincipalName", &user_principal_name(&account)),
                ("displayName", &Person::full_name(login)),
                ("userAccountControl", NORMAL_ACCOUNT),
            ],
        );
        ldif.with_octets("unicodePwd", &unicode_password(&person.password));
        person
    }

    fn write_bulk_person(&self, login: &str, unit: &str, ldif: &mut Ldif) {
        ldif.add(
            &dn("CN", login, unit),
            &[("objectClass", "user"), ("sAMAccountName", login), ("userAccountControl", ACCOUNT_WITHOUT_PASSWORD)],
        );
    }

    fn write_group(&self, name: &str, members: &[&str], ldif: &mut Ldif) -> String {
        let dn = dn("CN", name, &self.groups());
        let account = account_name(name);
        let mut attributes = vec![("objectClass", "group"), ("sAMAccountName", account.as_str())];
        attributes.extend(members.iter().map(|&member| ("member", member)));
        ldif.add(&dn, &attributes);
        dn
    }

    fn write_new_name(&self, person: &Person, login: &str, ldif: &mut Ldif) -> Person {
        let account = account_name(login);
        let dn = ldif.rename(&person.dn, "CN", login);
        ldif.replace(
            &dn,
            &[
                ("sAMAccountName", &account),
                ("userPrincipalName", &user_principal_name(&account)),
                ("displayName", &Person::full_name(login)),
            ],
        );
        Person { login: account, dn, password: person.password.clone() }
    }

    fn put_in_state(&self, person: &Person, state: AccountState) -> bool {
        match state {
            AccountState::Disabled => self.replace(person, &[("userAccountControl", DISABLED_ACCOUNT)]),
            AccountState::Locked => self.fail(person, ALLOWED_FAILURES),
            AccountState::Expired => self.replace(person, &[("accountExpires", LONG_AGO)]),
            AccountState::PasswordExpired => self.controller.back_date_password(&person.dn, LONG_AGO),
            AccountState::MustChange => self.replace(person, &[("pwdLastSet", "0")]),
            AccountState::ExpiresSoon => {
                let mut ldif = Ldif::default();
                let policy = format!("{},{POLICIES_DN}", SHORT_AGE.0);
                ldif.add_values(&policy, &[("msDS-PSOAppliesTo", &person.dn)]);
                self.client.change(&ldif);
            }
            AccountState::LogonHours => {
                // A bit for each hour of the week.
                let mut ldif = Ldif::default();
                ldif.replace_octets(&person.dn, "logonHours", &[0; 21]);
                self.client.change(&ldif);
            }
            AccountState::Workstation => self.replace(person, &[("userWorkstations", "ELSEWHERE")]),
            AccountState::GraceLogin => return false,
        }
        true
    }

    fn set_primary_group(&self, person: &Person, group: &str) -> bool {
        // The relative identifier: the last of the sub-authorities (MS-DTYP section 2.4.2.2).
        let sid = self.client.read_octets(group, "objectSid");
        let relative = sid.last_chunk().map(|octets| u32::from_le_bytes(*octets)).expect("an identifier");
        self.replace(person, &[("primaryGroupID", &relative.to_string())]);
        true
    }

    fn requests(&self) -> Requests {
        self.controller.requests()
    }

    fn failed_attempts(&self, person: &Person) -> usize {
        self.client.read(&person.dn, "badPwdCount").first().map_or(0, |count| count.parse().expect("a number"))
    }

    fn subject(&self, person: &Person) -> String {
        guid::text(&self.client.read_octets(&person.dn, "objectGUID"))
    }
}

/// The name that an account may have: these characters are not allowed in it (MS-SAMR section 3.1.1.6).
fn account_name(login: &str) -> String {
    login.replace(|character| "\"/\\[]:;|=,+*?<>@".contains(character), "_")
}

fn user_principal_name(account: &str) -> String {
    format!("{account}@{UPN_SUFFIX}")
}

/// A password as it is set (MS-ADTS section 3.1.1.3.1.5): in quotation marks, in UTF-16.
fn unicode_password(password: &str) -> Vec<u8> {
    format!("\"{password}\"").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn reader_dn() -> String {
    format!("CN={READER},CN=Users,{SUFFIX}")
}
