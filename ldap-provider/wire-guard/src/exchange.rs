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

/// A request that got no answer. It may have reached the server nevertheless.
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

/// Sends a request and waits for the next message, whatever it is.
///
/// Nothing is sent on a connection that has ended already, or on which the server has spoken first: an answer that was
/// there before its request would be taken for one.
pub(crate) async fn exchange(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    reader: &mut FrameReader,
    request: &[u8],
    deadline: Instant,
) -> Result<Bytes, ExchangeError> {
    tokio::select! {
        biased;
        early = reader.next(stream) => return Err(too_early(&early?)),
        () = std::future::ready(()) => {}
    }
    if reader.has_unread() {
        return Err(SPOKE_FIRST.into());
    }
    let answer = async {
        stream.write_all(request).await.map_err(ExchangeError::Lost)?;
        stream.flush().await.map_err(ExchangeError::Lost)?;
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
    use super::notice_of_disconnection;
    use crate::ber::wrap;
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
}
