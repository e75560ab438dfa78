//! The directory as a client sees it, over a real socket.

use futures_util::{SinkExt as _, StreamExt as _};
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapBindCred, LdapBindRequest, LdapDerefAliases, LdapMsg, LdapOp, LdapResultCode, LdapSearchRequest,
    LdapSearchResultEntry, LdapSearchScope,
};
use ldap3_proto::{LdapCodec, parse_ldap_filter_str};
use provider_api::Secret;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::codec::Framed;

use super::{Directory, Entry, Received};

const BASE: &str = "dc=example,dc=com";
const SERVICE: &str = "cn=reader,dc=example,dc=com";

async fn directory() -> Directory {
    let entry = |dn: String| Entry::new(dn).unwrap();
    let mut entries = vec![
        entry(BASE.to_owned()).with("objectClass", "domain"),
        entry(SERVICE.to_owned()).with("cn", "reader").with_password(Secret::new("reading")),
    ];
    for number in 0..12 {
        let uid = format!("user{number}");
        let ou = if number % 2 == 0 { "ou=even," } else { "" };
        entries.push(
            entry(format!("uid={uid},{ou}{BASE}"))
                .with("objectClass", "person")
                .with("uid", &uid)
                .with_operational("entryUUID", format!("00000000-0000-4000-8000-{number:012}"))
                .with_password(Secret::new(format!("password {number}"))),
        );
    }
    Directory::start(BASE, SERVICE, entries).await.unwrap()
}

struct Client {
    connection: Framed<TcpStream, LdapCodec>,
    last_id: i32,
}

impl Client {
    async fn connect(directory: &Directory) -> Self {
        let stream = TcpStream::connect(directory.address()).await.unwrap();
        Self { connection: Framed::new(stream, LdapCodec::default()), last_id: 0 }
    }

    async fn send(&mut self, op: LdapOp, controls: Vec<LdapControl>) {
        self.last_id += 1;
        self.connection.send(LdapMsg::new_with_ctrls(self.last_id, op, controls)).await.unwrap();
    }

    async fn receive(&mut self) -> LdapMsg {
        let message = self.connection.next().await.unwrap().unwrap();
        assert_eq!(message.msgid, self.last_id);
        message
    }

    async fn bind(&mut self, dn: &str, password: &str) -> LdapResultCode {
        let cred = LdapBindCred::Simple(password.to_owned());
        self.send(LdapOp::BindRequest(LdapBindRequest { version: 3, dn: dn.to_owned(), cred }), Vec::new()).await;
        match self.receive().await.op {
            LdapOp::BindResponse(response) => response.res.code,
            other => panic!("{other:?}"),
        }
    }

    async fn search_with(
        &mut self,
        request: LdapSearchRequest,
        controls: Vec<LdapControl>,
    ) -> (Vec<LdapSearchResultEntry>, LdapResultCode, Vec<LdapControl>) {
        self.send(LdapOp::SearchRequest(request), controls).await;
        let mut entries = Vec::new();
        loop {
            let message = self.receive().await;
            match message.op {
                LdapOp::SearchResultEntry(entry) => entries.push(entry),
                LdapOp::SearchResultDone(result) => return (entries, result.code, message.ctrl),
                other => panic!("{other:?}"),
            }
        }
    }

    async fn search(&mut self, request: LdapSearchRequest) -> (Vec<LdapSearchResultEntry>, LdapResultCode) {
        let (entries, code, _) = self.search_with(request, Vec::new()).await;
        (entries, code)
    }

    async fn page(&mut self, size: i64, cookie: &[u8]) -> (usize, LdapResultCode, Vec<u8>) {
        let control = LdapControl::SimplePagedResults { size, cookie: cookie.to_vec() };
        let (entries, code, controls) = self.search_with(everybody(), vec![control]).await;
        let cookie = controls.into_iter().find_map(|control| match control {
            LdapControl::SimplePagedResults { cookie, .. } => Some(cookie),
            _ => None,
        });
        (entries.len(), code, cookie.unwrap_or_default())
    }
}

fn search(base: &str, scope: LdapSearchScope, filter: &str, attributes: &[&str]) -> LdapSearchRequest {
    LdapSearchRequest {
        base: base.to_owned(),
        scope,
        aliases: LdapDerefAliases::Never,
        sizelimit: 0,
        timelimit: 0,
        typesonly: false,
        filter: parse_ldap_filter_str(filter).unwrap(),
        attrs: attributes.iter().map(|&name| name.to_owned()).collect(),
    }
}

fn everybody() -> LdapSearchRequest {
    search(BASE, LdapSearchScope::Subtree, "(objectClass=person)", &["uid"])
}

async fn bound(directory: &Directory) -> Client {
    let mut client = Client::connect(directory).await;
    assert_eq!(client.bind(SERVICE, "reading").await, LdapResultCode::Success);
    client
}

#[tokio::test]
async fn a_bind_succeeds_with_the_right_password_alone() {
    let directory = directory().await;
    let mut client = Client::connect(&directory).await;
    let user1 = "uid=user1,dc=example,dc=com";
    for (dn, password, expected) in [
        (user1, "password 1", LdapResultCode::Success),
        ("UID=User1, DC=example, DC=com", "password 1", LdapResultCode::Success),
        (user1, "password 2", LdapResultCode::InvalidCredentials),
        (user1, "Password 1", LdapResultCode::InvalidCredentials),
        (user1, "", LdapResultCode::UnwillingToPerform),
        ("uid=nobody,dc=example,dc=com", "password 1", LdapResultCode::InvalidCredentials),
        ("dc=example,dc=com", "x", LdapResultCode::InvalidCredentials),
        ("user1", "password 1", LdapResultCode::InvalidDNSyntax),
        ("", "", LdapResultCode::Success),
        ("", "x", LdapResultCode::InvalidCredentials),
    ] {
        assert_eq!(client.bind(dn, password).await, expected, "{dn}");
    }
}

