use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, Scope, SearchEntry, StdStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Runtime;
use wire_guard::{
    BindName, BindPassword, BindPermit, BindRequest, Connection, Limits, NextEntry, Pipe, PipeEnd, SearchFailure,
    SearchScope, SearchTemplate, Security, Trust, UserBind,
};

use super::rfc4511::{self, Answer};
use super::server::{connection, serve};

/// How many searches are under way at once. Their ids are 1 and on.
const SEARCHES: u32 = 3;

/// What the client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// To search, with a client that reads what comes out of the pipe.
    Search,
    /// To search, with the LDAP library.
    Library,
    /// To search for few entries, as a login does.
    Login,
    /// To bind as the service account, then to search.
    BindAndSearch,
    /// To bind as a user.
    BindUser,
    /// To protect the connection by StartTLS, then to bind as a user.
    StartTls,
    /// To search for many entries, as a listing does.
    Listing,
}

impl Scenario {
    /// All of them; an input names one by its position.
    pub const ALL: [Self; 7] =
        [Self::Search, Self::Library, Self::BindAndSearch, Self::BindUser, Self::StartTls, Self::Login, Self::Listing];
}

/// A server sends what it likes over the whole life of a connection.
///
/// The input is: which [`Scenario`], how many octets the server sends at a time, what it sends. It answers the first
/// request with its first answer, and sends the rest when all requests are there.
///
/// - What comes out of the pipe is a sequence of sound messages with texts in UTF-8, each of which answers a search
///   that is under way; no more than the limits allow; and when it ends, the reason is there.
/// - The LDAP library takes it without a panic.
/// - A bind succeeds by a `BindResponse` to it with result code 0 and by nothing else.
pub fn conversation(input: &[u8]) {
    thread_local! {
        static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
    }
    let Some((&[scenario, piece], octets)) = input.split_first_chunk::<2>() else { return };
    let scenario = Scenario::ALL[usize::from(scenario) % Scenario::ALL.len()];
    let piece = if piece == 0 { usize::MAX } else { usize::from(piece) };
    RUNTIME.with_borrow_mut(|runtime| {
        let runtime = runtime.get_or_insert_with(|| {
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
        });
        runtime.block_on(async {
            let over = tokio::time::timeout(Duration::from_secs(20), play(scenario, octets, piece));
            over.await.expect("a conversation ends when the server has said all");
        });
    });
}

async fn play(scenario: Scenario, octets: &[u8], piece: usize) {
    let (near, far) = connection();
    let searches = SEARCHES as usize;
    let (answer, rest) = octets.split_at(first_answer(octets).end);
    match scenario {
        Scenario::Search => {
            tokio::join!(serve(far, vec![(searches, octets)], piece), search(near, octets.len()));
        }
        Scenario::Library => {
            tokio::join!(serve(far, vec![(searches, octets)], piece), library(near));
        }
        Scenario::Login => {
            tokio::join!(serve(far, vec![(searches, octets)], piece), login(near, octets.len()));
        }
        Scenario::Listing => {
            tokio::join!(serve(far, vec![(1, octets)], piece), listing(near, octets.len()));
        }
        Scenario::BindAndSearch => {
            let parts = if rest.is_empty() { vec![(1, answer)] } else { vec![(1, answer), (searches, rest)] };
            tokio::join!(serve(far, parts, piece), bind_and_search(near, octets));
        }
        Scenario::BindUser => {
            tokio::join!(serve(far, vec![(1, octets)], piece), bind_user(near, octets));
        }
        Scenario::StartTls => {
            let parts = vec![(1, answer), (0, rest)];
            tokio::join!(serve(far, parts, piece), start_tls(near));
        }
    }
}

/// Where the first message is that belongs to a request: for others the client goes on waiting. All of it if there is
/// none.
fn first_answer(octets: &[u8]) -> Range<usize> {
    let mut begin = 0;
    while let Some((message, behind)) = rfc4511::split(&octets[begin..]) {
        let end = octets.len() - behind.len();
        let id = rfc4511::split(message.content).and_then(|(id, _)| rfc4511::number(id, 0x02));
        if id != Some(0) {
            return begin..end;
        }
        begin = end;
    }
    0..octets.len()
}

/// Where the first message ends, or all of it if it does not.
fn first_message(octets: &[u8]) -> usize {
    rfc4511::split(octets).map_or(octets.len(), |(_, behind)| octets.len() - behind.len())
}

