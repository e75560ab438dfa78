use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::Identity;

/// A server's certificate that is replaced while the server runs.
#[derive(Debug)]
pub struct Rotation {
    current: RwLock<Arc<CertifiedKey>>,
    shown: Mutex<HashSet<Vec<u8>>>,
}

impl Rotation {
    /// Shows this first.
    pub fn starting_with(identity: &Identity) -> Arc<Self> {
        Arc::new(Self { current: RwLock::new(identity.certified_key()), shown: Mutex::default() })
    }

    /// Shows this from now on.
    pub fn rotate_to(&self, identity: &Identity) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = identity.certified_key();
    }

    /// How many different certificates clients have been shown.
    pub fn shown(&self) -> usize {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl ResolvesServerCert for Rotation {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        let certificate = current.end_entity_cert().ok()?.to_vec();
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).insert(certificate);
        Some(current)
    }
}
