use std::fs;
use std::path::Path;

/// What a server was asked, counted in its own log (slapd's level `stats`).
///
/// slapd writes a request down before it answers it, so what a client has an answer to is in here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Connections accepted.
    pub connections: usize,
    /// StartTLS requests.
    pub start_tls: usize,
    /// The DNs of bind requests, in order.
    pub bind_dns: Vec<String>,
    /// Search requests.
    pub searches: usize,
    /// The TLS handshakes that were completed.
    pub tls_established: usize,
}

impl Requests {
    pub(super) fn read(log_file: &Path) -> Self {
        let log = fs::read(log_file).unwrap_or_else(|error| panic!("{}: {error}", log_file.display()));
        let mut requests = Self::default();
        for line in String::from_utf8_lossy(&log).lines() {
            requests.count(line);
        }
        requests
    }

    /// The bind requests for one DN, compared as slapd writes it.
    pub fn binds_of(&self, dn: &str) -> usize {
        self.bind_dns.iter().filter(|bound| bound.eq_ignore_ascii_case(dn)).count()
    }

    fn count(&mut self, line: &str) {
        let Some((_, event)) = line.split_once(" conn=") else { return };
        if event.contains(" ACCEPT from ") {
            self.connections += 1;
        } else if event.contains(" TLS established ") {
            self.tls_established += 1;
        } else if event.contains(" STARTTLS") {
            self.start_tls += 1;
        } else if event.contains(" SRCH base=") {
            self.searches += 1;
        } else if let Some((_, bind)) = event.split_once(" BIND dn=\"") {
            // A bind that succeeds is written a second time, with `mech=` in place of `method=`.
            if let Some((dn, _)) = bind.split_once("\" method=") {
                self.bind_dns.push(dn.to_owned());
            }
        }
    }
}
