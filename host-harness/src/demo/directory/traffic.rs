use std::sync::atomic::{AtomicU64, Ordering};

use super::dn::Dn;

/// Counts what arrives, so that the demo can show what a login costs and what is never sent.
#[derive(Debug)]
pub(super) struct Traffic {
    service_account: Dn,
    connections: AtomicU64,
    service_binds: AtomicU64,
    user_binds: AtomicU64,
    searches: AtomicU64,
    pages: AtomicU64,
}

/// What has arrived so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// Connections accepted.
    pub(crate) connections: u64,
    /// Binds as the service account.
    pub(crate) service_binds: u64,
    /// Binds as anybody else: each is a person's password that was sent.
    pub(crate) user_binds: u64,
    /// Searches, each page of a listing counted.
    pub(crate) searches: u64,
    /// Pages of listings.
    pub(crate) pages: u64,
}

impl Traffic {
    pub(super) fn new(service_account: Dn) -> Self {
        Self {
            service_account,
            connections: AtomicU64::default(),
            service_binds: AtomicU64::default(),
            user_binds: AtomicU64::default(),
            searches: AtomicU64::default(),
            pages: AtomicU64::default(),
        }
    }

    pub(super) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn bind(&self, name: &Dn) {
        let counter = if *name == self.service_account { &self.service_binds } else { &self.user_binds };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn searched(&self) {
        self.searches.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a page and gives it a number that no other page has.
    pub(super) fn paged(&self) -> u64 {
        self.pages.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn received(&self) -> Received {
        // A request is counted before it is answered, so whoever has an answer finds it counted.
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Received {
            connections: read(&self.connections),
            service_binds: read(&self.service_binds),
            user_binds: read(&self.user_binds),
            searches: read(&self.searches),
            pages: read(&self.pages),
        }
    }
}
