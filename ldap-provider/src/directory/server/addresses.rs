//! In which order the addresses of the server's name are tried.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use provider_api::{Fault, FaultKind};

use super::super::steps::Steps;
use super::Server;

use crate::lock::lock;

/// How many such addresses are remembered.
const MOST_SHUNNED: usize = 16;

/// For how long an address that took a connection and then was of no use is tried after the others of its name.
const SHUNNED_FOR: Duration = Duration::from_mins(1);

impl Server {
    /// What has become of a connection to this address, for which there was as much time as these steps have.
    pub(crate) fn or_shun<T>(
        &self,
        peer: Option<SocketAddr>,
        steps: Steps,
        made: Result<T, Fault>,
    ) -> Result<T, Fault> {
        made.inspect_err(|fault| {
            // A caller in a hurry says nothing about the address, nor does what an administrator has to mend.
            if fault.kind() == FaultKind::Unavailable && self.has_time(steps) {
                self.shun(peer);
            }
        })
    }

    /// Whether a call with these steps has about as much time for a connection as the settings say.
    pub(crate) fn has_time(&self, steps: Steps) -> bool {
        steps.connect >= Steps::of(self.config.timeout).connect / 2
    }

    /// Takes note that this address took a connection and then was of no use.
    pub(crate) fn shun(&self, peer: Option<SocketAddr>) {
        let Some(peer) = peer else { return };
        let mut shunned = lock(&self.shunned);
        shunned.retain(|(address, when)| *address != peer && when.elapsed() < SHUNNED_FOR);
        // The addresses of a name come and go.
        if shunned.len() == MOST_SHUNNED {
            shunned.remove(0);
        }
        shunned.push((peer, Instant::now()));
    }

    /// The addresses of the server's name as they are to be tried: the one that is connected to already first, since it
    /// has the connections for binds, and those that were of no use lately last, of these the one that has waited longest
    /// first.
    pub(crate) fn in_order(&self, mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        let shunned = lock(&self.shunned);
        let since = |address: &SocketAddr| {
            let since = shunned.iter().find(|(other, _)| other == address).map(|(_, when)| *when);
            since.filter(|when| when.elapsed() < SHUNNED_FOR)
        };
        let present = self.searches.peer();
        addresses.sort_by_cached_key(|address| (since(address), Some(*address) != present));
        addresses
    }
}
