use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{State, lock};
use crate::hostile::wire::{Request, answer, ber, decode};

/// No honest request of a login is longer: far beyond 256 characters and 1,024 octets.
const LONGEST: usize = 64 * 1024;

const SUCCESS: i64 = 0;
const PROTOCOL_ERROR: i64 = 2;

/// Answers one connection until its client goes, or says what cannot be understood.
pub(super) async fn serve(mut client: TcpStream, state: Arc<State>) {
    // The client ends its side first, so its port would be kept back for a minute after the end, and a hundred thousand
    // of them are more than there are. A reset at the very end frees it. (A failure costs a port, nothing else.)
    let _ = client.set_zero_linger();
    let mut unread = Vec::new();
    loop {
        match ber::message_length(&unread) {
            Ok(Some(length)) if length <= LONGEST && unread.len() >= length => {
                let message: Vec<u8> = unread.drain(..length).collect();
                let Some(reply) = reply(&message, &state) else { return };
                if client.write_all(&reply).await.is_err() {
                    return;
                }
            }
            Ok(Some(length)) if length > LONGEST => {
                lock(&state.asked).push(Err(format!("a message of {length} octets")));
                return;
            }
            Err(error) => {
                lock(&state.asked).push(Err(error));
                return;
            }
            Ok(_) => {
                if !matches!(client.read_buf(&mut unread).await, Ok(1..)) {
                    if !unread.is_empty() {
                        lock(&state.asked).push(Err(format!("{} octets of a message cut short", unread.len())));
                    }
                    return;
                }
            }
        }
    }
}

/// Notes what is asked and answers it; `None` ends the connection.
fn reply(message: &[u8], state: &State) -> Option<Vec<u8>> {
    let (id, request) = match decode(message) {
        Ok((_, Request::Unbind)) => return None,
        Ok(decoded) => decoded,
        Err(error) => {
            lock(&state.asked).push(Err(error));
            return None;
        }
    };
    let reply = match &request {
        Request::Bind { .. } => answer::bind(id, SUCCESS),
        Request::Search { .. } => {
            let entry = lock(&state.entry).clone();
            let found = entry.map(|entry| {
                let attributes: Vec<_> =
                    entry.attributes.into_iter().map(|(name, value)| (name, vec![value])).collect();
                answer::entry(id, &entry.dn, &attributes)
            });
            [found.unwrap_or_default(), answer::done(id, SUCCESS)].concat()
        }
        Request::Extended { .. } => answer::extended(id, PROTOCOL_ERROR, None),
        // Nothing answers these, and nothing that is tested here sends them.
        Request::SaslBind | Request::Unbind | Request::Abandon | Request::Other(_) => Vec::new(),
    };
    lock(&state.asked).push(Ok(request));
    Some(reply)
}
