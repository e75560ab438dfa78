//! Where a server may listen, so that a client that dials its port after its end is refused.
//!
//! A client that dials a closed port of its own address can end up connected to itself, if the kernel happens to give
//! it that very port. So a server's port lies below the range from which the kernel takes those of clients; where
//! there is no room below, the server has another address of this machine than its clients.

use std::fs;
use std::net::TcpListener;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use super::certificates::{ADDRESS, OTHER_ADDRESS};

/// The ports below are root's.
const FIRST: u16 = 1_024;
/// Many programs have their ports below this one.
const FIRST_QUIET: u16 = 10_000;
/// So many ports should there be for tests that run at once.
const ENOUGH: u16 = 1_000;

/// An address and ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) host: &'static str,
    ports: Range<u16>,
}

impl Place {
    /// The place on this machine.
    pub(crate) fn find() -> Self {
        Self::beside_clients(&fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default())
    }

    /// The place on a machine whose clients have ports of this range, as the kernel writes it.
    fn beside_clients(range: &str) -> Self {
        let clients = range.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(32_768_u16);
        for first in [FIRST_QUIET, FIRST] {
            if clients.saturating_sub(first) >= ENOUGH {
                return Self { host: ADDRESS, ports: first..clients };
            }
        }
        Self { host: OTHER_ADDRESS, ports: FIRST_QUIET..u16::MAX }
    }

    /// What a server listens on, as slapd wants it. Always on the usual address too: it is the one of `localhost`.
    pub(super) fn listeners(&self, ports: &[(&str, u16)]) -> String {
        let mut hosts = vec![ADDRESS, self.host];
        hosts.dedup();
        let listeners =
            hosts.iter().flat_map(|host| ports.iter().map(move |(scheme, port)| format!("{scheme}://{host}:{port}")));
        listeners.collect::<Vec<_>>().join(" ")
    }

    /// A port that nobody listens on.
    pub(crate) fn free_port(&self) -> u16 {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let count = u32::from(self.ports.end - self.ports.start);
        for _ in 0..count {
            // Processes start far apart, so that two that run at once seldom meet.
            let offset = std::process::id().wrapping_mul(7919).wrapping_add(COUNTER.fetch_add(1, Ordering::Relaxed));
            let offset = u16::try_from(offset % count).expect("there are fewer ports");
            let port = self.ports.start + offset;
            if [ADDRESS, self.host].iter().all(|&host| TcpListener::bind((host, port)).is_ok()) {
                return port;
            }
        }
        panic!("no port of {self:?} is free");
    }
}

#[cfg(test)]
mod tests {
    use super::{ADDRESS, OTHER_ADDRESS, Place};

    #[test]
    fn a_server_never_has_a_port_of_root_or_both_address_and_port_of_a_client() {
        for (range, host, ports) in [
            ("32768\t60999\n", ADDRESS, 10_000..32_768),
            ("15000 65000", ADDRESS, 10_000..15_000),
            ("10240 65535", ADDRESS, 1_024..10_240),
            ("1024 65535", OTHER_ADDRESS, 10_000..65_535),
            ("1 65535", OTHER_ADDRESS, 10_000..65_535),
            ("", ADDRESS, 10_000..32_768),
        ] {
            assert_eq!(Place::beside_clients(range), Place { host, ports }, "{range:?}");
        }
    }
}
