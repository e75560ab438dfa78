//! Exceptional elements, each in the place of each element of a message.

use super::tree::{Body, Node, in_four, nodes, octets};

/// A message with one exceptional element, and what is exceptional about it.
pub(super) type Case = (String, Vec<u8>);

/// All of them for one message.
pub(super) fn of(message: &Node) -> Vec<Case> {
    let mut cases = truncated(message);
    for path in message.paths() {
        let place: Vec<String> = path.iter().map(ToString::to_string).collect();
        let place = place.join(".");
        let element = message.at(&path);
        for (name, by) in
            lengths(element).into_iter().chain(tags(element)).chain(shapes(element)).chain(contents(element))
        {
            let encoded = message.replaced(&path, &by).iter().flat_map(Node::encoded).collect();
            cases.push((format!("at-{place}-{name}"), encoded));
        }
    }
    cases
}

/// What an element is replaced by.
type Variant = (String, Vec<Node>);

/// The message ends at each octet.
fn truncated(message: &Node) -> Vec<Case> {
    let whole = message.encoded();
    (0..=whole.len()).map(|end| (format!("cut-at-{end}"), whole[..end].to_vec())).collect()
}

fn lengths(element: &Node) -> Vec<Variant> {
    let right = element.content_length();
    let octet = |length: usize| vec![u8::try_from(length & 0x7f).expect("seven bits")];
    let written: [(&str, Vec<u8>); 18] = [
        ("zero", vec![0]),
        ("one", vec![1]),
        ("short-127", vec![127]),
        ("one-less", octet(right.saturating_sub(1))),
        ("one-more", octet(right + 1)),
        ("two-more", octet(right + 2)),
        ("four-octets", in_four(right)),
        ("four-octets-one-more", in_four(right + 1)),
        ("one-octet", [vec![0x81], octet(right)].concat()),
        ("indefinite", vec![0x80]),
        ("no-octets-follow", vec![0x84]),
        ("four-gib", vec![0x84, 0xff, 0xff, 0xff, 0xff]),
        ("two-gib", vec![0x84, 0x7f, 0xff, 0xff, 0xff]),
        ("sign-bit", vec![0x84, 0x80, 0, 0, 0]),
        ("five-octets", [vec![0x85, 0, 0, 0, 0], octet(right)].concat()),
        ("eight-octets", [vec![0x88], vec![0xff; 8]].concat()),
        ("nine-octets", [vec![0x89, 1], vec![0; 7], octet(right)].concat()),
        ("reserved", vec![0xff]),
    ];
    let with = |length| vec![Node { length: Some(length), ..element.clone() }];
    written.into_iter().map(|(name, length)| (format!("length-{name}"), with(length))).collect()
}

fn tags(element: &Node) -> Vec<Variant> {
    let mut tags = vec![0x00, 0x01, 0x02, 0x04, 0x05, 0x0a, 0x1f, 0x30, 0x31, 0x3f, 0x42, 0x61, 0x64, 0x65, 0x73, 0x78];
    tags.extend([0x79, 0x7f, 0x80, 0x85, 0x8a, 0xa0, 0xa3, 0xa5, 0xaa, 0xc4, 0xe4, 0xff, element.tag ^ 0x20]);
    tags.retain(|&tag| tag != element.tag);
    let with = |tag| vec![Node { tag, ..element.clone() }];
    tags.into_iter().map(|tag| (format!("tag-{tag:02x}"), with(tag))).collect()
}

