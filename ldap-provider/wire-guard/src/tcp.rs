//! Opening the TCP connection.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout_at;

/// The longest that one address is waited for while others are left to try.
const PER_ADDRESS: Duration = Duration::from_secs(3);

/// No address of the server took the connection.
#[derive(Debug, Error)]
#[error("no connection to {}", Attempts(attempts))]
pub struct ConnectError {
    /// What was tried, and what came of it.
    pub attempts: Vec<(SocketAddr, String)>,
}

struct Attempts<'a>(&'a [(SocketAddr, String)]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (address, outcome)) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(formatter, "{separator}{address} ({outcome})")?;
        }
        Ok(())
    }
}

/// Tries the addresses in turn, all of them within the deadline: an address gets its share of the time that is left,
/// at most three seconds unless it is the last.
pub async fn connect(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, ConnectError> {
    let mut attempts = Vec::with_capacity(addresses.len());
    for (position, &address) in addresses.iter().enumerate() {
        let left = addresses.len() - position;
        let until = if left == 1 { deadline } else { share_of(deadline, left) };
        let outcome = match timeout_at(until.into(), TcpStream::connect(address)).await {
            // Without TCP_NODELAY, the acknowledgement that the peer delays adds 40 ms to a login over TLS.
            Ok(Ok(stream)) => match stream.set_nodelay(true) {
                Ok(()) => return Ok(stream),
                Err(error) => error.to_string(),
            },
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        log::debug!("no connection to {address}: {outcome}");
        attempts.push((address, outcome));
    }
    Err(ConnectError { attempts })
}

fn share_of(deadline: Instant, parts: usize) -> Instant {
    let now = Instant::now();
    let parts = u32::try_from(parts).unwrap_or(u32::MAX).max(1);
    now + (deadline.saturating_duration_since(now) / parts).min(PER_ADDRESS)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};
    use std::time::{Duration, Instant};

    use super::connect;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test]
    async fn an_address_that_refuses_does_not_keep_the_next_from_being_tried() {
        let closed = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).unwrap().local_addr().unwrap();
        let open = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = connect(&[closed, open.local_addr().unwrap()], soon()).await.unwrap();
        assert!(stream.nodelay().unwrap());
        assert_eq!(stream.peer_addr().unwrap(), open.local_addr().unwrap());
    }

    #[tokio::test]
    async fn when_all_refuse_each_is_named_with_its_reason() {
        let closed = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).unwrap().local_addr().unwrap();
        let error = connect(&[closed], soon()).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&closed.to_string()) && text.contains("refused"), "{text}");
    }
}
