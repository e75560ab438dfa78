use std::time::Instant;

use tokio::net::TcpStream;

use crate::Violation;
use crate::ber::{self, Reader};
use crate::connection::SecureError;
use crate::exchange::{ExchangeError, exchange, ready};
use crate::incoming::Incoming;
use crate::limits::Limits;
use crate::message::operation::{EXTENDED_REQUEST, EXTENDED_RESPONSE};
use crate::message::{self, Message, OperationResult};

/// The name of the operation, RFC 4511 section 4.14.
const OID: &[u8] = b"1.3.6.1.4.1.1466.20037";

/// `requestName [0]` within an extended request.
const REQUEST_NAME: u8 = 0x80;

/// Asks the server to go on with TLS. Anything but success is an error: there is no going on in the clear.
pub(crate) async fn start_tls(
    tcp: &mut TcpStream,
    id: u32,
    limits: Limits,
    deadline: Instant,
) -> Result<(), SecureError> {
    let mut incoming = Incoming::new(limits);
    ready(tcp, &mut incoming, deadline).await?;
    let answer = exchange(tcp, &mut incoming, request(id), deadline).await?;
    let result =
        parse(&Message::parse(&answer).map_err(ExchangeError::Violation)?, id).map_err(ExchangeError::Violation)?;
    if result.code != 0 {
        return Err(SecureError::StartTlsRefused(result));
    }
    // What came in the clear behind the answer would be taken for something that came under TLS.
    if incoming.has_unread() {
        return Err(ExchangeError::Violation(Violation::DataBehindStartTls).into());
    }
    Ok(())
}

fn request(id: u32) -> Vec<u8> {
    message::encode(id, &ber::wrap(EXTENDED_REQUEST, &ber::wrap(REQUEST_NAME, OID)))
}

fn parse(message: &Message<'_>, id: u32) -> Result<OperationResult, Violation> {
    if message.operation != EXTENDED_RESPONSE || message.id != id {
        return Err(Violation::Unexpected("StartTLS answered by something other than its ExtendedResponse"));
    }
    let mut content = Reader::new(message.content);
    let result = OperationResult::read(&mut content)?;
    // Its own name may follow, which some servers leave out.
    content.extensions("something behind the answer to StartTLS that is no extension")?;
    message.controls()?;
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::request;

    #[test]
    fn the_request_is_encoded_as_rfc_4511_has_it() {
        let start = [0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16];
        assert_eq!(request(1), [&start[..], b"1.3.6.1.4.1.1466.20037"].concat());
    }
}