fn shapes(element: &Node) -> Vec<Variant> {
    let nested = |levels| (0..levels).fold(element.clone(), |inner, _| nodes(0x30, [inner]));
    let behind = |tag, content: &[u8]| vec![element.clone(), octets(tag, content)];
    let mut shapes = vec![
        ("missing", vec![]),
        ("twice", vec![element.clone(), element.clone()]),
        ("a-hundred-times", vec![element.clone(); 100]),
        ("nested-once", vec![nested(1)]),
        ("nested-28-times", vec![nested(28)]),
        ("nested-40-times", vec![nested(40)]),
        ("before-an-empty-octet-string", behind(0x04, b"")),
        ("before-nul-octets", behind(0x00, b"")),
        ("before-an-unknown-component", behind(0x95, b"x")),
        ("before-a-constructed-unknown-component", vec![element.clone(), nodes(0xb5, [octets(0x04, "x")])]),
        ("before-a-component-named-10", behind(0x8a, b"1.2.3")),
        ("before-empty-controls", vec![element.clone(), nodes(0xa0, [])]),
        ("before-a-control-without-parts", vec![element.clone(), nodes(0xa0, [nodes(0x30, [])])]),
    ];
    if let Body::Nodes(parts) = &element.body {
        shapes.push(("empty", vec![nodes(element.tag, [])]));
        shapes.push(("reversed", vec![nodes(element.tag, parts.iter().rev().cloned().collect::<Vec<_>>())]));
        shapes.push(("unwrapped", parts.clone()));
    }
    shapes.into_iter().map(|(name, by)| (name.to_owned(), by)).collect()
}

fn contents(element: &Node) -> Vec<Variant> {
    if matches!(element.body, Body::Nodes(_)) {
        return Vec::new();
    }
    let number = matches!(element.tag, 0x01 | 0x02 | 0x0a);
    let contents = if number { numbers() } else { texts() };
    let with = |content| vec![octets(element.tag, content)];
    contents.into_iter().map(|(name, content)| (format!("content-{name}"), with(content))).collect()
}

fn numbers() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("empty", vec![]),
        ("0", vec![0]),
        ("1", vec![1]),
        ("2", vec![2]),
        ("3", vec![3]),
        ("4", vec![4]),
        ("127", vec![0x7f]),
        ("minus-128", vec![0x80]),
        ("minus-1", vec![0xff]),
        ("128", vec![0, 0x80]),
        ("two-zeros", vec![0, 0]),
        ("1-in-four-octets", vec![0, 0, 0, 1]),
        ("1-in-five-octets", vec![0, 0, 0, 0, 1]),
        ("1-after-300-zeros", [vec![0; 300], vec![1]].concat()),
        ("max-int", vec![0x7f, 0xff, 0xff, 0xff]),
        ("two-to-the-31", vec![0, 0x80, 0, 0, 0]),
        ("minus-two-to-the-31", vec![0x80, 0, 0, 0]),
        ("two-to-the-32", vec![1, 0, 0, 0, 0]),
        ("minus-1-in-eight-octets", vec![0xff; 8]),
        ("huge", vec![0x7f; 300]),
    ]
}

fn texts() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("empty", vec![]),
        ("nul", vec![0]),
        ("nul-within", b"a\0b".to_vec()),
        ("not-utf-8", vec![0xff, 0xfe]),
        ("latin-1", b"caf\xe9".to_vec()),
        ("cut-within-a-character", b"caf\xc3".to_vec()),
        ("overlong-slash", vec![0xc0, 0xaf]),
        ("overlong-nul", vec![0xe0, 0x80, 0x80]),
        ("surrogate", vec![0xed, 0xa0, 0x80]),
        ("beyond-unicode", vec![0xf4, 0x90, 0x80, 0x80]),
        ("continuation-octets", vec![0x80; 40]),
        ("format-strings", b"%s%s%n%x%%{}{0}${jndi:ldap://x}".to_vec()),
        ("line-ends", b"a\r\n\x1b[2Jb\xe2\x80\xa8c".to_vec()),
        ("dn-of-special-characters", b"cn=\\,\\+\\\"\\\\\\<\\>\\;\\=,\\ff".to_vec()),
        ("long", vec![b'A'; 300]),
        ("long-and-not-utf-8", vec![0xff; 300]),
        ("an-element", vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
        ("elements", [0x30, 0x02].repeat(60)),
    ]
}
