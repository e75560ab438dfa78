//! Messages as trees, so that one element can be exceptional while the lengths around it stay right.

/// An element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) tag: u8,
    pub(crate) body: Body,
    /// The length as it is written, if not in the shortest form.
    pub(crate) length: Option<Vec<u8>>,
}

/// What an element holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Octets(Vec<u8>),
    Nodes(Vec<Node>),
}

/// An element with elements in it.
pub(crate) fn nodes(tag: u8, nodes: impl Into<Vec<Node>>) -> Node {
    Node { tag, body: Body::Nodes(nodes.into()), length: None }
}

/// An element with octets in it.
pub(crate) fn octets(tag: u8, octets: impl AsRef<[u8]>) -> Node {
    Node { tag, body: Body::Octets(octets.as_ref().to_vec()), length: None }
}

impl Node {
    /// As it goes over the wire.
    pub(crate) fn encoded(&self) -> Vec<u8> {
        let content = match &self.body {
            Body::Octets(octets) => octets.clone(),
            Body::Nodes(nodes) => nodes.iter().flat_map(Self::encoded).collect(),
        };
        let length = self.length.clone().unwrap_or_else(|| shortest(content.len()));
        [vec![self.tag], length, content].concat()
    }

    /// How many octets its content has.
    pub(crate) fn content_length(&self) -> usize {
        match &self.body {
            Body::Octets(octets) => octets.len(),
            Body::Nodes(nodes) => nodes.iter().map(|node| node.encoded().len()).sum(),
        }
    }

    /// The same with all lengths in four octets, as Active Directory writes them.
    pub(crate) fn with_long_lengths(mut self) -> Self {
        if let Body::Nodes(nodes) = self.body {
            self.body = Body::Nodes(nodes.into_iter().map(Self::with_long_lengths).collect());
        }
        self.length = Some(in_four(self.content_length()));
        self
    }

    /// The paths to all elements, this one's own first.
    pub(crate) fn paths(&self) -> Vec<Vec<usize>> {
        let mut paths = vec![Vec::new()];
        if let Body::Nodes(nodes) = &self.body {
            for (position, node) in nodes.iter().enumerate() {
                paths.extend(node.paths().into_iter().map(|path| [vec![position], path].concat()));
            }
        }
        paths
    }

    /// The element at a path.
    pub(crate) fn at(&self, path: &[usize]) -> &Self {
        match (path, &self.body) {
            ([first, rest @ ..], Body::Nodes(nodes)) => nodes[*first].at(rest),
            _ => self,
        }
    }

    /// The same with other elements, or none, in the place of one.
    pub(crate) fn replaced(&self, path: &[usize], by: &[Self]) -> Vec<Self> {
        match (path, &self.body) {
            ([first, rest @ ..], Body::Nodes(nodes)) => {
                let mut changed = nodes.clone();
                changed.splice(first..=first, nodes[*first].replaced(rest, by));
                vec![Self { tag: self.tag, body: Body::Nodes(changed), length: None }]
            }
            _ => by.to_vec(),
        }
    }
}

/// A length in the shortest form.
fn shortest(length: usize) -> Vec<u8> {
    if let Ok(short @ 0..=127) = u8::try_from(length) {
        return vec![short];
    }
    let octets: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|&octet| octet == 0).collect();
    [vec![0x80 + u8::try_from(octets.len()).expect("at most 8")], octets].concat()
}

/// A length in four octets.
pub(crate) fn in_four(length: usize) -> Vec<u8> {
    let length = u32::try_from(length).expect("a message of less than 4 GiB").to_be_bytes();
    [&[0x84], &length[..]].concat()
}
