//! What came by, as the octets tell.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use super::lock;
use crate::hostile::wire::Request;

/// The record of one proxy or of several.
#[derive(Debug, Default)]
pub struct Wire {
    binds: Mutex<Vec<Bind>>,
    forbidden: Mutex<Vec<String>>,
    connections: AtomicUsize,
}

/// A simple bind that came whole, whether or not it was passed on.
#[derive(Clone)]
pub struct Bind {
    /// The server that it was meant for.
    pub server: SocketAddr,
    /// When it came.
    pub at: Instant,
    /// The DN.
    pub name: Vec<u8>,
    /// The password.
    pub password: Vec<u8>,
    answer: Answer,
}

/// The result code of an answer, once it is there.
pub(super) type Answer = Arc<OnceLock<i64>>;

impl Bind {
    /// The result code that the server gave, if it gave one.
    pub fn code(&self) -> Option<i64> {
        self.answer.get().copied()
    }
}

impl Wire {
    /// An empty record.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The binds since the beginning, or since they were [taken](Self::take_binds).
    pub fn binds(&self) -> Vec<Bind> {
        lock(&self.binds).clone()
    }

    /// Takes the binds out of the record: a million of them need not be kept at once.
    pub fn take_binds(&self) -> Vec<Bind> {
        std::mem::take(&mut *lock(&self.binds))
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// What a client must never send: binds that prove nothing (RFC 4513 section 5.1.2), and what is not LDAP.
    pub fn forbidden(&self) -> Vec<String> {
        lock(&self.forbidden).clone()
    }

    pub(super) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes a request; where the answer to it has to be noted, if that is of interest.
    pub(super) fn note(&self, server: SocketAddr, request: &Result<(i64, Request), String>) -> Option<(i64, Answer)> {
        match request {
            Ok((id, Request::Bind { name, password })) => {
                if !name.is_empty() && password.is_empty() {
                    lock(&self.forbidden).push(format!("a bind with an empty password, id {id}"));
                }
                let answer = Answer::default();
                lock(&self.binds).push(Bind {
                    server,
                    at: Instant::now(),
                    name: name.clone(),
                    password: password.clone(),
                    answer: Arc::clone(&answer),
                });
                Some((*id, answer))
            }
            Ok(_) => None,
            Err(error) => {
                lock(&self.forbidden).push(format!("not an LDAP request: {error}"));
                None
            }
        }
    }
}

/// Passwords are not shown.
impl std::fmt::Debug for Bind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { server, name, .. } = self;
        let name = String::from_utf8_lossy(name);
        write!(formatter, "a bind at {server} as {name:?}, answered with {:?}", self.code())
    }
}
