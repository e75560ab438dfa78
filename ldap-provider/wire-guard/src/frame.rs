//! Cutting a stream of octets into LDAP messages, and refusing those that are too large, nested too deeply or made of
//! too many elements before anybody else looks at them.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::Violation;
use crate::ber::{self, CONSTRUCTED, SEQUENCE};

/// The deepest nesting that is accepted. A search result needs 5, a filter of ours is far below.
pub const MAX_DEPTH: usize = 32;

/// The most elements that a message may consist of. A library makes objects of each, up to some 250 octets, so that a
/// message of two-octet elements would cost it a hundred times its size.
pub const MAX_ELEMENTS: usize = 16_384;

/// How much is asked of the stream at a time, in octets.
const READ_AT_ONCE: usize = 16 * 1024;

/// Why no further message came.
#[derive(Debug)]
pub enum FrameError {
    /// The stream ended between two messages.
    Closed,
    /// The stream ended within a message, or failed.
    Lost(std::io::Error),
    /// What came is no message.
    Violation(Violation),
}

/// A whole message that is sound as far as can be told without knowing what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The message, header included.
    pub bytes: Bytes,
    /// How many elements it consists of, itself included.
    pub elements: usize,
}

/// Reads messages from a stream. It keeps what was read beyond the message at hand, so there is one for each
/// direction of a connection, for all of its life.
#[derive(Debug)]
pub struct FrameReader {
    buffer: BytesMut,
    max_message: usize,
}

impl FrameReader {
    /// A reader that accepts messages of up to `max_message` octets.
    pub fn new(max_message: usize) -> Self {
        Self { buffer: BytesMut::new(), max_message }
    }

