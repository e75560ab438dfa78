//! Each directory of the tests looks through its own log when it ends. Here it is shown that this finds what it is
//! there to find, in the log of the real server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tests::directory::{Directory, SUFFIX, Transport, password_of};
use tests::host::Host;

fn bind(directory: &Directory, port: u16, dn: &str, password: &str) {
    let element = |tag: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).unwrap();
        assert!(length < 128, "longer lengths have another form");
        [&[tag, length], content].concat()
    };
    let request = [&[2, 1, 3], &*element(4, dn.as_bytes()), &*element(0x80, password.as_bytes())].concat();
    let message = element(0x30, &[&[2, 1, 1], &*element(0x60, &request)].concat());
    let mut server = TcpStream::connect((directory.host(), port)).unwrap();
    server.write_all(&message).unwrap();
    let answered = server.read(&mut [0; 256]).unwrap();
    assert!(answered > 0, "the server closed the connection instead of answering");
}

#[track_caller]
fn found(directory: Directory, what: &str) {
    directory.stop();
    let forbidden = directory.forbidden_binds();
    assert_eq!(forbidden.len(), 1, "{forbidden:#?}");
    assert!(forbidden[0].contains(what), "{forbidden:#?}");
    let end = catch_unwind(AssertUnwindSafe(move || drop(directory)));
    assert!(end.is_err(), "the end of the directory would have told nobody");
}

#[test]
fn a_bind_with_a_dn_and_an_empty_password_is_found() {
    let directory = Directory::start();
    directory.settings();
    bind(&directory, directory.port(), &format!("uid=alice,ou=people,{SUFFIX}"), "");
    found(directory, "empty password");
}

#[test]
fn an_anonymous_bind_is_found() {
    let directory = Directory::start();
    directory.settings();
    bind(&directory, directory.port(), "", "");
    found(directory, "anonymous");
}

#[test]
fn a_bind_before_start_tls_is_found_although_plain_ldap_is_used_as_well() {
    let directory = Directory::start();
    directory.settings();
    bind(&directory, directory.start_tls_port(), &format!("uid=alice,ou=people,{SUFFIX}"), "wrong");
    found(directory, "in the clear");
}

#[test]
fn a_bind_in_the_clear_is_found_when_only_tls_is_configured() {
    let directory = Directory::start();
    directory.settings_over(Transport::Ldaps);
    bind(&directory, directory.port(), &format!("uid=alice,ou=people,{SUFFIX}"), "wrong");
    found(directory, "in the clear");
}

#[tokio::test]
async fn nothing_is_found_where_logins_of_every_kind_were_made() {
    let directory = Directory::start();
    for transport in [Transport::StartTls, Transport::Ldaps, Transport::Plain] {
        let host = Host::with_ldap(&directory.settings_over(transport)).await;
        host.accepts("alice", &password_of("alice")).await;
        host.rejects("alice", &password_of("bob")).await;
        host.rejects("alice", "").await;
        host.rejects("nobody", "any").await;
        assert!(directory.requests().bind_dns.len() > 2, "{transport:?}: the log has nothing to look through");
        assert_eq!(directory.forbidden_binds(), [""; 0], "{transport:?}");
    }
}
