//! Messages as real servers send them.

use super::tree::{Node, nodes, octets};

/// What a message answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answers {
    Search,
    Bind,
    StartTls,
    /// Nothing: a message that comes at any time.
    Anything,
}

/// A message's name, what it answers, and the message.
pub(super) type Sample = (&'static str, Answers, Node);

/// All of them. Each answers the request with the id 1.
pub(super) fn all() -> Vec<Sample> {
    vec![
        ("entry", Answers::Search, message(1, entry(), None)),
        ("entry-of-active-directory", Answers::Search, message(1, active_directory_entry(), None).with_long_lengths()),
        ("entry-without-attributes", Answers::Search, message(1, nodes(0x64, [text(""), nodes(0x30, [])]), None)),
        ("reference", Answers::Search, message(1, nodes(0x73, [text("ldap://dc2.example.com/ou=x??sub")]), None)),
        ("done", Answers::Search, message(1, result(0x65, 0, "", []), None)),
        ("done-no-such-object", Answers::Search, message(1, no_such_object(), None)),
        ("done-with-referral", Answers::Search, message(1, referral(), None)),
        ("done-of-a-page", Answers::Search, message(1, result(0x65, 0, "", []), Some(paged(&[7, 0, 0xff, 1])))),
        ("done-of-the-last-page", Answers::Search, message(1, result(0x65, 0, "", []), Some(paged(b"")))),
        (
            "done-of-active-directory",
            Answers::Search,
            message(1, result(0x65, 0, "", []), Some(paged(&[0x11; 24]))).with_long_lengths(),
        ),
        ("done-in-latin-1", Answers::Search, message(1, latin_1(), None)),
        ("intermediate", Answers::Search, message(1, nodes(0x79, [octets(0x80, "1.3.6.1.4.1.4203.1.9.1.4")]), None)),
        ("bind-success", Answers::Bind, message(1, result(0x61, 0, "", []), None)),
        ("bind-with-password-policy", Answers::Bind, message(1, result(0x61, 49, "", []), Some(password_policy()))),
        ("bind-refused-by-active-directory", Answers::Bind, message(1, refusal(), None).with_long_lengths()),
        ("bind-sasl", Answers::Bind, message(1, result(0x61, 14, "", [octets(0x87, [1, 2, 3])]), None)),
        ("start-tls", Answers::StartTls, message(1, result(0x78, 0, "", [octets(0x8a, START_TLS)]), None)),
        ("start-tls-refused", Answers::StartTls, message(1, result(0x78, 52, "no TLS here", []), None)),
        ("notice", Answers::Anything, message(0, result(0x78, 52, "bye", [octets(0x8a, NOTICE)]), None)),
        ("notice-of-active-directory", Answers::Anything, active_directory_notice()),
        ("unknown-notice", Answers::Anything, message(0, result(0x78, 0, "", [octets(0x8a, "1.2.3.4")]), None)),
    ]
}

/// The value of a paged-results control (RFC 2696).
pub(super) fn paged_value(cookie: &[u8]) -> Node {
    nodes(0x30, [octets(0x02, [0]), octets(0x04, cookie)])
}

const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
const NOTICE: &str = "1.3.6.1.4.1.1466.20036";

/// A message with at most one control.
pub(super) fn message(id: u8, operation: Node, control: Option<Node>) -> Node {
    let mut parts = vec![octets(0x02, [id]), operation];
    parts.extend(control.map(|control| nodes(0xa0, [control])));
    nodes(0x30, parts)
}

/// A result without a matched DN.
pub(super) fn result(tag: u8, code: u8, diagnostic: &str, further: impl Into<Vec<Node>>) -> Node {
    let mut parts = vec![octets(0x0a, [code]), text(""), text(diagnostic)];
    parts.extend(further.into());
    nodes(tag, parts)
}

/// An entry as OpenLDAP sends it.
pub(super) fn entry() -> Node {
    let attributes = [
        attribute("uid", ["alice"]),
        attribute("cn", ["Alice Archer", "Алиса"]),
        attribute("entryUUID", ["597ae2f6-16a6-1027-98f4-d28b5365dc14"]),
        attribute("mail", [""; 0]),
    ];
    nodes(0x64, [text("uid=alice,ou=people,dc=example,dc=com"), nodes(0x30, attributes)])
}

fn active_directory_entry() -> Node {
    let guid = [0x8f, 0x3c, 0x00, 0xff, 0xfe, 0x12, 0x9b, 0x4e, 0xa1, 0x80, 0xc0, 0xaf, 0xed, 0xa0, 0x80, 0x01];
    let guid = nodes(0x30, [text("objectGUID"), nodes(0x31, [octets(0x04, guid)])]);
    let attributes = [attribute("sAMAccountName", ["AARCHER"]), attribute("member;range=0-1499", ["CN=x"]), guid];
    nodes(0x64, [text("CN=Archer\\, Alice,OU=Büro,DC=corp,DC=example"), nodes(0x30, attributes)])
}

fn attribute<const COUNT: usize>(name: &str, values: [&str; COUNT]) -> Node {
    nodes(0x30, [text(name), nodes(0x31, values.map(text))])
}

fn no_such_object() -> Node {
    nodes(0x65, [octets(0x0a, [32]), text("dc=example,dc=com"), text("no such object")])
}

fn referral() -> Node {
    let uris = ["ldap://dc1.example.com/", "ldap://dc2.example.com/"].map(text);
    result(0x65, 10, "", [nodes(0xa3, uris)])
}

/// Some servers write their diagnostic messages in the encoding of their system.
fn latin_1() -> Node {
    nodes(0x65, [octets(0x0a, [50]), text(""), octets(0x04, b"Zugriff verw\xe4hrt\0")])
}

fn refusal() -> Node {
    let diagnostic = "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1\0";
    result(0x61, 49, diagnostic, [])
}

fn paged(cookie: &[u8]) -> Node {
    control("1.2.840.113556.1.4.319", &paged_value(cookie))
}

/// The account is locked (draft-behera-ldap-password-policy).
fn password_policy() -> Node {
    control("1.3.6.1.4.1.42.2.27.8.5.1", &nodes(0x30, [nodes(0xa0, [octets(0x80, [60])]), octets(0x81, [1])]))
}

fn control(name: &str, value: &Node) -> Node {
    nodes(0x30, [text(name), octets(0x01, [0xff]), octets(0x04, value.encoded())])
}

/// Active Directory puts the notice's name outside of the operation.
fn active_directory_notice() -> Node {
    let parts = [octets(0x02, [0]), result(0x78, 52, "00000000: LdapErr", []), octets(0x8a, NOTICE)];
    nodes(0x30, parts).with_long_lengths()
}

fn text(text: &str) -> Node {
    octets(0x04, text)
}