    /// Whether octets were read that belong to no message handed out yet.
    pub fn has_unread(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The next whole message, checked for size, depth and number of elements.
    ///
    /// Safe to cancel: what has been read stays in the reader.
    pub async fn next(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> Result<Frame, FrameError> {
        loop {
            let missing = match self.cut().map_err(FrameError::Violation)? {
                Cut::Whole(frame) => return Ok(frame),
                Cut::Missing(octets) => octets,
            };
            // At once for the whole message: a buffer that doubles as it grows takes up to three times the room.
            // Memory that is reserved and not written to costs nothing.
            self.buffer.reserve(missing.max(READ_AT_ONCE));
            match stream.read_buf(&mut self.buffer).await {
                Ok(0) if self.buffer.is_empty() => return Err(FrameError::Closed),
                Ok(0) => return Err(FrameError::Lost(std::io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(error) => return Err(FrameError::Lost(error)),
            }
        }
    }

    /// The next whole message if it has been read already, checked as by [`next`](Self::next).
    pub fn next_read(&mut self) -> Result<Option<Frame>, Violation> {
        Ok(match self.cut()? {
            Cut::Whole(frame) => Some(frame),
            Cut::Missing(_) => None,
        })
    }

    fn cut(&mut self) -> Result<Cut, Violation> {
        let Some(length) = declared_length(&self.buffer, self.max_message)? else { return Ok(Cut::Missing(0)) };
        if let Some(missing @ 1..) = length.checked_sub(self.buffer.len()) {
            return Ok(Cut::Missing(missing));
        }
        let bytes = self.buffer.split_to(length).freeze();
        let elements = check_elements(&bytes)?;
        Ok(Cut::Whole(Frame { bytes, elements }))
    }
}

/// What there is at the start of the buffer.
enum Cut {
    Whole(Frame),
    /// A part of a message, of which so many octets are missing, or 0 if that cannot be told yet.
    Missing(usize),
}

/// The length of the message at the start of `bytes`, as its header declares it; `None` while octets of the header are
/// missing. What can be refused is refused now, before there is more of it.
pub fn declared_length(bytes: &[u8], max_message: usize) -> Result<Option<usize>, Violation> {
    if bytes.first().is_some_and(|&identifier| identifier != SEQUENCE) {
        return Err(Violation::Malformed("a message that does not begin as a SEQUENCE; is this an LDAP server?"));
    }
    let Some(header) = ber::header(bytes)? else { return Ok(None) };
    if header.total() > max_message {
        return Err(Violation::MessageTooLarge { declared: header.total(), limit: max_message });
    }
    Ok(Some(header.total()))
}

/// Checks that elements lie within their parents, are not nested too deeply and are not too many, in one pass and
/// without recursion. Returns their number.
pub fn check_elements(message: &[u8]) -> Result<usize, Violation> {
    // Where the elements that are open at present end. The array is the limit.
    let mut ends = [0_usize; MAX_DEPTH];
    let mut depth = 0_usize;
    let mut elements = 0_usize;
    let mut position = 0_usize;
    let mut limit = message.len();
    loop {
        while position == limit {
            if depth == 0 {
                return Ok(elements);
            }
            depth -= 1;
            limit = *ends.get(depth).ok_or(Violation::TooDeep { limit: MAX_DEPTH })?;
        }
        elements += 1;
        if elements > MAX_ELEMENTS {
            return Err(Violation::TooManyElements { limit: MAX_ELEMENTS });
        }
        let rest = message.get(position..limit).ok_or(Violation::Overrun)?;
        let header = ber::header(rest)?.ok_or(Violation::Overrun)?;
        if header.total() > rest.len() {
            return Err(Violation::Overrun);
        }
        if header.identifier & CONSTRUCTED == 0 {
            position += header.total();
        } else {
            *ends.get_mut(depth).ok_or(Violation::TooDeep { limit: MAX_DEPTH })? = limit;
            depth += 1;
            limit = position + header.total();
            position += header.length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FrameError, FrameReader, MAX_DEPTH, MAX_ELEMENTS, check_elements, declared_length};
    use crate::Violation;
    use crate::ber::wrap;

    const LIMIT: usize = 1024 * 1024;

    fn nested(levels: usize) -> Vec<u8> {
        let header = |within: usize| {
            let [.., a, b, c, d] = (within * 6).to_be_bytes();
            [0x30, 0x84, a, b, c, d]
        };
        (0..levels).rev().flat_map(header).collect()
    }

    #[test]
    fn nesting_is_accepted_up_to_the_limit_and_not_beyond() {
        assert_eq!(check_elements(&nested(MAX_DEPTH)), Ok(MAX_DEPTH));
        assert_eq!(check_elements(&nested(MAX_DEPTH + 1)), Err(Violation::TooDeep { limit: MAX_DEPTH }));
        assert_eq!(check_elements(&nested(100_000)), Err(Violation::TooDeep { limit: MAX_DEPTH }));
    }

    #[test]
    fn elements_are_accepted_up_to_the_limit_and_not_beyond() {
        let of = |inner: usize| wrap(0x30, &[4, 0].repeat(inner));
        assert_eq!(check_elements(&of(MAX_ELEMENTS - 1)), Ok(MAX_ELEMENTS));
        assert_eq!(check_elements(&of(MAX_ELEMENTS)), Err(Violation::TooManyElements { limit: MAX_ELEMENTS }));
    }

    #[test]
    fn a_message_too_large_is_refused_at_its_header() {
        let declared = [0x30, 0x84, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(
            declared_length(&declared, LIMIT),
            Err(Violation::MessageTooLarge { declared: 0x1_0000_0005, limit: LIMIT })
        );
        let mut longest = vec![0x30, 0x83, 0x0f, 0xff, 0xfb];
        assert_eq!(declared_length(&longest, LIMIT), Ok(Some(LIMIT)));
        longest[4] += 1;
        assert!(declared_length(&longest, LIMIT).is_err());
    }

    #[test]
    fn an_inner_element_longer_than_the_message_is_refused_at_once() {
        assert_eq!(check_elements(&[0x30, 0x03, 0x02, 0x05, 0x01]), Err(Violation::Overrun));
        assert_eq!(check_elements(&[0x30, 0x04, 0x30, 0x01, 0x02, 0x00]), Err(Violation::Overrun));
    }

    #[test]
    fn what_is_not_ldap_is_refused_at_its_first_octet() {
        assert!(matches!(declared_length(b"HTTP/1.1 400", LIMIT), Err(Violation::Malformed(_))));
    }

    #[tokio::test]
    async fn messages_are_cut_wherever_the_stream_was_cut() {
        let messages = [wrap(0x30, &[2, 1, 1]), wrap(0x30, &[4; 4]), wrap(0x30, &[])];
        let all = messages.concat();
        let (mut near, mut far) = tokio::io::duplex(1);
        let writer = tokio::spawn(async move { tokio::io::AsyncWriteExt::write_all(&mut far, &all).await });
        let mut reader = FrameReader::new(LIMIT);
        assert_eq!(reader.next(&mut near).await.unwrap().bytes, messages[0]);
        // `04 04 04 04` declares four octets and has two: found when the message is whole.
        assert!(matches!(reader.next(&mut near).await, Err(FrameError::Violation(Violation::Overrun))));
        assert_eq!(reader.next(&mut near).await.unwrap().bytes, messages[2]);
        assert!(matches!(reader.next(&mut near).await, Err(FrameError::Closed)));
        writer.await.unwrap().unwrap();
    }

    #[test]
    fn no_nesting_needs_more_stack_than_any_other() {
        let deep = nested(1_000_000);
        let checked = std::thread::Builder::new().stack_size(64 * 1024).spawn(move || check_elements(&deep)).unwrap();
        assert_eq!(checked.join().unwrap(), Err(Violation::TooDeep { limit: MAX_DEPTH }));
    }

    #[tokio::test]
    async fn a_stream_that_ends_within_a_message_is_lost_and_not_closed() {
        let mut stream = &[0x30, 0x0c, 0x02][..];
        assert!(matches!(FrameReader::new(LIMIT).next(&mut stream).await, Err(FrameError::Lost(_))));
    }
}
