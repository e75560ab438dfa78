//! Cutting a stream of octets into LDAP messages, and refusing those that are too large, nested too deeply or made of
//! too many elements before anybody else looks at them.

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::Violation;
use crate::ber::{self, CONSTRUCTED, SEQUENCE};
use crate::limits::UNWANTED;
use crate::message::id_and_operation;
use crate::message::operation::SEARCH_ENTRY;

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

/// An entry that is too large to be taken, of which the beginning was read and the rest is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Oversized {
    /// The search that it answers, as it says.
    pub(crate) id: u32,
    /// How long it is.
    pub(crate) octets: usize,
    /// What there is too much of.
    pub(crate) violation: Violation,
}

/// What comes next on a stream that many searches share.
#[derive(Debug)]
pub(crate) enum Next {
    Whole(Frame),
    Oversized(Oversized),
}

/// Reads messages from a stream. It keeps what was read beyond the message at hand, so there is one for each
/// direction of a connection, for all of its life.
#[derive(Debug)]
pub struct FrameReader {
    buffer: BytesMut,
    max_message: usize,
    /// How many octets are still to come of a message that was too large.
    passing_over: usize,
}

impl FrameReader {
    /// A reader that accepts messages of up to `max_message` octets.
    pub fn new(max_message: usize) -> Self {
        Self { buffer: BytesMut::new(), max_message, passing_over: 0 }
    }

    /// Whether octets were read that belong to no message handed out yet.
    pub fn has_unread(&self) -> bool {
        !self.buffer.is_empty() || self.passing_over > 0
    }

