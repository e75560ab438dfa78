//! A second opinion: a strict decoder of the messages that a directory sends, written from RFC 4511 alone and with
//! nothing of the guard's own. Its limits stand here a second time, so that one that was changed by mistake is noticed.

/// The deepest nesting, and the most elements of a message, that the guard is to let through.
const MAX_DEPTH: usize = 32;
const MAX_ELEMENTS: usize = 16_384;
/// An element: its identifier and its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
}

impl Element<'_> {
    fn is_constructed(self) -> bool {
        self.tag & 0x20 != 0
    }

    /// RFC 4511 section 4: what stands at the end of a SEQUENCE and has an unknown tag is passed over.
    fn is_extension(self) -> bool {
        self.tag & 0xc0 == 0x80
    }
}

/// Where the content of the element at the start begins, and where it ends; `None` while octets of the header are
/// missing. `Err` if this is no beginning of an element at all.
pub(super) fn extent(bytes: &[u8]) -> Result<Option<(usize, u64)>, ()> {
    if bytes.first().is_some_and(|tag| tag & 0x1f == 0x1f) {
        return Err(());
    }
    let (begin, length) = match bytes.get(1) {
        None => return Ok(None),
        Some(&short @ 0..=127) => (2, u64::from(short)),
        Some(&count @ 129..=132) => {
            let begin = 2 + usize::from(count - 128);
            let Some(octets) = bytes.get(2..begin) else { return Ok(None) };
            let mut padded = [0; 8];
            padded[8 - octets.len()..].copy_from_slice(octets);
            (begin, u64::from_be_bytes(padded))
        }
        Some(_) => return Err(()),
    };
    Ok(Some((begin, begin as u64 + length)))
}

/// Splits the first element off.
pub(super) fn split(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (begin, end) = extent(bytes).ok()??;
    let end = usize::try_from(end).ok()?;
    Some((Element { tag: bytes[0], content: bytes.get(begin..end)? }, &bytes[end..]))
}

/// All elements that stand one after the other; `None` if the octets are not exactly that.
pub(super) fn all(mut bytes: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut elements = Vec::new();
    while !bytes.is_empty() {
        let (element, rest) = split(bytes)?;
        elements.push(element);
        bytes = rest;
    }
    Some(elements)
}

/// How many elements there are if all lie within their parents, are not too many and not nested too deeply. Level by
/// level, where the guard goes from left to right.
pub(super) fn count(message: &[u8]) -> Option<usize> {
    let mut level = vec![message];
    let (mut elements, mut depth) = (0, 0);
    while !level.is_empty() {
        let mut below = Vec::new();
        for content in level {
            for element in all(content)? {
                elements += 1;
                if element.is_constructed() {
                    below.push(element.content);
                }
            }
        }
        // An element that is not there yet is no deeper level.
        if !below.is_empty() {
            depth += 1;
        }
        level = below;
    }
    (depth <= MAX_DEPTH && elements <= MAX_ELEMENTS).then_some(elements)
}

/// A message from a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) id: u32,
    pub(super) answer: Answer<'a>,
    pub(super) controls: Vec<Control<'a>>,
}

/// An answer to a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer<'a> {
    Entry { dn: &'a [u8], attributes: Vec<Attribute<'a>> },
    Reference,
    Done { code: u32, matched_dn: &'a [u8], diagnostic: &'a [u8] },
}

/// An attribute's name and values.
pub(super) type Attribute<'a> = (&'a str, Vec<&'a [u8]>);

/// A control's name and value.
pub(super) type Control<'a> = (&'a str, Option<&'a [u8]>);

