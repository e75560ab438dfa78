use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};
use wire_guard::frame::{FrameError, FrameReader, check_elements};

use super::rfc4511;

/// The limits that an input of [`framing`] chooses from, in octets. Small ones, so that a small input meets them.
pub const FRAMING_LIMITS: [usize; 4] = [16, 200, 5_000, 1024 * 1024];

/// How many octets one read may bring beyond what is missing of the message at hand. The reader asks for 16 KiB at a
/// time, and its buffer may have grown to twice of that.
const ONE_READ: usize = 64 * 1024;

/// A stream of octets is cut into messages.
///
/// The input is: which of the limits, four octets that say where the stream is cut, the stream.
///
/// - However the stream is cut, and however often the reader is cancelled, the messages and the end are the same.
/// - The messages are a prefix of the stream, none longer than the limit, each sound according to a second opinion.
/// - No more than the limit and one read is ever held.
pub fn framing(input: &[u8]) {
    let Some((&[limit, cuts @ ..], stream)) = input.split_first_chunk::<5>() else { return };
    let limit = FRAMING_LIMITS[usize::from(limit) % FRAMING_LIMITS.len()];
    let whole = read(stream, limit, &[]);
    assert!(whole == read(stream, limit, &cuts), "it matters where the stream is cut: {:02x?}", start(stream));
    let mut rest = stream;
    for message in &whole.messages {
        assert!(message.len() <= limit, "a message of {} octets, with a limit of {limit}", message.len());
        rest = rest.strip_prefix(&message[..]).expect("the messages are a prefix of the stream");
        assert_eq!(check_elements(message).ok(), rfc4511::count(message));
    }
    match whole.end {
        End::Closed => assert!(rest.is_empty(), "octets are left over"),
        End::Lost => assert!(!rest.is_empty(), "the stream ended between two messages"),
        End::Violation => assert!(is_unsound(rest, limit), "a sound message was refused: {:02x?}", start(rest)),
    }
}

/// Whether a reader is right to refuse what comes next, without waiting for more of it.
fn is_unsound(rest: &[u8], limit: usize) -> bool {
    if rest.first().is_some_and(|&tag| tag != 0x30) {
        return true;
    }
    match rfc4511::extent(rest) {
        Err(()) => true,
        Ok(None) => false,
        Ok(Some((_, end))) if end > limit as u64 => true,
        Ok(Some((_, end))) => {
            let whole = usize::try_from(end).ok().and_then(|end| rest.get(..end));
            whole.is_some_and(|message| rfc4511::count(message).is_none())
        }
    }
}

/// Enough to know it by.
fn start(octets: &[u8]) -> &[u8] {
    &octets[..octets.len().min(64)]
}

/// What came of a stream.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    messages: Vec<Bytes>,
    end: End,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Closed,
    Lost,
    Violation,
}

fn read(octets: &[u8], limit: usize, cuts: &[u8]) -> Outcome {
    let mut stream = Cut { left: octets, cuts, turn: 0 };
    let mut reader = FrameReader::new(limit);
    let mut messages = Vec::new();
    let mut handed_out = 0;
    let end = loop {
        let next = step(&mut reader, &mut stream);
        let held = octets.len() - stream.left.len() - handed_out;
        assert!(held <= limit + ONE_READ, "{held} octets are held, with a limit of {limit}");
        match next {
            // Cancelled: whoever waits begins anew.
            Poll::Pending => {}
            Poll::Ready(Ok(message)) => {
                handed_out += message.len();
                messages.push(message);
            }
            Poll::Ready(Err(FrameError::Closed)) => break End::Closed,
            Poll::Ready(Err(FrameError::Lost(_))) => break End::Lost,
            Poll::Ready(Err(FrameError::Violation(_))) => break End::Violation,
        }
    };
    Outcome { messages, end }
}

/// Polls once, and drops what is not ready.
fn step(reader: &mut FrameReader, stream: &mut Cut<'_>) -> Poll<Result<Bytes, FrameError>> {
    let next = pin!(reader.next(stream));
    next.poll(&mut Context::from_waker(Waker::noop())).map_ok(|frame| frame.bytes)
}

/// A stream that brings as many octets at a time as `cuts` say in turn: none, for 0, and as many as there is room for,
/// if `cuts` say nothing.
struct Cut<'a> {
    left: &'a [u8],
    cuts: &'a [u8],
    turn: usize,
}

impl AsyncRead for Cut<'_> {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let most = match this.cuts.get(this.turn % this.cuts.len().max(1)) {
            None => usize::MAX,
            // Were all cuts 0, nothing would ever come.
            Some(0) if this.cuts.iter().any(|&cut| cut != 0) => 0,
            Some(0) => 1,
            Some(&octets) => usize::from(octets),
        };
        this.turn += 1;
        if most == 0 && !this.left.is_empty() {
            return Poll::Pending;
        }
        let (now, later) = this.left.split_at(this.left.len().min(most).min(buffer.remaining()));
        buffer.put_slice(now);
        this.left = later;
        Poll::Ready(Ok(()))
    }
}
