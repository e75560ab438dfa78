use std::sync::{Arc, PoisonError, RwLock};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::Identity;

/// A server's certificate that is replaced while the server runs.
#[derive(Debug)]
pub struct Rotation {
    current: RwLock<Arc<CertifiedKey>>,
}

impl Rotation {
    /// Shows this first.
    pub fn starting_with(identity: &Identity) -> Arc<Self> {
        Arc::new(Self { current: RwLock::new(identity.certified_key()) })
    }

    /// Shows this from now on.
    pub fn rotate_to(&self, identity: &Identity) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = identity.certified_key();
    }
}

impl ResolvesServerCert for Rotation {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}