/// Decodes a message that answers a search; `None` if it is not exactly one.
pub(super) fn message(bytes: &[u8]) -> Option<Message<'_>> {
    let [outer] = all(bytes)?[..] else { return None };
    let parts = all(content(outer, 0x30)?)?;
    let (&id, rest) = parts.split_first()?;
    let (&operation, rest) = rest.split_first()?;
    let (controls, rest) = match rest.split_first() {
        Some((&first, rest)) if first.tag == 0xa0 => (self::controls(first.content)?, rest),
        // Controls, but for the bit that says that there are elements within: not something unknown.
        Some((&first, _)) if first.tag == 0x80 => return None,
        _ => (Vec::new(), rest),
    };
    extensions(rest)?;
    Some(Message { id: number(id, 0x02)?, answer: answer(operation)?, controls })
}

fn answer(operation: Element<'_>) -> Option<Answer<'_>> {
    match operation.tag {
        0x64 => entry(&all(operation.content)?),
        0x65 => done(&all(operation.content)?),
        0x73 => reference(operation),
        _ => None,
    }
}

fn reference(operation: Element<'_>) -> Option<Answer<'_>> {
    let uris = all(operation.content)?;
    let are_texts = !uris.is_empty() && uris.iter().all(|uri| uri.tag == 0x04);
    are_texts.then_some(Answer::Reference)
}

fn entry<'a>(parts: &[Element<'a>]) -> Option<Answer<'a>> {
    let [dn, list, rest @ ..] = parts else { return None };
    extensions(rest)?;
    let attributes = all(content(*list, 0x30)?)?.into_iter().map(attribute).collect::<Option<_>>()?;
    Some(Answer::Entry { dn: content(*dn, 0x04)?, attributes })
}

fn attribute(element: Element<'_>) -> Option<Attribute<'_>> {
    let parts = all(content(element, 0x30)?)?;
    let [name, values, rest @ ..] = &parts[..] else { return None };
    extensions(rest)?;
    let values = all(content(*values, 0x31)?)?.into_iter().map(|value| content(value, 0x04));
    Some((text(*name)?, values.collect::<Option<_>>()?))
}

fn done<'a>(parts: &[Element<'a>]) -> Option<Answer<'a>> {
    let [code, matched_dn, diagnostic, rest @ ..] = parts else { return None };
    extensions(rest)?;
    if let Some(referral) = rest.first().filter(|first| first.tag == 0xa3) {
        all(referral.content)?.into_iter().try_for_each(|uri| content(uri, 0x04).map(drop))?;
    }
    Some(Answer::Done {
        code: number(*code, 0x0a)?,
        matched_dn: content(*matched_dn, 0x04)?,
        diagnostic: content(*diagnostic, 0x04)?,
    })
}

fn controls(list: &[u8]) -> Option<Vec<Control<'_>>> {
    all(list)?.into_iter().map(control).collect()
}

fn control(element: Element<'_>) -> Option<Control<'_>> {
    let parts = all(content(element, 0x30)?)?;
    let (&name, mut rest) = parts.split_first()?;
    if let Some((criticality, behind)) = rest.split_first().filter(|(first, _)| first.tag == 0x01) {
        (criticality.content.len() == 1).then_some(())?;
        rest = behind;
    }
    let mut value = None;
    if let Some((first, behind)) = rest.split_first().filter(|(first, _)| first.tag == 0x04) {
        value = Some(first.content);
        rest = behind;
    }
    extensions(rest)?;
    Some((text(name)?, value))
}

fn content(element: Element<'_>, tag: u8) -> Option<&[u8]> {
    (element.tag == tag).then_some(element.content)
}

fn text(element: Element<'_>) -> Option<&str> {
    str::from_utf8(content(element, 0x04)?).ok()
}

/// From 0 to 2^31 - 1, `maxInt`.
pub(super) fn number(element: Element<'_>, tag: u8) -> Option<u32> {
    let octets = content(element, tag)?;
    let mut padded = [0; 4];
    padded.get_mut(4_usize.checked_sub(octets.len())?..)?.copy_from_slice(octets);
    let number = u32::from_be_bytes(padded);
    (!octets.is_empty() && octets[0] < 0x80).then_some(number)
}

fn extensions(rest: &[Element<'_>]) -> Option<()> {
    rest.iter().all(|element| element.is_extension()).then_some(())
}
