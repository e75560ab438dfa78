//! The server's end of a connection that lies within this process.

use std::net::TcpStream as StdTcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::rfc4511;

/// A connection, and the server's end of it. The client's end is a socket of another family than its type says. That
/// is sound, nobody asks it for an address, and there is no port to run out of after some ten thousand inputs.
pub(super) fn connection() -> (TcpStream, UnixStream) {
    let (near, far) = StdUnixStream::pair().expect("a pair of sockets");
    near.set_nonblocking(true).expect("a socket can be nonblocking");
    far.set_nonblocking(true).expect("a socket can be nonblocking");
    let near = StdTcpStream::from(OwnedFd::from(near));
    let near = TcpStream::from_std(near).expect("the runtime takes any stream");
    (near, UnixStream::from_std(far).expect("the runtime takes any stream"))
}

/// A server that waits for requests, and then sends octets: `parts` says for how many requests and what. It closes its
/// half of the connection when all is sent, and leaves when the client does.
pub(super) async fn serve(mut stream: UnixStream, parts: Vec<(usize, &[u8])>, piece: usize) {
    let mut received = Vec::new();
    for (requests, octets) in parts {
        for _ in 0..requests {
            if request(&mut stream, &mut received).await.is_none() {
                return;
            }
        }
        for piece in octets.chunks(piece) {
            // The client may have seen enough.
            if stream.write_all(piece).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
    if stream.shutdown().await.is_ok() {
        let mut ignored = [0; 1024];
        while stream.read(&mut ignored).await.is_ok_and(|octets| octets > 0) {}
    }
}

/// Waits for a whole request and takes it away; `None` if the client is gone.
async fn request(stream: &mut UnixStream, received: &mut Vec<u8>) -> Option<()> {
    loop {
        if let Some((_, behind)) = rfc4511::split(received) {
            received.drain(..received.len() - behind.len());
            return Some(());
        }
        if stream.read_buf(received).await.ok()? == 0 {
            return None;
        }
    }
}
