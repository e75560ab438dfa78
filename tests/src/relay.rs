//! A TCP relay in front of a server, which can hold the server's answers back: what "half-way" is then no matter of
//! luck.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::directory::Directory;

/// A relay on a port of its own. It ends with this value, its connections too.
pub struct Relay {
    port: u16,
    gate: Arc<Gate>,
}

impl Relay {
    /// Relays to a directory, and holds back what it sends on a connection after the first `bytes` bytes.
    pub fn holding_after(directory: &Directory, bytes: u64) -> Self {
        let host = directory.host().parse().expect("an IP address");
        Self::start(SocketAddr::new(host, directory.port()), bytes)
    }

    /// Relays to a server, and holds nothing back: a second address of it.
    pub fn to(server: SocketAddr) -> Self {
        Self::start(server, u64::MAX)
    }

    fn start(target: SocketAddr, bytes: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port for the relay");
        let port = listener.local_addr().expect("the relay's own port").port();
        let gate = Arc::new(Gate { limit: bytes, state: Mutex::default(), changed: Condvar::new() });
        let accepting = Arc::clone(&gate);
        thread::spawn(move || {
            for client in listener.incoming() {
                if accepting.lock().over {
                    return;
                }
                if let (Ok(client), Ok(server)) = (client, TcpStream::connect(target)) {
                    relay(&client, &server, &accepting);
                }
            }
        });
        Self { port, gate }
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits until an answer is being held back. Panics when none is within a minute.
    pub fn wait_until_held(&self) {
        let (state, timeout) = self
            .gate
            .changed
            .wait_timeout_while(self.gate.lock(), Duration::from_mins(1), |state| !state.held)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(state.held && !timeout.timed_out(), "the server never sent as much as the relay lets through");
    }

    /// Lets everything through from now on.
    pub fn release(&self) {
        self.gate.lock().released = true;
        self.gate.changed.notify_all();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.gate.lock().over = true;
        self.release();
        // Wakes the accepting thread, which then sees that it is over.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

#[derive(Default)]
struct State {
    held: bool,
    released: bool,
    over: bool,
}

struct Gate {
    limit: u64,
    state: Mutex<State>,
    changed: Condvar,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when what comes after the first `passed` bytes may go on.
    fn pass(&self, passed: u64) {
        if passed < self.limit {
            return;
        }
        let mut state = self.lock();
        state.held = true;
        self.changed.notify_all();
        while !state.released {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn relay(client: &TcpStream, server: &TcpStream, gate: &Arc<Gate>) {
    let clone = |stream: &TcpStream| stream.try_clone().expect("a second handle of a socket");
    let (from_client, to_server) = (clone(client), clone(server));
    let (from_server, to_client) = (clone(server), clone(client));
    // Requests are never held back.
    thread::spawn(move || copy(from_client, to_server, |_| ()));
    let gate = Arc::clone(gate);
    thread::spawn(move || copy(from_server, to_client, move |passed| gate.pass(passed)));
}

fn copy(mut from: TcpStream, mut to: TcpStream, may_pass: impl Fn(u64)) {
    let mut buffer = vec![0; 16 * 1024];
    let mut passed = 0;
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        may_pass(passed);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
        passed += length as u64;
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
