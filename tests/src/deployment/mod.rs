//! Real directories of three kinds, whose people, groups and states of accounts a test arranges in one way.
//!
//! A test says what it wants (a person, a group in a group, a password that has expired); each [`Deployment`] knows how
//! its server is made to have it. What the servers do then is theirs, and differs: nothing here evens it out.

mod account_state;
mod bind_answer;
mod client;
mod ds389;
mod inet_org_person;
mod ldif;
mod openldap;
mod person;
mod requests;
pub mod samba;

use std::net::SocketAddr;

use serde_json::Value;

pub use account_state::AccountState;
pub use bind_answer::BindAnswer;
pub use client::Client;
pub use ds389::Ds389;
pub use ldif::Ldif;
pub use openldap::OpenLdap;
pub use person::Person;
pub use requests::Requests;
pub use samba::Samba;

/// After so many wrong passwords in a row each of the servers locks an account.
pub const ALLOWED_FAILURES: usize = 3;

/// What the service account of every deployment is called.
const READER: &str = "reader";
/// The service account's password.
const READER_PASSWORD: &str = "canary: the reader's own password";

/// Which server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// OpenLDAP's slapd, with the overlays memberof, refint and ppolicy.
    OpenLdap,
    /// 389 Directory Server, with its plugins for memberOf and referential integrity.
    Ds389,
    /// Samba as an Active Directory domain controller.
    Samba,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OpenLdap, Self::Ds389, Self::Samba];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenLdap => "openldap",
            Self::Ds389 => "389ds",
            Self::Samba => "samba",
        }
    }

    /// Starts a server of this kind. Panics with what to do when it cannot.
    pub fn start(self) -> Box<dyn Deployment> {
        match self {
            Self::OpenLdap => Box::new(OpenLdap::start()),
            Self::Ds389 => Box::new(Ds389::start()),
            Self::Samba => Box::new(Samba::start()),
        }
    }
}

/// A running directory server. Dropping it ends it and removes all that it has left.
///
/// Names of people and groups are the test's to choose, each only once: the server may be shared with other tests.
pub trait Deployment: Send + Sync {
    /// Which server it is.
    fn kind(&self) -> Kind;

    /// The least that an administrator has to write: host, base DN, bind DN and password, and a CA file where the server
    /// takes no password without TLS.
    fn settings(&self) -> Value;

    /// Where it listens. Its certificate, if it shows one, is good for `127.0.0.1` as well.
    fn address(&self) -> SocketAddr;

    /// The directory's suffix.
    fn suffix(&self) -> &str;

    /// OpenLDAP's programs, at this server, as its administrator.
    fn client(&self) -> &Client;

    /// An entry for a person with this login and a password of their own, in a unit (a DN) that exists; and whoever that
    /// is then. The login may hold any character: where the server does not allow it in an account's name, the DN has
    /// it all the same.
    fn write_person(&self, login: &str, unit: &str, ldif: &mut Ldif) -> Person;

    /// An entry for somebody without a password, of whom there are to be many.
    fn write_bulk_person(&self, login: &str, unit: &str, ldif: &mut Ldif);

    /// An entry for a group with these members (DNs; at least one, which exist), in [`Self::groups`].
    fn write_group(&self, name: &str, members: &[&str], ldif: &mut Ldif) -> String;

    /// Changes the entry of a person: what it is called from now on.
    fn write_new_name(&self, person: &Person, login: &str, ldif: &mut Ldif) -> Person;

    /// Brings an account into a state. False where the server knows no such state.
    fn put_in_state(&self, person: &Person, state: AccountState) -> bool;

    /// Makes a group (a DN) the primary one of a person. False where the server knows no primary groups.
    fn set_primary_group(&self, person: &Person, group: &str) -> bool;

    /// What the server has been asked since it started, those who arrange included, as it tells itself.
    fn requests(&self) -> Requests;

    /// How many wrong passwords the server has counted since the last right one.
    fn failed_attempts(&self, person: &Person) -> usize;

    /// The attribute whose value a person's subject is, and this person's, as a subject is written.
    fn subject(&self, person: &Person) -> String;

    /// Where people are.
    fn people(&self) -> String {
        format!("ou=people,{}", self.suffix())
    }

    /// A unit below [`Self::people`].
    fn other_unit(&self) -> String {
        format!("ou=engineers,{}", self.people())
    }

    /// Where the groups are: not where people are.
    fn groups(&self) -> String {
        format!("ou=groups,{}", self.suffix())
    }

    /// Adds a person to [`Self::people`].
    fn add_person(&self, login: &str) -> Person {
        let mut ldif = Ldif::default();
        let person = self.write_person(login, &self.people(), &mut ldif);
        self.client().change(&ldif);
        person
    }

    /// Adds a group.
    fn add_group(&self, name: &str, members: &[&str]) -> String {
        let mut ldif = Ldif::default();
        let group = self.write_group(name, members, &mut ldif);
        self.client().change(&ldif);
        group
    }

    /// Makes a DN a member of a group as well.
    fn join(&self, group: &str, member: &str) {
        let mut ldif = Ldif::default();
        ldif.add_values(group, &[("member", member)]);
        self.client().change(&ldif);
    }

    /// Gives a person another name. The DN changes with it.
    fn rename(&self, person: &Person, login: &str) -> Person {
        let mut ldif = Ldif::default();
        let renamed = self.write_new_name(person, login, &mut ldif);
        self.client().change(&ldif);
        renamed
    }

    /// Moves a person to [`Self::other_unit`].
    fn move_away(&self, person: &Person) -> Person {
        let mut ldif = Ldif::default();
        let dn = ldif.relocate(&person.dn, &self.other_unit());
        self.client().change(&ldif);
        Person { dn, ..person.clone() }
    }

    /// Removes a person.
    fn delete(&self, person: &Person) {
        let mut ldif = Ldif::default();
        ldif.delete(&person.dn);
        self.client().change(&ldif);
    }

    /// Adds a unit for people of one test's own, right below the suffix.
    fn add_unit(&self, name: &str) -> String {
        let dn = format!("ou={name},{}", self.suffix());
        let mut ldif = Ldif::default();
        ldif.add(&dn, &[("objectClass", "organizationalUnit")]);
        self.client().change(&ldif);
        dn
    }

    /// Adds so many people without passwords to a unit; their logins are the prefix and five digits, from 1 on.
    fn add_many(&self, unit: &str, prefix: &str, count: usize) {
        let mut ldif = Ldif::default();
        for number in 1..=count {
            self.write_bulk_person(&format!("{prefix}{number:05}"), unit, &mut ldif);
        }
        self.client().change(&ldif);
    }

    /// What the server itself says to a bind, by OpenLDAP's own client, with the control of password policies.
    fn bind(&self, person: &Person, password: &str) -> BindAnswer {
        self.client().bind(&person.dn, password)
    }

    /// So many binds with a wrong password.
    fn fail(&self, person: &Person, times: usize) {
        for _ in 0..times {
            self.bind(person, "wrong");
        }
    }
}
