//! What comes in over TCP, kept as it came: below TLS, and whatever the server makes of it or does not.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::directory::PASSWORDS;
use super::transport::Transport;
use super::wire::{self, Request, START_TLS, ber};

/// How much of a connection is kept: far more than any conversation needs.
const KEPT: usize = 1 << 20;

/// The types of TLS records (RFC 8446 section 5.1).
const RECORDS: std::ops::RangeInclusive<u8> = 20..=23;

/// The most that a record may hold, encrypted (RFC 5246 section 6.2.3).
const LONGEST_RECORD: usize = (1 << 14) + 2_048;

/// What a connection has brought so far.
#[derive(Clone, Default)]
pub(super) struct Tap(Arc<Mutex<Vec<u8>>>);

impl Tap {
    /// Makes sure that none of this is a password in the clear or anything else that has no business there.
    pub(super) fn check(&self, transport: Transport) -> Result<(), String> {
        if transport == Transport::Plain {
            return Ok(());
        }
        let octets = self.lock();
        if PASSWORDS.iter().any(|password| octets.windows(password.len()).any(|part| part == password.as_bytes())) {
            return Err("a password in the clear".to_owned());
        }
        // What comes after that was not looked at.
        if octets.len() >= KEPT {
            return Err(format!("a connection of more than {KEPT} octets"));
        }
        let protected = if transport == Transport::StartTls { behind_the_exchange(&octets)? } else { &octets };
        only_tls(protected)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, octets: &[u8]) {
        let mut kept = self.lock();
        let room = KEPT - kept.len();
        kept.extend_from_slice(&octets[..octets.len().min(room)]);
    }
}

/// What follows the messages that may come in the clear: the request for TLS, and a farewell where that was refused.
fn behind_the_exchange(octets: &[u8]) -> Result<&[u8], String> {
    let mut rest = octets;
    while rest.first() == Some(&0x30) {
        let length = ber::message_length(rest)?.filter(|&length| length <= rest.len());
        let (message, next) = rest.split_at(length.ok_or("a part of a message in the clear")?);
        match wire::decode(message)?.1 {
            Request::Extended { name } if name == START_TLS => {}
            Request::Unbind => {}
            _ => return Err("another request than StartTLS in the clear".to_owned()),
        }
        rest = next;
    }
    Ok(rest)
}

/// One record after the other; the last may be cut short.
fn only_tls(octets: &[u8]) -> Result<(), String> {
    let mut rest = octets;
    while let Some(kind) = rest.first() {
        let version = rest.get(1).is_none_or(|&major| major == 3) && rest.get(2).is_none_or(|&minor| minor <= 4);
        let length = rest.get(3..5).map(|octets| usize::from(octets[0]) << 8 | usize::from(octets[1]));
        if !RECORDS.contains(kind) || !version || length.is_some_and(|length| length > LONGEST_RECORD) {
            return Err(format!("{} octets that are not TLS, behind {}", rest.len(), octets.len() - rest.len()));
        }
        rest = length.and_then(|length| rest.get(5 + length..)).unwrap_or_default();
    }
    Ok(())
}

/// A connection with a tap.
pub(super) struct Tapped {
    tcp: TcpStream,
    tap: Tap,
}

impl Tapped {
    pub(super) fn new(tcp: TcpStream, tap: Tap) -> Self {
        Self { tcp, tap }
    }

    /// Reads what is there already, and ends the connection with a RST.
    pub(super) fn abort(self) -> io::Result<()> {
        let mut octets = [0; 4_096];
        while let Ok(read @ 1..) = self.tcp.try_read(&mut octets) {
            self.tap.keep(&octets[..read]);
        }
        self.tcp.set_zero_linger()
    }
}

impl AsyncRead for Tapped {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.tcp).poll_read(context, buffer);
        this.tap.keep(&buffer.filled()[before..]);
        polled
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tcp).poll_write(context, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::Tap;
    use crate::hostile::directory::{ALICE, PASSWORDS};
    use crate::hostile::transport::Transport;
    use crate::hostile::wire::ber::element;
    use crate::hostile::wire::{START_TLS, answer};

    const HELLO: &[u8] = &[0x16, 3, 1, 0, 3, 1, 2, 3];
    const DATA: &[u8] = &[0x17, 3, 3, 0, 2, 9, 9];
    const CUT_SHORT: &[u8] = &[0x15, 3, 3, 0, 20, 1];

    fn seen(transport: Transport, parts: &[&[u8]]) -> Result<(), String> {
        let tap = Tap::default();
        tap.keep(&parts.concat());
        tap.check(transport)
    }

    fn start_tls() -> Vec<u8> {
        answer::message(1, 0x77, &element(0x80, START_TLS), None)
    }

    fn unbind() -> Vec<u8> {
        answer::message(2, 0x42, b"", None)
    }

    #[test]
    fn tls_alone_passes() {
        assert_eq!(seen(Transport::Ldaps, &[HELLO, DATA, CUT_SHORT]), Ok(()));
        assert_eq!(seen(Transport::Ldaps, &[]), Ok(()));
        assert_eq!(seen(Transport::StartTls, &[&start_tls(), HELLO, DATA]), Ok(()));
        assert_eq!(seen(Transport::StartTls, &[&start_tls(), &unbind()]), Ok(()));
    }

    #[test]
    fn what_is_no_tls_is_noticed_wherever_it_is() {
        assert!(seen(Transport::Ldaps, &[&start_tls()]).is_err());
        assert!(seen(Transport::Ldaps, &[HELLO, &unbind()]).is_err());
        assert!(seen(Transport::StartTls, &[&start_tls(), HELLO, &start_tls()]).is_err());
        assert!(seen(Transport::StartTls, &[&start_tls()[..5]]).is_err());
        assert!(seen(Transport::StartTls, &[&answer::message(1, 0x63, b"", None)]).is_err());
    }

    #[test]
    fn a_password_is_noticed_even_within_a_record() {
        for password in PASSWORDS {
            let record = [&[0x17, 3, 3, 0, 40][..], password.as_bytes()].concat();
            assert!(seen(Transport::Ldaps, &[HELLO, &record]).is_err());
            assert!(seen(Transport::StartTls, &[&start_tls(), &record]).is_err());
        }
        assert_eq!(seen(Transport::Plain, &[ALICE.password.as_bytes()]), Ok(()));
    }
}
