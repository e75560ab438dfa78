//! A directory at a distance: a TCP relay that delays what passes, in both directions, and limits nothing else.
//!
//! Threads and not tokio's timers, whose steps of a millisecond would be a tenth of the distance.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Outcome, cannot};

/// A relay on a port of its own. It ends with this value; connections that are open end with their ends.
pub struct Relay {
    port: u16,
    over: Arc<AtomicBool>,
}

/// What passes, and when it may arrive.
type Passing = (Instant, Vec<u8>);

impl Relay {
    /// Puts a directory at a distance of one round trip.
    pub fn start(server: SocketAddr, round_trip: Duration) -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(cannot("listen for the relay"))?;
        let port = listener.local_addr().map_err(cannot("find the relay's own port"))?.port();
        let over = Arc::new(AtomicBool::new(false));
        let ending = over.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                if ending.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(client) = client {
                    // A failure closes the connection, which the client then tells.
                    let _ = relay(&client, server, round_trip);
                }
            }
        });
        Ok(Self { port, over })
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then sees that it is over.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn relay(client: &TcpStream, server: SocketAddr, round_trip: Duration) -> std::io::Result<()> {
    // The kernel has accepted the connection at once; at a distance, that alone takes a round trip.
    let connected = Instant::now() + round_trip;
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let one_way = round_trip / 2;
    pass(client.try_clone()?, server.try_clone()?, one_way, connected + one_way);
    pass(server, client.try_clone()?, one_way, connected);
    Ok(())
}

/// Passes on what comes, a way later, and not before a time.
fn pass(from: TcpStream, to: TcpStream, one_way: Duration, earliest: Instant) {
    let (passing, arriving) = mpsc::channel();
    thread::spawn(move || take(from, &passing, one_way, earliest));
    thread::spawn(move || give(to, &arriving));
}

fn take(mut from: TcpStream, passing: &Sender<Passing>, one_way: Duration, earliest: Instant) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let due = earliest.max(Instant::now() + one_way);
        if passing.send((due, buffer[..length].to_vec())).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Read);
}

fn give(mut to: TcpStream, arriving: &Receiver<Passing>) {
    for (due, octets) in arriving {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&octets).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