async fn search(tcp: TcpStream, sent: usize) {
    let connection = secure(tcp, &Security::Plain).await.expect("nothing has to be done");
    drain(connection.into_pipe().expect("a pipe"), sent).await;
}

/// Searches and reads until the pipe ends.
async fn drain(pipe: Pipe, sent: usize) {
    let Pipe { stream, monitor } = pipe;
    let mut stream = UnixStream::from_std(stream).expect("the runtime takes any stream");
    let requests: Vec<u8> = (1..=SEARCHES).flat_map(search_request).collect();
    let mut received = Vec::new();
    // A server that closes after the bind ends the pipe before the requests are read: they fail, or reading does.
    if stream.write_all(&requests).await.is_ok() {
        let _ = stream.read_to_end(&mut received).await;
    }
    let end = monitor.end().expect("the reason is there before the end is seen");
    assert_ne!(*end, PipeEnd::ClosedByClient, "it was the server that ended it");
    // An octet that is not UTF-8 is replaced by three. A message that is written anew gets lengths of its own.
    assert!(received.len() <= 3 * sent + 64, "{} octets became {}", sent, received.len());
    check_received(&received);
}

fn check_received(mut rest: &[u8]) {
    let mut entries: HashMap<u32, usize> = (1..=SEARCHES).map(|id| (id, 0)).collect();
    while !rest.is_empty() {
        let octets = first_message(rest);
        let bytes = &rest[..octets];
        rest = &rest[octets..];
        let message = rfc4511::message(bytes).expect("only sound messages come out of the pipe");
        match message.answer {
            Answer::Entry { dn, .. } => {
                assert!(str::from_utf8(dn).is_ok(), "a DN that is not UTF-8");
                let entries = entries.get_mut(&message.id).expect("an answer to a search that is under way");
                *entries += 1;
                assert!(*entries <= Limits::LOGIN.search.entries, "more entries than the limit");
            }
            Answer::Reference => panic!("a reference to another server came out of the pipe"),
            Answer::Done { matched_dn, diagnostic, .. } => {
                for text in [matched_dn, diagnostic] {
                    let text = str::from_utf8(text).expect("the texts of a result are UTF-8");
                    assert!(!text.contains(char::is_control), "more than one line: {text:?}");
                }
                entries.remove(&message.id).expect("the end of a search that is under way");
            }
        }
    }
}

/// A search for everything below the root, `(objectClass=*)`.
fn search_request(id: u32) -> Vec<u8> {
    let id = u8::try_from(id).expect("few searches");
    let mut request = vec![0x30, 37, 0x02, 1, id, 0x63, 32, 0x04, 0, 0x0a, 1, 2, 0x0a, 1, 0];
    request.extend([0x02, 1, 0, 0x02, 1, 0, 0x01, 1, 0, 0x87, 11]);
    request.extend(b"objectClass");
    request.extend([0x30, 0]);
    request
}

/// Searches with the LDAP library, and reads what it has read as its own functions do. They panic at what they do not
/// expect.
async fn library(tcp: TcpStream) {
    let connection = secure(tcp, &Security::Plain).await.expect("nothing has to be done");
    let Pipe { stream, monitor } = connection.into_pipe().expect("a pipe");
    let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(stream));
    let (driver, ldap) = LdapConnAsync::with_settings(settings, "ldapi:///").await.expect("the library takes the pipe");
    let driver = tokio::spawn(driver.drive());
    tokio::join!(search_with(ldap.clone()), search_with(ldap.clone()), search_with(ldap.clone()));
    drop((ldap, monitor));
    let _ = driver.await.expect("the library does not panic");
}

/// Searches as logins do, many at once. No more comes of it than the server has sent, all of it in UTF-8.
async fn login(tcp: TcpStream, sent: usize) {
    let connection = secure(tcp, &Security::Plain).await.expect("nothing has to be done").into_searches();
    let filter = [&[0x87, 11][..], b"objectClass"].concat();
    let request = SearchTemplate::new("", SearchScope::Subtree, 2, &["*"]).with_filter(&filter);
    let search = || async {
        let found = match connection.search(&request, 2).await {
            Ok(found) => found,
            Err(SearchFailure::Ended(end)) => {
                assert_eq!(connection.end(), Some(&end), "a search that fails with its connection");
                return 0;
            }
            Err(SearchFailure::TooLarge(_)) => return 0,
        };
        assert!(found.entries.len() <= 3, "more entries than anybody waits for");
        assert_eq!(found.end.is_none(), found.entries.len() == 3, "a search that has not ended");
        let mut octets = 0;
        for entry in &found.entries {
            let dn = entry.read(|name, values| octets += name.len() + values.map(<[u8]>::len).sum::<usize>());
            octets += dn.len() / 3;
        }
        octets
    };
    // The third search may stay without an answer, as the server ends when it has said all.
    let (first, second, third) = tokio::join!(search(), search(), search());
    assert!(first + second + third <= sent, "more than was sent");
}

