//! A directory for tests that answers as a test wants it to, and keeps what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use wire_guard::ber::{ENUMERATED, INTEGER, OCTET_STRING, Reader, SEQUENCE, SET, push_integer, push_octets, wrap};
use wire_guard::frame::FrameReader;
use wire_guard::message::{Message, operation};
use wire_guard::paged_results;

use crate::directory::Directory;
use crate::settings::Config;

/// A request, as far as tests look into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Bind {
        name: String,
        password: String,
    },
    /// With the cookie of its paging control, if it has one.
    Search {
        cookie: Option<Vec<u8>>,
    },
    /// A search for the entry of a DN (scope `base`).
    Entry {
        dn: String,
    },
    /// A search with the empty DN for its base.
    RootDse,
    Other,
}

/// What the directory does with a request.
pub(crate) enum Reply {
    Send(Vec<u8>),
    SendAndClose(Vec<u8>),
    /// After a while, during which nothing else is read on the connection.
    SendLate(Duration, Vec<u8>),
    Close,
    Silence,
}

/// What becomes of connections beyond those that a directory takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beyond {
    Refused,
    /// They are not answered, as by a firewall that has no room for them.
    Swallowed,
}

/// The service account of a directory that has one.
pub(crate) const SERVICE_DN: &str = "cn=reader,dc=x";
pub(crate) const SERVICE_PASSWORD: &str = "the reader's own";

/// A directory that runs until the test ends.
pub(crate) struct ScriptedDirectory {
    pub(crate) address: SocketAddr,
    timeout: &'static str,
    service_account: bool,
    kind: &'static str,
    groups: &'static str,
    requests: Arc<Mutex<Vec<(usize, Request)>>>,
}

impl ScriptedDirectory {
    /// Answers each request by `reply`, which is given the request's id.
    pub(crate) async fn start(reply: impl Fn(u8, &Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_for((usize::MAX, Beyond::Refused), move |_, id, request| reply(id, request)).await
    }

    /// The same for so many connections, and what becomes of all others. `reply` is given the number of the connection as
    /// well, counted from 1.
    pub(crate) async fn start_for(
        (most, beyond): (usize, Beyond),
        reply: impl Fn(usize, u8, &Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = listener(if beyond == Beyond::Refused { 1_024 } else { 1 });
        let address = listener.local_addr().unwrap();
        let mut full = if most == 0 { fill(address).await } else { Vec::new() };
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (record, reply) = (requests.clone(), Arc::new(reply));
        tokio::spawn(async move {
            for connection in 1..=most {
                let (tcp, _) = listener.accept().await.unwrap();
                let (record, reply) = (record.clone(), reply.clone());
                tokio::spawn(async move {
                    serve(tcp, |id, request| {
                        record.lock().unwrap().push((connection, request.clone()));
                        reply(connection, id, request)
                    })
                    .await;
                });
            }
            if beyond == Beyond::Swallowed {
                full.extend(fill(address).await);
                std::future::pending::<()>().await;
            }
        });
        Self { address, timeout: "20s", service_account: false, kind: "other", groups: "none", requests }
    }

    /// The same directory for tests in which waiting is the point.
    pub(crate) fn silent(mut self) -> Self {
        self.timeout = "3s";
        self
    }

    /// The same directory for a provider with a service account.
    pub(crate) fn with_service_account(mut self) -> Self {
        self.service_account = true;
        self
    }

    /// The same directory for a provider that has to find out what it is.
    pub(crate) fn unknown(mut self) -> Self {
        self.kind = "auto";
        self
    }

    /// The same directory for a provider that is asked for groups, which it reads in the entry itself.
    pub(crate) fn with_groups(mut self) -> Self {
        self.groups = "member_of";
        self
    }

    /// This directory as a provider is configured for it: base `dc=x`, scope `sub`.
    pub(crate) fn configured(&self) -> Directory {
        self.configured_with(|_| {})
    }

    /// The same with other settings.
    pub(crate) fn configured_with(&self, change: impl FnOnce(&mut serde_json::Value)) -> Directory {
        let mut settings = serde_json::json!({
            "host": format!("ldap://{}", self.address),
            "base_dn": "dc=x",
            "directory": self.kind,
            "scope": "sub",
            "username_attribute": "uid",
            "timeout": self.timeout,
            "groups": self.groups,
        });
        if self.service_account {
            settings["bind_dn"] = SERVICE_DN.into();
            settings["bind_password"] = SERVICE_PASSWORD.into();
        }
        change(&mut settings);
        Directory::new(Config::parse(serde_json::from_value(settings).unwrap()).unwrap())
    }

    /// All requests so far, each with the number of its connection.
    pub(crate) fn requests(&self) -> Vec<(usize, Request)> {
        self.requests.lock().unwrap().clone()
    }

    /// The binds so far.
    pub(crate) fn binds(&self) -> Vec<(usize, Request)> {
        self.requests().into_iter().filter(|(_, request)| matches!(request, Request::Bind { .. })).collect()
    }
}

/// On a port that is free. Connections that nobody accepts are queued up to this number, and one more; what comes after
/// that is not answered.
fn listener(queue: u32) -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket.listen(queue).unwrap()
}

/// Connections that nobody accepts, as many as are queued.
async fn fill(address: SocketAddr) -> Vec<TcpStream> {
    let mut queued = Vec::new();
    while let Ok(Ok(tcp)) = tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
        queued.push(tcp);
    }
    queued
}

