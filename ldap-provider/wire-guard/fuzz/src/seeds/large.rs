//! Messages that are exceptional by their size or their number. Too large to be mutated, so they are no files; the
//! replay has them.

use wire_guard::frame::MAX_ELEMENTS;

use super::messages::{entry, message, result};
use super::tree::{Node, nodes, octets};

/// A name and the octets of one or more messages that answer a search with the id 1.
pub(super) fn all() -> Vec<(&'static str, Vec<u8>)> {
    let done = message(1, result(0x65, 0, "", []), None).encoded();
    let values = |count: usize, octets_each: usize| {
        let values = vec![octets(0x04, vec![b'x'; octets_each]); count];
        let attribute = nodes(0x30, [octets(0x04, "cn"), nodes(0x31, values)]);
        of(nodes(0x64, [octets(0x04, "cn=x"), nodes(0x30, [attribute])]))
    };
    let attributes = vec![nodes(0x30, [octets(0x04, "a"), nodes(0x31, [])]); 5_000];
    vec![
        ("nested-10000-times", nested(10_000)),
        ("nested-10000-times-in-an-entry", nested_in_an_entry(10_000)),
        ("as-many-elements-as-there-may-be", elements(MAX_ELEMENTS)),
        ("one-element-too-many", elements(MAX_ELEMENTS + 1)),
        ("10000-empty-values", [values(10_000, 0), done.clone()].concat()),
        ("60000-empty-values", [values(60_000, 0), done.clone()].concat()),
        ("a-value-of-900-kib", [values(1, 900 * 1024), done.clone()].concat()),
        ("a-value-of-1-mib", [values(1, 1024 * 1024), done.clone()].concat()),
        ("5000-attributes", of(nodes(0x64, [octets(0x04, "cn=x"), nodes(0x30, attributes)]))),
        ("1000-entries", [of(entry()).repeat(1_000), done.clone()].concat()),
        ("100-entries", [of(entry()).repeat(100), done.clone()].concat()),
        ("2000-references", [of(nodes(0x73, [octets(0x04, "ldap://x")])).repeat(2_000), done.clone()].concat()),
        ("1000-controls", with_controls(1_000)),
        ("100-controls", with_controls(100)),
        ("1000-notices", message(0, result(0x78, 0, "", [octets(0x8a, "1.2.3.4")]), None).encoded().repeat(1_000)),
        ("1000-ends", done.repeat(1_000)),
        ("a-dn-of-8192-octets-that-are-not-utf-8", a_long_dn(8_192)),
        ("a-dn-of-100000-octets-that-are-not-utf-8", a_long_dn(100_000)),
        ("a-diagnostic-message-of-200-kib", of(result(0x65, 0, &"x\n".repeat(100 * 1024), []))),
        ("a-diagnostic-message-of-300-kib", of(result(0x65, 0, &"x\n".repeat(150 * 1024), []))),
    ]
}

fn of(operation: Node) -> Vec<u8> {
    message(1, operation, None).encoded()
}

/// A message of so many octets in all, which holds one element. The lengths have four octets each.
pub(super) fn message_of(octets_in_all: usize) -> Vec<u8> {
    nodes(0x30, [octets(0x04, vec![0; octets_in_all - 12])]).with_long_lengths().encoded()
}

fn elements(count: usize) -> Vec<u8> {
    nodes(0x30, vec![octets(0x04, ""); count - 1]).encoded()
}

/// Built from the inside by hand: a tree of that depth could not be encoded without much stack.
fn nested(levels: usize) -> Vec<u8> {
    let mut headers = Vec::new();
    let mut length: usize = 0;
    for _ in 0..levels {
        let mut header = u32::try_from(length).expect("a small message").to_be_bytes().to_vec();
        header.splice(0..0, [0x30, 0x84]);
        length += header.len();
        headers.push(header);
    }
    headers.into_iter().rev().flatten().collect()
}

fn nested_in_an_entry(levels: usize) -> Vec<u8> {
    let inner = nested(levels);
    let wrapped = |tag, content: &[u8]| octets(tag, content).encoded();
    let operation = wrapped(0x64, &[&[0x04, 0][..], &inner].concat());
    wrapped(0x30, &[&[0x02, 1, 1][..], &operation].concat())
}

fn with_controls(count: usize) -> Vec<u8> {
    let controls = vec![nodes(0x30, [octets(0x04, "1.2.3")]); count];
    nodes(0x30, [octets(0x02, [1]), result(0x65, 0, "", []), nodes(0xa0, controls)]).encoded()
}

fn a_long_dn(octets_of_it: usize) -> Vec<u8> {
    of(nodes(0x64, [octets(0x04, vec![0xff; octets_of_it]), nodes(0x30, [])]))
}
