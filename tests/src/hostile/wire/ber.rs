//! The encoding rules of LDAP (RFC 4511 section 5.1), as far as messages need them.

/// An element: its identifier octet and its content.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    /// Class, constructed bit and number.
    pub tag: u8,
    /// What lies within.
    pub content: &'a [u8],
}

/// Elements that follow each other, read strictly: definite lengths in the fewest octets, nothing cut short.
#[derive(Clone, Copy, Debug)]
pub struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// The elements in these octets.
    pub fn of(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// The next element, or `None` at the end.
    pub fn element(&mut self) -> Result<Option<Element<'a>>, String> {
        let Some((&tag, rest)) = self.0.split_first() else { return Ok(None) };
        if tag & 0x1f == 0x1f {
            return Err(format!("tag {tag:#x} has a number above 30"));
        }
        let (length, rest) = length(rest)?;
        let (content, rest) = rest.split_at_checked(length).ok_or_else(|| format!("element {tag:#x} is cut short"))?;
        self.0 = rest;
        Ok(Some(Element { tag, content }))
    }

    /// The next element, which has to have this tag.
    pub fn expect(&mut self, tag: u8) -> Result<&'a [u8], String> {
        match self.element()? {
            Some(element) if element.tag == tag => Ok(element.content),
            Some(element) => Err(format!("{:#x} instead of {tag:#x}", element.tag)),
            None => Err(format!("the end instead of {tag:#x}")),
        }
    }

    /// The next element, a number with this tag.
    pub fn number(&mut self, tag: u8) -> Result<i64, String> {
        let content = self.expect(tag)?;
        if content.is_empty() || content.len() > 8 {
            return Err(format!("a number of {} octets", content.len()));
        }
        if content.len() > 1 && matches!((content[0], content[1] >> 7), (0, 0) | (0xff, 1)) {
            return Err("a number in more octets than it needs".to_owned());
        }
        let sign = if content[0] & 0x80 == 0 { 0 } else { -1 };
        Ok(content.iter().fold(sign, |number, &octet| number << 8 | i64::from(octet)))
    }

    /// The next element, a truth value.
    pub fn boolean(&mut self) -> Result<bool, String> {
        match self.expect(0x01)? {
            [0] => Ok(false),
            [0xff] => Ok(true),
            other => Err(format!("{other:02x?} as a truth value")),
        }
    }

    /// Makes sure that nothing follows.
    pub fn end(self) -> Result<(), String> {
        if self.0.is_empty() { Ok(()) } else { Err(format!("{} octets too many", self.0.len())) }
    }
}

/// How long the message at the start of these octets is in all, as soon as its header is there.
pub fn message_length(octets: &[u8]) -> Result<Option<usize>, String> {
    match octets {
        [] | [0x30] => Ok(None),
        [0x30, first, rest @ ..] if rest.len() < usize::from(first.saturating_sub(0x80)) => Ok(None),
        [0x30, rest @ ..] => {
            let (length, behind) = length(rest)?;
            Ok(Some(octets.len() - behind.len() + length))
        }
        [tag, ..] => Err(format!("a message that begins with {tag:#x}")),
    }
}

/// The length at the start of these octets, and what follows it.
fn length(octets: &[u8]) -> Result<(usize, &[u8]), String> {
    let (&first, rest) = octets.split_first().ok_or("no length")?;
    if first < 0x80 {
        return Ok((usize::from(first), rest));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 {
        return Err(format!("a length that begins with {first:#x}"));
    }
    let (octets, rest) = rest.split_at_checked(count).ok_or("a length that is cut short")?;
    let length = octets.iter().fold(0, |length, &octet| length << 8 | usize::from(octet));
    if octets[0] == 0 || length < 0x80 {
        return Err("a length in more octets than it needs".to_owned());
    }
    Ok((length, rest))
}

/// An element with its length in the fewest octets.
pub fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut element = vec![tag];
    if let Ok(short @ 0..0x80) = u8::try_from(content.len()) {
        element.push(short);
    } else {
        let octets = content.len().to_be_bytes();
        let needed: Vec<u8> = octets.into_iter().skip_while(|&octet| octet == 0).collect();
        element.push(0x80 | u8::try_from(needed.len()).expect("at most eight"));
        element.extend(needed);
    }
    element.extend(content);
    element
}

/// A number in the fewest octets.
pub fn number(tag: u8, number: i64) -> Vec<u8> {
    let octets = number.to_be_bytes();
    let superfluous =
        octets.windows(2).take_while(|pair| matches!((pair[0], pair[1] >> 7), (0, 0) | (0xff, 1))).count();
    element(tag, &octets[superfluous..])
}
