use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Reply, State, lock};
use crate::hostile::wire::{Request, ber, decode};

/// No honest request of a login is longer: far beyond 256 characters and 1,024 octets.
const LONGEST: usize = 64 * 1024;

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
                match reply(&message, &state) {
                    Some(Reply::Send(octets)) if client.write_all(&octets).await.is_ok() => {}
                    Some(Reply::FallSilent(octets)) if client.write_all(&octets).await.is_ok() => {
                        // Open, and dead: not even the client's end is noticed.
                        std::future::pending::<()>().await;
                    }
                    Some(_) | None => return,
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

/// Notes what is asked and says how to answer it; `None` ends the connection.
fn reply(message: &[u8], state: &State) -> Option<Reply> {
    let (id, request) = match decode(message) {
        Ok((_, Request::Unbind)) => return None,
        Ok(decoded) => decoded,
        Err(error) => {
            lock(&state.asked).push(Err(error));
            return None;
        }
    };
    if matches!(&request, Request::Bind { name, password } if !name.is_empty() && password.is_empty()) {
        state.was_asked_for_nothing.store(true, Ordering::SeqCst);
    }
    let answers = Arc::clone(&lock(&state.answers));
    let reply = answers(id, &request);
    lock(&state.asked).push(Ok(request));
    Some(reply)
}