/// Lists as listings do. No more comes of it than the server has sent, nor more than the limits allow, and nothing
/// after the end.
async fn listing(tcp: TcpStream, sent: usize) {
    let connection = secure(tcp, &Security::Plain).await.expect("nothing has to be done");
    let filter = [&[0x87, 11][..], b"objectClass"].concat();
    let request = SearchTemplate::new("", SearchScope::Subtree, 0, &["*"]).with_filter(&filter);
    let Ok(mut stream) = connection.search(&request, None, ample()).await else { return };
    let (mut octets, mut entries) = (0, 0);
    loop {
        match stream.next().await {
            Ok(NextEntry::Entry(entry)) => {
                let dn = entry.read(|name, values| octets += name.len() + values.map(<[u8]>::len).sum::<usize>());
                octets += dn.len() / 3;
                entries += 1;
            }
            Ok(NextEntry::End(result, _)) => {
                for text in [result.matched_dn, result.diagnostic] {
                    assert!(!text.contains(char::is_control), "more than one line: {text:?}");
                }
                assert!(stream.next().await.is_err(), "something after the end");
                break;
            }
            Err(_) => {
                assert!(stream.next().await.is_err(), "something after an error");
                break;
            }
        }
    }
    assert!(octets <= sent, "more than was sent");
    assert!(entries <= Limits::LOGIN.search.entries, "more entries than the limit");
}

async fn search_with(mut ldap: Ldap) {
    let Ok(mut results) = ldap.streaming_search("", Scope::Subtree, "(objectClass=*)", vec!["*"]).await else { return };
    while let Ok(Some(found)) = results.next().await {
        if !found.is_ref() && !found.is_intermediate() {
            SearchEntry::construct(found);
        }
    }
    results.finish().await;
}

async fn bind_and_search(tcp: TcpStream, octets: &[u8]) {
    let mut connection = secure(tcp, &Security::Plain).await.expect("nothing has to be done");
    let Ok(response) = connection.bind(request(), ample()).await else { return };
    assert_eq!(response.is_success(), is_success(octets));
    drain(connection.into_pipe().expect("a pipe"), octets.len()).await;
}

async fn bind_user(tcp: TcpStream, octets: &[u8]) {
    let connection = secure(tcp, &Security::Plain).await.expect("nothing has to be done");
    let bind = UserBind::new(request(), BindPermit::for_one_login());
    if let Ok(answer) = connection.bind_user(bind, ample()).await {
        assert_eq!(answer.response.is_success(), is_success(octets));
    }
}

async fn start_tls(tcp: TcpStream) {
    static SECURITY: OnceLock<Security> = OnceLock::new();
    // No input can hold a TLS session: the keys are new each time.
    let security = SECURITY.get_or_init(|| Security::StartTls {
        trust: Trust::anything(),
        server_name: "ldap.test".try_into().expect("a name"),
    });
    assert!(secure(tcp, security).await.is_err(), "a handshake that cannot succeed has succeeded");
}

/// Whether the first answer is a `BindResponse` to the request 1 with result code 0.
fn is_success(octets: &[u8]) -> bool {
    let answer = &octets[first_answer(octets)];
    let Some(parts) = rfc4511::split(answer).and_then(|(message, _)| rfc4511::all(message.content)) else {
        return false;
    };
    let [id, operation, ..] = parts[..] else { return false };
    let Some(result) = rfc4511::all(operation.content) else { return false };
    let code = result.first().and_then(|&code| rfc4511::number(code, 0x0a));
    rfc4511::number(id, 0x02) == Some(1) && operation.tag == 0x61 && code == Some(0)
}

async fn secure(tcp: TcpStream, security: &Security) -> Result<Connection, wire_guard::SecureError> {
    Connection::secure(tcp, security, Limits::LOGIN, ample()).await
}

fn request() -> BindRequest {
    let name = BindName::new("cn=x").expect("a name");
    BindRequest::simple(name, BindPassword::new("secret").expect("a password"))
}

/// A deadline that is not reached: the server says all that it has to say at once.
fn ample() -> Instant {
    Instant::now() + Duration::from_secs(15)
}
