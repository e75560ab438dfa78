use std::io;
use std::time::Instant;

use bytes::Bytes;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout_at;

use crate::Violation;
use crate::frame::FrameError;
use crate::incoming::Incoming;
use crate::message::OperationResult;

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

/// Makes sure that a request can be sent: that the connection is [`silent`], and that there is time left.
pub(crate) async fn ready(
    stream: &mut (impl AsyncRead + Unpin),
    incoming: &mut Incoming,
    deadline: Instant,
) -> Result<(), ExchangeError> {
    silent(stream, incoming).await?;
    // `timeout_at` polls first: without this, a request would be written although its time is over.
    if Instant::now() >= deadline { Err(ExchangeError::Timeout) } else { Ok(()) }
}

/// Makes sure that the connection has not ended and that the server has not spoken first, since an answer that was there
/// before its request would be taken for one. Does not wait.
pub(crate) async fn silent(
    stream: &mut (impl AsyncRead + Unpin),
    incoming: &mut Incoming,
) -> Result<(), ExchangeError> {
    const SPOKE_FIRST: Violation = Violation::Unexpected("an answer before its request");
    tokio::select! {
        biased;
        early = incoming.answer(stream) => {
            early?;
            return Err(SPOKE_FIRST.into());
        }
        () = std::future::ready(()) => {}
    }
    if incoming.has_unread() { Err(SPOKE_FIRST.into()) } else { Ok(()) }
}

/// Sends a request on a connection that is [`ready`] and waits for the next answer, whatever it is. The request is
/// dropped when it is sent: a password in it does not wait for the answer.
pub(crate) async fn exchange(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    incoming: &mut Incoming,
    request: impl AsRef<[u8]>,
    deadline: Instant,
) -> Result<Bytes, ExchangeError> {
    let answer = async {
        stream.write_all(request.as_ref()).await.map_err(ExchangeError::Lost)?;
        stream.flush().await.map_err(ExchangeError::Lost)?;
        drop(request);
        incoming.answer(stream).await
    };
    let answer = timeout_at(deadline.into(), answer).await.map_err(|_| ExchangeError::Timeout)??;
    Ok(answer.bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::{ExchangeError, exchange, ready};
    use crate::incoming::Incoming;
    use crate::limits::Limits;

    #[tokio::test]
    async fn a_connection_is_not_ready_when_time_is_over() {
        let (mut near, _far) = tokio::io::duplex(64);
        let mut incoming = Incoming::new(Limits::LOGIN);
        assert!(matches!(ready(&mut near, &mut incoming, Instant::now()).await, Err(ExchangeError::Timeout)));
        assert!(ready(&mut near, &mut incoming, Instant::now() + Duration::from_secs(20)).await.is_ok());
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
        let mut incoming = Incoming::new(Limits::LOGIN);
        let soon = Instant::now() + Duration::from_secs(20);
        let (request, answer) = (Watched(dropped.clone()), [0x30, 5, 2, 1, 1, 0x65, 0]);
        let server = async {
            far.read_exact(&mut [0; 7]).await.unwrap();
            assert!(dropped.load(Ordering::Relaxed), "the answer is not sent yet");
            far.write_all(&answer).await.unwrap();
        };
        let (received, ()) = tokio::join!(exchange(&mut near, &mut incoming, request, soon), server);
        assert_eq!(received.unwrap(), answer[..]);
    }
}
