//! Mutations that keep the lengths right. Left to itself, the fuzzer changes octets, and nearly all that it makes of a
//! message is refused at a length: little of it reaches the grammar.

use libfuzzer_sys::fuzzer_mutate;

use crate::seeds::tree::{Body, Node, nodes};

/// The identifiers that a message of LDAP may have somewhere.
const TAGS: [u8; 20] = [
    0x01, 0x02, 0x04, 0x0a, 0x30, 0x31, 0x61, 0x64, 0x65, 0x73, 0x78, 0x79, 0x80, 0x81, 0x87, 0x8a, 0x8b, 0xa0, 0xa3,
    0xb5,
];

/// How deep elements are taken apart.
const DEPTH: usize = 34;

/// Changes one element of the messages behind the first `header` octets of an input, or any octets. As libFuzzer wants
/// it: the input is the first `size` octets of `data`; returns the size of the new one.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32, header: usize) -> usize {
    let mut chance = Chance(u64::from(seed) | 1 << 40);
    let messages = data.get(header..size).and_then(|octets| parse(octets, DEPTH));
    let Some(messages) = messages.filter(|messages| !messages.is_empty() && chance.below(3) != 0) else {
        return fuzzer_mutate(data, size, max_size);
    };
    let root = nodes(0, messages);
    let path = chance.path(&root);
    let donor = root.at(&chance.path(&root)).clone();
    let by = replacement(root.at(&path), donor, &mut chance);
    let changed = root.replaced(&path, &by);
    let Some(Node { body: Body::Nodes(messages), .. }) = changed.into_iter().next() else { return size };
    let octets: Vec<u8> = messages.iter().flat_map(Node::encoded).collect();
    match data.get_mut(header..header + octets.len()) {
        Some(place) if header + octets.len() <= max_size => {
            place.copy_from_slice(&octets);
            header + octets.len()
        }
        _ => fuzzer_mutate(data, size, max_size),
    }
}

fn replacement(element: &Node, donor: Node, chance: &mut Chance) -> Vec<Node> {
    match (chance.below(8), &element.body) {
        (0, _) => Vec::new(),
        (1, _) => vec![element.clone(), element.clone()],
        (2, _) => vec![donor],
        (3, _) => vec![element.clone(), donor],
        (4, _) => vec![Node { tag: *chance.one_of(&TAGS), ..element.clone() }],
        (5, _) => vec![nodes(*chance.one_of(&TAGS), [element.clone()])],
        (_, Body::Octets(octets)) => {
            let size = octets.len();
            let mut content = octets.clone();
            content.resize(size + 32, 0);
            let size = fuzzer_mutate(&mut content, size, size + 32);
            content.truncate(size);
            vec![Node { tag: element.tag, body: Body::Octets(content), length: None }]
        }
        (_, Body::Nodes(parts)) => {
            let mut parts = parts.clone();
            parts.push(donor);
            let turn = chance.below(parts.len());
            parts.rotate_right(turn);
            vec![Node { tag: element.tag, body: Body::Nodes(parts), length: None }]
        }
    }
}

/// Takes elements apart; `None` if the octets are no elements. What is no element within one is its content.
fn parse(mut octets: &[u8], depth: usize) -> Option<Vec<Node>> {
    let mut elements = Vec::new();
    while let [tag, first, behind @ ..] = octets {
        let count = if *first < 0x80 { 0 } else { usize::from(*first & 0x7f) };
        if count > 4 || *first == 0x80 {
            return None;
        }
        let long = behind.get(..count)?;
        let length = match count {
            0 => usize::from(*first),
            _ => long.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)),
        };
        let content = behind.get(count..)?.get(..length)?;
        let parts = if depth > 0 && tag & 0x20 != 0 { parse(content, depth - 1) } else { None };
        let body = parts.map_or_else(|| Body::Octets(content.to_vec()), Body::Nodes);
        elements.push(Node { tag: *tag, body, length: (count > 0).then(|| octets[1..2 + count].to_vec()) });
        octets = &behind[count + length..];
    }
    octets.is_empty().then_some(elements)
}

/// A sequence of numbers that a seed determines (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap_or_default()
    }

    /// A path to an element within this one.
    fn path(&mut self, root: &Node) -> Vec<usize> {
        let mut path = Vec::new();
        let mut node = root;
        while let Body::Nodes(parts) = &node.body
            && !parts.is_empty()
            && (path.is_empty() || self.below(4) != 0)
        {
            path.push(self.below(parts.len()));
            node = &parts[path[path.len() - 1]];
        }
        path
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}