#[tokio::test]
async fn a_search_needs_a_bind_and_a_failed_bind_undoes_the_one_before() {
    let directory = directory().await;
    let mut client = bound(&directory).await;
    assert_eq!(client.search(everybody()).await.0.len(), 12);
    client.bind(SERVICE, "wrong").await;
    assert_eq!(client.search(everybody()).await, (Vec::new(), LdapResultCode::InsufficentAccessRights));

    let root = search("", LdapSearchScope::Base, "(objectClass=*)", &["supportedControl"]);
    let (entries, code) = client.search(root).await;
    assert_eq!(code, LdapResultCode::Success);
    assert_eq!(entries[0].attributes[0].vals, [b"1.2.840.113556.1.4.319".to_vec()]);
}

#[tokio::test]
async fn a_search_keeps_to_its_scope_its_attributes_and_its_limit() {
    let directory = directory().await;
    let mut client = bound(&directory).await;
    let person = "(objectClass=person)";
    for (base, scope, expected) in [
        (BASE, LdapSearchScope::Subtree, 12),
        (BASE, LdapSearchScope::OneLevel, 6),
        (BASE, LdapSearchScope::Base, 0),
        ("uid=user1,dc=example,dc=com", LdapSearchScope::Base, 1),
    ] {
        assert_eq!(client.search(search(base, scope.clone(), person, &[])).await.0.len(), expected, "{base} {scope:?}");
    }
    let elsewhere = search("dc=example,dc=net", LdapSearchScope::Subtree, person, &[]);
    assert_eq!(client.search(elsewhere).await.1, LdapResultCode::NoSuchObject);

    let names = |entries: &[LdapSearchResultEntry]| -> Vec<String> {
        entries.iter().flat_map(|entry| &entry.attributes).map(|attribute| attribute.atype.clone()).collect()
    };
    for (wanted, expected) in [
        (&[][..], &["objectClass", "uid"][..]),
        (&["UID", "entryuuid"], &["uid", "entryUUID"]),
        (&["*", "+"], &["objectClass", "uid", "entryUUID"]),
        (&["1.1"], &[]),
    ] {
        let (entries, _) = client.search(search(BASE, LdapSearchScope::Subtree, "(uid=user1)", wanted)).await;
        assert_eq!(names(&entries), expected, "{wanted:?}");
    }

    let mut limited = everybody();
    limited.sizelimit = 2;
    let (entries, code) = client.search(limited).await;
    assert_eq!((entries.len(), code), (2, LdapResultCode::SizeLimitExceeded));
}

#[tokio::test]
async fn a_listing_comes_in_pages_and_each_cookie_is_good_once() {
    let directory = directory().await;
    let mut client = bound(&directory).await;
    let (first, code, cookie) = client.page(500, b"").await;
    assert_eq!((first, code), (5, LdapResultCode::Success));
    let (second, _, next) = client.page(4, &cookie).await;
    assert_eq!(second, 4);
    assert_ne!(next, cookie);
    assert_eq!(client.page(500, &next).await, (3, LdapResultCode::Success, Vec::new()));
    assert_eq!(directory.received().pages, 3);
    assert_eq!(client.page(500, &cookie).await.1, LdapResultCode::UnwillingToPerform);
}

#[tokio::test]
async fn what_arrives_is_counted_with_people_apart_from_the_service_account() {
    let directory = directory().await;
    let mut client = bound(&directory).await;
    client.search(everybody()).await;
    client.bind("uid=user1,dc=example,dc=com", "wrong").await;
    let expected = Received { connections: 1, service_binds: 1, user_binds: 1, searches: 1, pages: 0 };
    assert_eq!(directory.received(), expected);
}

#[tokio::test]
async fn what_is_not_ldap_gets_a_notice_and_ends_its_connection_alone() {
    let directory = directory().await;
    let mut client = bound(&directory).await;
    let mut stranger = TcpStream::connect(directory.address()).await.unwrap();
    stranger.write_all(&[0x30, 0x03, 0x02, 0x01, 0x01]).await.unwrap();
    let mut notice = Vec::new();
    stranger.read_to_end(&mut notice).await.unwrap();
    assert!(notice.windows(22).any(|window| window == b"1.3.6.1.4.1.1466.20036"), "{notice:?}");
    assert_eq!(client.search(everybody()).await.0.len(), 12);
}

#[tokio::test]
async fn an_unbind_and_the_end_of_the_directory_close_the_connection() {
    let directory = directory().await;
    let (mut leaving, mut staying) = (bound(&directory).await, bound(&directory).await);
    leaving.send(LdapOp::UnbindRequest, Vec::new()).await;
    assert!(leaving.connection.next().await.is_none());
    let address = directory.address();
    drop(directory);
    assert!(!matches!(staying.connection.next().await, Some(Ok(_))));
    assert!(TcpStream::connect(address).await.is_err());
}
