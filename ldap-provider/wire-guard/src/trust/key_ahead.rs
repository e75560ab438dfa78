//! The key pair of a handshake, made before it.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::crypto::ring::kx_group::X25519;
use rustls::crypto::{ActiveKeyExchange, SupportedKxGroup};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::{Error, NamedGroup};

/// X25519 (RFC 8446 section 7.4.2), for which one key pair can be made while nobody waits. The next handshake takes it, whose
/// ever that is, and no other one has it again; all further ones make theirs when they begin.
///
/// Until then the private key lies in memory, as does whatever else the plugin has to keep secret: if all of that is read or
/// copied, what that one handshake protects can be read by whoever has recorded it.
///
/// The first login to a server waits for all that its handshake computes. This is what does not depend on the server
/// (measured, on one machine with slapd: 3 % of that login).
pub(super) static X25519_AHEAD: Ahead = Ahead(Mutex::new(None));

/// A key exchange of which one may have begun already.
pub(super) struct Ahead(Mutex<Option<Box<dyn ActiveKeyExchange>>>);

impl Ahead {
    /// Makes a key pair, unless there is one that nobody has taken.
    pub(super) fn prepare(&self) {
        if self.ready().is_none() {
            // Whoever needs one hears of what is wrong.
            let made = X25519.start().ok();
            let mut ready = self.ready();
            *ready = ready.take().or(made);
        }
    }

    fn ready(&self) -> MutexGuard<'_, Option<Box<dyn ActiveKeyExchange>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SupportedKxGroup for Ahead {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let ready = self.ready().take();
        ready.map_or_else(|| X25519.start(), Ok)
    }

    fn name(&self) -> NamedGroup {
        X25519.name()
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        X25519.ffdhe_group()
    }

    fn fips(&self) -> bool {
        X25519.fips()
    }
}

/// What is in it is secret.
impl fmt::Debug for Ahead {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("X25519")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Mutex;

    use rustls::NamedGroup;
    use rustls::crypto::SupportedKxGroup;
    use rustls::crypto::ring::kx_group::X25519;

    use super::Ahead;

    #[test]
    fn each_key_pair_is_taken_once_and_agrees_with_the_peers() {
        let ahead = Ahead(Mutex::new(None));
        assert_eq!(ahead.name(), NamedGroup::X25519);
        let mut seen = HashSet::new();
        for is_prepared in [false, true, true, false] {
            if is_prepared {
                ahead.prepare();
                let prepared = ahead.ready().as_ref().unwrap().pub_key().to_vec();
                ahead.prepare();
                assert_eq!(ahead.ready().as_ref().unwrap().pub_key(), prepared, "it is kept until it is taken");
            }
            let (ours, peers) = (ahead.start().unwrap(), X25519.start().unwrap());
            assert!(ahead.ready().is_none(), "nobody else gets it");
            assert!(seen.insert(ours.pub_key().to_vec()), "the same key pair a second time");
            let (of_ours, of_peers) = (ours.pub_key().to_vec(), peers.pub_key().to_vec());
            let agreed = ours.complete(&of_peers).unwrap();
            assert_eq!(agreed.secret_bytes(), peers.complete(&of_ours).unwrap().secret_bytes());
        }
    }
}