    /// The next whole message, checked for size, depth and number of elements.
    ///
    /// Safe to cancel: what has been read stays in the reader.
    pub async fn next(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> Result<Frame, FrameError> {
        match self.read(stream, Oversize::Refused).await? {
            Next::Whole(frame) => Ok(frame),
            Next::Oversized(entry) => Err(FrameError::Violation(entry.violation)),
        }
    }

    /// The same, but for entries that are too large or of too many elements: of these, what they answer is told, and the
    /// rest is passed over and lies nowhere.
    pub(crate) async fn next_or_oversized(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> Result<Next, FrameError> {
        self.read(stream, Oversize::PassedOver).await
    }

    async fn read(&mut self, stream: &mut (impl AsyncRead + Unpin), oversize: Oversize) -> Result<Next, FrameError> {
        loop {
            let missing = match self.cut(oversize).map_err(FrameError::Violation)? {
                Cut::There(next) => return Ok(next),
                Cut::Missing(octets) => octets,
            };
            // At once for the whole message: a buffer that doubles as it grows takes up to three times the room.
            // Memory that is reserved and not written to costs nothing.
            self.buffer.reserve(missing.max(READ_AT_ONCE));
            match stream.read_buf(&mut self.buffer).await {
                Ok(0) if !self.has_unread() => return Err(FrameError::Closed),
                Ok(0) => return Err(FrameError::Lost(std::io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(error) => return Err(FrameError::Lost(error)),
            }
        }
    }

    /// The next whole message if it has been read already, checked as by [`next`](Self::next).
    pub fn next_read(&mut self) -> Result<Option<Frame>, Violation> {
        match self.cut(Oversize::Refused)? {
            Cut::There(Next::Whole(frame)) => Ok(Some(frame)),
            Cut::There(Next::Oversized(entry)) => Err(entry.violation),
            Cut::Missing(_) => Ok(None),
        }
    }

    fn cut(&mut self, oversize: Oversize) -> Result<Cut, Violation> {
        let passed_over = self.passing_over.min(self.buffer.len());
        self.buffer.advance(passed_over);
        self.passing_over -= passed_over;
        if self.passing_over > 0 {
            return Ok(Cut::Missing(0));
        }
        let length = match declared_length(&self.buffer, self.max_message) {
            Ok(Some(length)) => length,
            Ok(None) => return Ok(Cut::Missing(0)),
            Err(violation @ Violation::MessageTooLarge { declared, .. })
                if oversize == Oversize::PassedOver && declared <= UNWANTED =>
            {
                return self.pass_over(declared, violation);
            }
            Err(violation) => return Err(violation),
        };
        if let Some(missing @ 1..) = length.checked_sub(self.buffer.len()) {
            return Ok(Cut::Missing(missing));
        }
        let checked = check_elements(self.buffer.get(..length).unwrap_or_default());
        if let Err(violation @ Violation::TooManyElements { .. }) = checked
            && oversize == Oversize::PassedOver
        {
            return self.pass_over(length, violation);
        }
        let bytes = self.buffer.split_to(length).freeze();
        Ok(Cut::There(Next::Whole(Frame { bytes, elements: checked? })))
    }

    /// Passes over the message at the start of the buffer as it comes, if it is an entry. Nobody but a server's
    /// administrator makes anything else so large.
    fn pass_over(&mut self, octets: usize, violation: Violation) -> Result<Cut, Violation> {
        match id_and_operation(&self.buffer)? {
            None => Ok(Cut::Missing(0)),
            Some((id, SEARCH_ENTRY)) => {
                self.passing_over = octets;
                Ok(Cut::There(Next::Oversized(Oversized { id, octets, violation })))
            }
            Some(_) => Err(violation),
        }
    }
}

/// What becomes of an entry that is too large.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Oversize {
    Refused,
    PassedOver,
}

/// What there is at the start of the buffer.
enum Cut {
    There(Next),
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
    use super::{
        FrameError, FrameReader, MAX_DEPTH, MAX_ELEMENTS, Next, Oversized, READ_AT_ONCE, check_elements,
        declared_length,
    };
    use crate::Violation;
    use crate::ber::wrap;
    use crate::limits::UNWANTED;

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

    /// An entry of so many octets in all, more than 64 KiB, that answers the search 7.
    fn entry_of(octets: usize) -> Vec<u8> {
        let behind = |header: usize| u32::try_from(octets - header).unwrap().to_be_bytes();
        let mut entry = [&[0x30, 0x84][..], &behind(6), &[2, 1, 7, 0x64, 0x84], &behind(15), &[4, 0x84]].concat();
        entry.extend(behind(21));
        entry.resize(octets, b'x');
        entry
    }

    #[tokio::test]
    async fn an_entry_that_is_too_large_is_passed_over_and_lies_nowhere() {
        let many_elements = wrap(0x30, &[vec![2, 1, 7], wrap(0x64, &[4, 0].repeat(MAX_ELEMENTS))].concat());
        let large = Violation::MessageTooLarge { declared: LIMIT + 1, limit: LIMIT };
        let many = Violation::TooManyElements { limit: MAX_ELEMENTS };
        for (entry, violation) in [(entry_of(LIMIT + 1), large), (many_elements, many)] {
            let expected = Oversized { id: 7, octets: entry.len(), violation };
            let all = [entry.clone(), entry.clone(), wrap(0x30, &[2, 1, 1])].concat();
            let mut stream = all.as_slice();
            let mut reader = FrameReader::new(LIMIT);
            for _ in 0..2 {
                let next = reader.next_or_oversized(&mut stream).await.unwrap();
                assert!(matches!(next, Next::Oversized(oversized) if oversized == expected), "{next:?}");
                assert!(reader.has_unread(), "its rest");
            }
            let next = reader.next_or_oversized(&mut stream).await.unwrap();
            assert!(matches!(next, Next::Whole(frame) if frame.bytes[..] == [0x30, 3, 2, 1, 1]));
            assert!(reader.buffer.capacity() <= entry.len().min(LIMIT) + READ_AT_ONCE);
            // Who has a connection to himself has no use for what follows.
            let refused = FrameReader::new(LIMIT).next(&mut all.as_slice()).await;
            assert!(matches!(refused, Err(FrameError::Violation(refused)) if refused == violation));
            let mut part = &all[..entry.len() - 1];
            let mut reader = FrameReader::new(LIMIT);
            if let Ok(Next::Oversized(_)) = reader.next_or_oversized(&mut part).await {
                assert!(matches!(reader.next_or_oversized(&mut part).await, Err(FrameError::Lost(_))));
            }
        }
    }

    #[tokio::test]
    async fn what_is_too_large_and_no_entry_or_beyond_all_measure_is_refused() {
        let mut result = entry_of(LIMIT + 1);
        result[9] = 0x65;
        let beyond = entry_of(UNWANTED + 1)[..64].to_vec();
        for octets in [result, beyond] {
            let refused = FrameReader::new(LIMIT).next_or_oversized(&mut octets.as_slice()).await;
            assert!(matches!(refused, Err(FrameError::Violation(Violation::MessageTooLarge { limit: LIMIT, .. }))));
        }
    }

    #[tokio::test]
    async fn a_stream_that_ends_within_a_message_is_lost_and_not_closed() {
        let mut stream = &[0x30, 0x0c, 0x02][..];
        assert!(matches!(FrameReader::new(LIMIT).next(&mut stream).await, Err(FrameError::Lost(_))));
    }
}
