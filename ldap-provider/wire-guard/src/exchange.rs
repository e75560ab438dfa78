use std::io;
use std::time::Instant;

use bytes::Bytes;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout_at;

use crate::Violation;
use crate::ber::Reader;
use crate::frame::{FrameError, FrameReader};
use crate::message::operation::EXTENDED_RESPONSE;
use crate::message::{Message, OperationResult};

/// A request that got no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// No answer by the deadline.
    #[error("the server did not answer in time")]
    Timeout,
    /// The connection ended or failed.
    #[error("the connection to the server was lost: {0}")]
    Lost(io::Error),
    /// The server announced the end of the connection (RFC 4511 section 4.4.1).
    #[error("the server ended the connection, with result code {}: {}", .0.code, .0.diagnostic)]
    Disconnected(OperationResult),
    /// The server broke the protocol.
    #[error("the server broke the protocol: {0}")]
    Violation(#[from] Violation),
}

impl From<FrameError> for ExchangeError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Closed => Self::Lost(io::Error::new(io::ErrorKind::UnexpectedEof, "closed by the server")),
            FrameError::Lost(error) => Self::Lost(error),
            FrameError::Violation(violation) => Self::Violation(violation),
        }
    }
}

/// Makes sure that a request can be sent: that there is time left, that the connection has not ended, and that the
/// server has not spoken first, since an answer that was there before its request would be taken for one.
pub(crate) async fn ready(
    stream: &mut (impl AsyncRead + Unpin),
    reader: &mut FrameReader,
    deadline: Instant,
) -> Result<(), ExchangeError> {
    tokio::select! {
        biased;
        early = reader.next(stream) => return Err(too_early(&early?)),
        () = std::future::ready(()) => {}
    }
    if reader.has_unread() {
        return Err(SPOKE_FIRST.into());
    }
    // `timeout_at` polls first: without this, a request would be written although its time is over.
    if Instant::now() >= deadline { Err(ExchangeError::Timeout) } else { Ok(()) }
}

/// Sends a request on a connection that is [`ready`] and waits for the next message, whatever it is. The request is
/// dropped when it is sent: a password in it does not wait for the answer.
pub(crate) async fn exchange(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    reader: &mut FrameReader,
    request: impl AsRef<[u8]>,
    deadline: Instant,
) -> Result<Bytes, ExchangeError> {
    let answer = async {
        stream.write_all(request.as_ref()).await.map_err(ExchangeError::Lost)?;
        stream.flush().await.map_err(ExchangeError::Lost)?;
        drop(request);
        reader.next(stream).await.map_err(ExchangeError::from)
    };
    let answer = timeout_at(deadline.into(), answer).await.map_err(|_| ExchangeError::Timeout)??;
    match notice_of_disconnection(&Message::parse(&answer)?) {
        Some(notice) => Err(ExchangeError::Disconnected(notice)),
        None => Ok(answer),
    }
}

const SPOKE_FIRST: Violation = Violation::Unexpected("an answer before its request");

fn too_early(message: &[u8]) -> ExchangeError {
    match Message::parse(message).map(|message| notice_of_disconnection(&message)) {
        Ok(Some(notice)) => ExchangeError::Disconnected(notice),
        _ => SPOKE_FIRST.into(),
    }
}

/// What a Notice of Disconnection says, if the message is one. Active Directory puts the notice's name outside of the
/// operation; it is not asked for here, since no other message has the id 0.
pub(crate) fn notice_of_disconnection(message: &Message<'_>) -> Option<OperationResult> {
    if message.id != 0 || message.operation != EXTENDED_RESPONSE {
        return None;
    }
    OperationResult::read(&mut Reader::new(message.content)).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::{ExchangeError, exchange, notice_of_disconnection, ready};
    use crate::ber::wrap;
    use crate::frame::FrameReader;
    use crate::message::Message;

    const NAME: &[u8] = b"1.3.6.1.4.1.1466.20036";

    fn notice(inside: bool) -> Vec<u8> {
        let name = wrap(0x8a, NAME);
        let mut response = vec![0x0a, 1, 0x34, 4, 0, 4, 0];
        let mut content = vec![2, 1, 0];
        if inside {
            response.extend(&name);
        }
        content.extend(wrap(0x78, &response));
        if !inside {
            content.extend(&name);
        }
        wrap(0x30, &content)
    }

    #[test]
    fn a_notice_of_disconnection_is_understood_in_active_directorys_form_too() {
        for inside in [true, false] {
            let bytes = notice(inside);
            let result = notice_of_disconnection(&Message::parse(&bytes).unwrap()).unwrap();
            assert_eq!(result.code, 52);
        }
    }

    #[tokio::test]
    async fn a_connection_is_not_ready_when_time_is_over() {
        let (mut near, _far) = tokio::io::duplex(64);
        let mut reader = FrameReader::default();
        assert!(matches!(ready(&mut near, &mut reader, Instant::now()).await, Err(ExchangeError::Timeout)));
        assert!(ready(&mut near, &mut reader, Instant::now() + Duration::from_secs(20)).await.is_ok());
    }

    #[tokio::test]
    async fn a_request_is_dropped_when_it_is_sent_and_not_when_the_answer_comes() {
        struct Watched(Arc<AtomicBool>);
        impl AsRef<[u8]> for Watched {
            fn as_ref(&self) -> &[u8] {
                b"request"
            }
        }
        impl Drop for Watched {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let dropped = Arc::new(AtomicBool::new(false));
        let (mut near, mut far) = tokio::io::duplex(64);
        let mut reader = FrameReader::default();
        let soon = Instant::now() + Duration::from_secs(20);
        let (request, answer) = (Watched(dropped.clone()), [0x30, 5, 2, 1, 1, 0x65, 0]);
        let server = async {
            far.read_exact(&mut [0; 7]).await.unwrap();
            assert!(dropped.load(Ordering::Relaxed), "the answer is not sent yet");
            far.write_all(&answer).await.unwrap();
        };
        let (received, ()) = tokio::join!(exchange(&mut near, &mut reader, request, soon), server);
        assert_eq!(received.unwrap(), answer[..]);
    }
}
