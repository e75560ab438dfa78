//! What rustls never does as a server: asking a client of TLS 1.2 to shake hands once more. The records are made
//! here, with the keys of a connection that rustls has set up.

use std::io;

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::error::Unspecified;
use rustls::ConnectionTrafficSecrets;
use rustls::server::ServerConnection;

/// What asks for a handshake (RFC 5246 section 7.4.1.1).
pub(super) const HELLO_REQUEST: [u8; 4] = [0; 4];
/// The types of records (RFC 5246 section 6.2.1).
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;

const TLS12: [u8; 2] = [3, 3];

/// The server's half of a connection of TLS 1.2 with AES-128-GCM (RFC 5288).
pub(super) struct Writer {
    key: LessSafeKey,
    iv: [u8; 12],
    number: u64,
}

impl Writer {
    pub(super) fn of(connection: ServerConnection) -> io::Result<Self> {
        let secrets = connection.dangerous_extract_secrets().map_err(io::Error::other)?;
        let (number, ConnectionTrafficSecrets::Aes128Gcm { key, iv }) = secrets.tx else {
            return Err(io::Error::other("another suite than the one that was offered"));
        };
        let key = UnboundKey::new(&AES_128_GCM, key.as_ref()).map_err(unspecified)?;
        let iv = iv.as_ref().try_into().map_err(io::Error::other)?;
        Ok(Self { key: LessSafeKey::new(key), iv, number })
    }

    /// A record, encrypted.
    pub(super) fn record(&mut self, kind: u8, content: &[u8]) -> io::Result<Vec<u8>> {
        let number = self.number.to_be_bytes();
        self.number += 1;
        let mut nonce = self.iv;
        nonce[4..].iter_mut().zip(number).for_each(|(octet, number)| *octet ^= number);
        let length = u16::try_from(content.len()).map_err(io::Error::other)?;
        let authenticated = [&number[..], &[kind], &TLS12, &length.to_be_bytes()].concat();
        let mut sealed = content.to_vec();
        let nonce_in_full = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(nonce_in_full, Aad::from(authenticated), &mut sealed).map_err(unspecified)?;
        let length = u16::try_from(nonce[4..].len() + sealed.len()).map_err(io::Error::other)?;
        Ok([&[kind][..], &TLS12, &length.to_be_bytes(), &nonce[4..], &sealed].concat())
    }
}

/// ring's only error, which is none of the standard library's kind.
fn unspecified(_: Unspecified) -> io::Error {
    io::Error::other("ring refuses the key or the record")
}
