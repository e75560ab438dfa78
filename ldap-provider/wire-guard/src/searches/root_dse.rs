use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout_at;

use super::entries::{NextEntry, next_entry, send_search};
use super::found::Found;
use super::request::{SearchScope, SearchTemplate};
use crate::Violation;
use crate::ber;
use crate::exchange::ExchangeError;
use crate::incoming::Incoming;
use crate::outstanding::Outstanding;

/// `present [7]` of a filter (RFC 4511 section 4.5.1.7).
const PRESENT: u8 = 0x87;

/// Reads the root DSE on a connection that is ready and has no other request under way.
pub(crate) async fn root_dse(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    incoming: &mut Incoming,
    id: u32,
    attributes: &[impl AsRef<str>],
    deadline: Instant,
) -> Result<Found, ExchangeError> {
    let template = SearchTemplate::new("", SearchScope::Base, 1, attributes);
    let request = template.with_filter(&ber::wrap(PRESENT, b"objectClass"));
    let outstanding = Outstanding::new(incoming.limits().search);
    outstanding.begin(id);
    let exchange = async {
        send_search(stream, id, &request, None).await?;
        let mut entries = Vec::new();
        loop {
            match next_entry(stream, incoming, &outstanding).await? {
                NextEntry::Entry(_) if !entries.is_empty() => {
                    return Err(Violation::Unexpected("a second root DSE").into());
                }
                NextEntry::Entry(entry) => entries.push(entry),
                NextEntry::End(result, controls) => return Ok(Found { entries, end: Some((result, controls)) }),
            }
        }
    };
    timeout_at(deadline.into(), exchange).await.map_err(|_| ExchangeError::Timeout)?
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::root_dse;
    use crate::Violation;
    use crate::ber::wrap;
    use crate::exchange::ExchangeError;
    use crate::incoming::Incoming;
    use crate::limits::Limits;
    use crate::searches::Found;

    fn message(id: u8, operation: u8, content: &[u8]) -> Vec<u8> {
        wrap(0x30, &[&[2, 1, id][..], &wrap(operation, content)].concat())
    }

    fn entry(id: u8) -> Vec<u8> {
        let values = wrap(0x31, &wrap(4, b"389 Project"));
        let attribute = wrap(0x30, &[wrap(4, b"vendorName"), values].concat());
        message(id, 0x64, &[wrap(4, b""), wrap(0x30, &attribute)].concat())
    }

    fn done(id: u8, code: u8) -> Vec<u8> {
        message(id, 0x65, &[0x0a, 1, code, 4, 0, 4, 0])
    }

    async fn read(answer: Vec<u8>) -> Result<Found, ExchangeError> {
        let (mut near, mut far) = tokio::io::duplex(4096);
        let server = async {
            let mut request = [0; 64];
            let length = far.read(&mut request).await.unwrap();
            assert!(request[..length].ends_with(b"vendorName"));
            far.write_all(&answer).await.unwrap();
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut incoming = Incoming::new(Limits::LOGIN);
        let (found, ()) = tokio::join!(root_dse(&mut near, &mut incoming, 7, &["vendorName"], deadline), server);
        found
    }

    #[tokio::test]
    async fn what_the_server_says_is_handed_on_and_so_is_why_it_says_nothing() {
        assert_eq!(read([entry(7), done(7, 0)].concat()).await.unwrap().entries.len(), 1);
        for code in [0, 48, 50, 53] {
            let found = read(done(7, code)).await.unwrap();
            assert!(found.entries.is_empty(), "{code}");
            assert_eq!(found.end.map(|(result, _)| result.code), Some(u32::from(code)));
        }
    }

    #[tokio::test]
    async fn what_does_not_answer_the_question_is_a_violation() {
        for answer in [entry(8), done(8, 0), [entry(7), entry(7)].concat(), message(7, 0x61, &[0x0a, 1, 0, 4, 0, 4, 0])]
        {
            let outcome = read(answer).await;
            assert!(matches!(outcome, Err(ExchangeError::Violation(Violation::Unexpected(_)))), "{outcome:?}");
        }
    }
}
