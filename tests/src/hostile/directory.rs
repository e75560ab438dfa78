//! The honest part of the server: a directory of two people, and the right answer to each request.

use super::script::Step;
use super::wire::{Filter, Request, START_TLS, answer};

/// The naming context, below which everything lies.
pub const BASE: &str = "dc=example,dc=com";
/// The account that searches.
pub const SERVICE_DN: &str = "cn=reader,dc=example,dc=com";
/// Its password.
pub const SERVICE_PASSWORD: &str = "reads-everything";

/// Somebody who can log in.
#[derive(Debug)]
pub struct Person {
    /// The login name.
    pub uid: &'static str,
    /// The full name.
    pub cn: &'static str,
    /// The immutable id.
    pub uuid: &'static str,
    /// The password.
    pub password: &'static str,
}

/// The one who logs in as a rule.
pub const ALICE: Person = Person {
    uid: "alice",
    cn: "Alice Smith",
    uuid: "0a0a0a0a-1111-4222-8333-444444444444",
    password: "alice-knows-this",
};

/// Somebody else.
pub const BOB: Person =
    Person { uid: "bob", cn: "Bob Jones", uuid: "0b0b0b0b-1111-4222-8333-444444444444", password: "bob-knows-that" };

/// Every password that a test sends: what must not be seen in the clear, nor in a log.
pub const PASSWORDS: [&str; 3] = [SERVICE_PASSWORD, ALICE.password, BOB.password];

const PEOPLE: [&Person; 2] = [&ALICE, &BOB];

/// An attribute's name and values.
pub type Attribute = (&'static str, Vec<Vec<u8>>);

impl Person {
    /// Where the entry lies.
    pub fn dn(&self) -> String {
        format!("uid={},ou=people,{BASE}", self.uid)
    }

    /// What the entry says.
    pub fn attributes(&self) -> Vec<Attribute> {
        let mail = format!("{}@example.com", self.uid);
        [("uid", self.uid), ("cn", self.cn), ("entryUUID", self.uuid), ("mail", &mail)]
            .map(|(name, value)| (name, vec![value.as_bytes().to_vec()]))
            .into()
    }

    /// The entry as the answer to a search.
    pub fn entry(&self, id: i64) -> Vec<u8> {
        answer::entry(id, self.dn(), &self.attributes())
    }
}

/// Which step of the conversation a request is; `None` for one that wants no answer.
pub fn step(request: &Request) -> Option<Step> {
    match request {
        Request::Extended { name } if name == START_TLS => Some(Step::StartTls),
        Request::Bind { name, .. } if name.is_empty() || name == SERVICE_DN.as_bytes() => Some(Step::ServiceBind),
        Request::Bind { .. } => Some(Step::UserBind),
        Request::Search { scope: 0, .. } => Some(Step::BaseRead),
        Request::Search { filter, .. } if asserted(filter).is_empty() => Some(Step::Listing),
        Request::Search { .. } => Some(Step::UserSearch),
        _ => None,
    }
}

/// The messages with which an honest server answers.
pub fn messages(id: i64, request: &Request) -> Vec<Vec<u8>> {
    match request {
        Request::Extended { name } if name == START_TLS => vec![answer::extended(id, 0, Some(START_TLS))],
        Request::Bind { name, password } => {
            let service = (SERVICE_DN.to_owned(), SERVICE_PASSWORD);
            let accounts = PEOPLE.map(|person| (person.dn(), person.password));
            let mut accounts = accounts.iter().chain([&service]);
            let known = accounts.any(|(dn, right)| dn.as_bytes() == name && right.as_bytes() == password);
            vec![answer::bind(id, if known { 0 } else { 49 })]
        }
        Request::Search { scope: 0, base, .. } => {
            vec![answer::entry(id, base, &[("objectClass", vec!["domain"])]), answer::done(id, 0)]
        }
        Request::Search { filter, paged, .. } => {
            let asserted = asserted(filter);
            let wanted = |person: &&&Person| {
                let is = |name: &str| asserted.iter().any(|value| value.eq_ignore_ascii_case(name.as_bytes()));
                asserted.is_empty() || is(person.uid) || is(person.cn)
            };
            let mut messages: Vec<_> = PEOPLE.iter().filter(wanted).map(|person| person.entry(id)).collect();
            messages.push(if paged.is_some() { answer::page_done(id, 0, b"") } else { answer::done(id, 0) });
            messages
        }
        _ => Vec::new(),
    }
}

/// The values that entries are compared with. A listing compares with none.
pub fn asserted(filter: &Filter) -> Vec<&[u8]> {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().flat_map(asserted).collect(),
        Filter::Equality { value, .. } => vec![value],
        Filter::Not(_) | Filter::Present(_) | Filter::Other(_) => Vec::new(),
    }
}
