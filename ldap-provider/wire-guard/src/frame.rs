//! Cutting a stream of octets into LDAP messages, and refusing those that are too large, nested too deeply or made of
//! too many elements before anybody else looks at them.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::Violation;
use crate::ber::{self, CONSTRUCTED, SEQUENCE};

/// The largest message that is accepted, in octets, header included.
pub const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// The deepest nesting that is accepted. A search result needs 5, a filter of ours is far below.
pub const MAX_DEPTH: usize = 32;

/// The most elements that a message may consist of. A library makes an object of some 50 octets of each, so that a
/// message of two-octet elements would cost it many times its size.
pub const MAX_ELEMENTS: usize = 100_000;

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

/// Reads messages from a stream. It keeps what was read beyond the message at hand, so there is one for each
/// direction of a connection, for all of its life.
#[derive(Debug, Default)]
pub struct FrameReader {
    buffer: BytesMut,
}

impl FrameReader {
    /// Whether octets were read that belong to no message handed out yet.
    pub fn has_unread(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The next whole message, checked for size, depth and number of elements.
    ///
    /// Safe to cancel: what has been read stays in the reader.
    pub async fn next(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> Result<Bytes, FrameError> {
        loop {
            if let Some(length) = complete_message(&self.buffer).map_err(FrameError::Violation)? {
                let message = self.buffer.split_to(length).freeze();
                check_elements(&message).map_err(FrameError::Violation)?;
                return Ok(message);
            }
            self.buffer.reserve(READ_AT_ONCE);
            match stream.read_buf(&mut self.buffer).await {
                Ok(0) if self.buffer.is_empty() => return Err(FrameError::Closed),
                Ok(0) => return Err(FrameError::Lost(std::io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(error) => return Err(FrameError::Lost(error)),
            }
        }
    }
}

/// The length of the message at the start of `bytes` if all of it is there. What can be refused is refused as soon as
/// its header is there.
pub fn complete_message(bytes: &[u8]) -> Result<Option<usize>, Violation> {
    if bytes.first().is_some_and(|&identifier| identifier != SEQUENCE) {
        return Err(Violation::Malformed("a message that does not begin as a SEQUENCE; is this an LDAP server?"));
    }
    let Some(header) = ber::header(bytes)? else { return Ok(None) };
    if header.total() > MAX_MESSAGE {
        return Err(Violation::MessageTooLarge { declared: header.total(), limit: MAX_MESSAGE });
    }
    Ok((bytes.len() >= header.total()).then(|| header.total()))
}

/// Checks that elements lie within their parents, are not nested too deeply and are not too many, in one pass and
/// without recursion.
pub fn check_elements(message: &[u8]) -> Result<(), Violation> {
    // Where the elements that are open at present end. The array is the limit.
    let mut ends = [0_usize; MAX_DEPTH];
    let mut depth = 0_usize;
    let mut elements = 0_usize;
    let mut position = 0_usize;
    let mut limit = message.len();
    loop {
        while position == limit {
            if depth == 0 {
                return Ok(());
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
    use super::{FrameError, FrameReader, MAX_DEPTH, MAX_ELEMENTS, MAX_MESSAGE, check_elements, complete_message};
    use crate::Violation;
    use crate::ber::wrap;

    fn nested(levels: usize) -> Vec<u8> {
        (0..levels).fold(Vec::new(), |inner, _| wrap(0x30, &inner))
    }

    #[test]
    fn nesting_is_accepted_up_to_the_limit_and_not_beyond() {
        assert_eq!(check_elements(&nested(MAX_DEPTH)), Ok(()));
        assert_eq!(check_elements(&nested(MAX_DEPTH + 1)), Err(Violation::TooDeep { limit: MAX_DEPTH }));
        assert_eq!(check_elements(&nested(100_000)), Err(Violation::TooDeep { limit: MAX_DEPTH }));
    }

    #[test]
    fn elements_are_accepted_up_to_the_limit_and_not_beyond() {
        let of = |inner: usize| wrap(0x30, &[4, 0].repeat(inner));
        assert_eq!(check_elements(&of(MAX_ELEMENTS - 1)), Ok(()));
        assert_eq!(check_elements(&of(MAX_ELEMENTS)), Err(Violation::TooManyElements { limit: MAX_ELEMENTS }));
    }

    #[test]
    fn a_message_too_large_is_refused_at_its_header() {
        let declared = [0x30, 0x84, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(
            complete_message(&declared),
            Err(Violation::MessageTooLarge { declared: 0x1_0000_0005, limit: MAX_MESSAGE })
        );
    }

    #[test]
    fn an_inner_element_longer_than_the_message_is_refused_at_once() {
        assert_eq!(check_elements(&[0x30, 0x03, 0x02, 0x05, 0x01]), Err(Violation::Overrun));
        assert_eq!(check_elements(&[0x30, 0x04, 0x30, 0x01, 0x02, 0x00]), Err(Violation::Overrun));
    }

    #[test]
    fn what_is_not_ldap_is_refused_at_its_first_octet() {
        assert!(matches!(complete_message(b"HTTP/1.1 400"), Err(Violation::Malformed(_))));
    }

    #[tokio::test]
    async fn messages_are_cut_wherever_the_stream_was_cut() {
        let messages = [wrap(0x30, &[2, 1, 1]), wrap(0x30, &[4; 4]), wrap(0x30, &[])];
        let all = messages.concat();
        let (mut near, mut far) = tokio::io::duplex(1);
        let writer = tokio::spawn(async move { tokio::io::AsyncWriteExt::write_all(&mut far, &all).await });
        let mut reader = FrameReader::default();
        assert_eq!(reader.next(&mut near).await.unwrap(), messages[0]);
        // `04 04 04 04` declares four octets and has two: found when the message is whole.
        assert!(matches!(reader.next(&mut near).await, Err(FrameError::Violation(Violation::Overrun))));
        assert_eq!(reader.next(&mut near).await.unwrap(), messages[2]);
        assert!(matches!(reader.next(&mut near).await, Err(FrameError::Closed)));
        writer.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_stream_that_ends_within_a_message_is_lost_and_not_closed() {
        let mut stream = &[0x30, 0x0c, 0x02][..];
        assert!(matches!(FrameReader::default().next(&mut stream).await, Err(FrameError::Lost(_))));
    }
}