async fn serve(mut tcp: TcpStream, reply: impl Fn(u8, &Request) -> Reply) {
    let mut reader = FrameReader::new(1024 * 1024);
    while let Ok(frame) = reader.next(&mut tcp).await {
        let message = Message::parse(&frame.bytes).unwrap();
        match reply(u8::try_from(message.id).unwrap(), &request(&message)) {
            Reply::Send(answer) => tcp.write_all(&answer).await.unwrap(),
            Reply::SendLate(pause, answer) => {
                tokio::time::sleep(pause).await;
                tcp.write_all(&answer).await.unwrap();
            }
            Reply::SendAndClose(answer) => return tcp.write_all(&answer).await.unwrap(),
            Reply::Close => return,
            Reply::Silence => {}
        }
    }
}

fn request(message: &Message<'_>) -> Request {
    let mut content = Reader::new(message.content);
    match message.operation {
        operation::BIND_REQUEST => {
            content.number(INTEGER, "version").unwrap();
            let name = content.text("name", "name").unwrap().to_owned();
            let password = String::from_utf8(content.expect(0x80, "password").unwrap().to_vec()).unwrap();
            Request::Bind { name, password }
        }
        operation::SEARCH_REQUEST if message.content.starts_with(&[OCTET_STRING, 0]) => Request::RootDse,
        operation::SEARCH_REQUEST => {
            let dn = content.text("base", "base").unwrap().to_owned();
            if content.number(ENUMERATED, "scope").unwrap() == 0 {
                return Request::Entry { dn };
            }
            let controls = message.controls().unwrap();
            let paging = controls.into_iter().find(|control| control.oid == paged_results::OID);
            Request::Search {
                cookie: paging.map(|control| {
                    let value = control.value.unwrap();
                    let mut outer = Reader::new(&value);
                    let mut parts = Reader::new(outer.expect(SEQUENCE, "value").unwrap());
                    parts.number(INTEGER, "size").unwrap();
                    parts.expect(OCTET_STRING, "cookie").unwrap().to_vec()
                }),
            }
        }
        _ => Request::Other,
    }
}

fn message(id: u8, operation: u8, content: &[u8], controls: &[u8]) -> Vec<u8> {
    let mut parts = Vec::new();
    push_integer(&mut parts, id.into());
    push_octets(&mut parts, operation, content);
    parts.extend(controls);
    wrap(SEQUENCE, &parts)
}

fn result(code: u8) -> [u8; 7] {
    [0x0a, 1, code, 4, 0, 4, 0]
}

/// The answer to a bind.
pub(crate) fn bound(id: u8, code: u8) -> Vec<u8> {
    message(id, operation::BIND_RESPONSE, &result(code), &[])
}

/// The answer to a sign of life.
pub(crate) fn alive(id: u8) -> Vec<u8> {
    message(id, operation::EXTENDED_RESPONSE, &result(0), &[])
}

/// An entry with a login name and an id.
pub(crate) fn person(id: u8, dn: &str, uid: &str) -> Vec<u8> {
    entry(id, dn, &[("uid", uid), ("nsUniqueId", &format!("id-of-{uid}"))])
}

/// An entry.
pub(crate) fn entry(id: u8, dn: &str, attributes: &[(&str, &str)]) -> Vec<u8> {
    let mut list = Vec::new();
    for (name, value) in attributes {
        let values = wrap(SET, &wrap(OCTET_STRING, value.as_bytes()));
        push_octets(&mut list, SEQUENCE, &[wrap(OCTET_STRING, name.as_bytes()), values].concat());
    }
    let content = [wrap(OCTET_STRING, dn.as_bytes()), wrap(SEQUENCE, &list)].concat();
    message(id, operation::SEARCH_ENTRY, &content, &[])
}

/// The end of a search.
pub(crate) fn done(id: u8, code: u8) -> Vec<u8> {
    message(id, operation::SEARCH_DONE, &result(code), &[])
}

/// The end of a page, with a cookie.
pub(crate) fn page_done(id: u8, cookie: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    push_integer(&mut value, 0);
    push_octets(&mut value, OCTET_STRING, cookie);
    let control =
        [wrap(OCTET_STRING, paged_results::OID.as_bytes()), wrap(OCTET_STRING, &wrap(SEQUENCE, &value))].concat();
    message(id, operation::SEARCH_DONE, &result(0), &wrap(0xa0, &wrap(SEQUENCE, &control)))
}
