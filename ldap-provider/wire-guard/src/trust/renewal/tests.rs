//! What is in force, with real files and real handshakes. Time is an argument, or every connection looks.

mod heard;
mod pace;
mod replaced;
mod sessions;
mod system_cas;
mod unusable;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ClientConfig, RootCertStore};

use super::{Pace, Renewal, SystemCas, SystemSource};
use crate::trust::{Accepts, Trust};
use crate::{BindName, BindPassword, BindRequest, Connection, Host, Limits, SecureError, Security};

#[allow(dead_code, reason = "shared with the tests of the whole guard, which use all of it")]
#[path = "../../../tests/guard/authority.rs"]
mod authority;

use authority::{Authority, Identity, Period};

const PATIENT: Duration = Duration::from_secs(20);

/// Every connection looks, or waits for its turn.
const EACH_LOOKS: Pace = Pace { every: Duration::ZERO, stale: Duration::ZERO, patience: PATIENT };

/// Every connection looks unless another does.
const ONE_LOOKS: Pace = Pace { every: Duration::ZERO, stale: Duration::MAX, patience: PATIENT };

const LOOKS_LATER: Duration = Duration::from_secs(11);

/// What a CA file holds, and a server that is trusted because of it.
struct Trusted {
    pem: String,
    server: SocketAddr,
}

impl Trusted {
    async fn because_of_ca(name: &str) -> Self {
        let ca = Authority::named(name);
        let server = ca.issue(&["ldap.test"], &Period::Now).serve().await;
        Self { pem: fs::read_to_string(ca.file()).unwrap(), server }
    }

    async fn as_it_is(identity: Identity) -> Self {
        Self { server: identity.serve().await, pem: identity.pem }
    }
}

/// Whether the server's certificate is accepted. A bind follows, which reads the tickets for later sessions too.
async fn accepts(trust: &Trust, server: SocketAddr) -> bool {
    let deadline = Instant::now() + PATIENT;
    let tcp = crate::tcp::connect(&[server], deadline).await.unwrap();
    let server_name = Host::parse("ldap.test").unwrap().server_name();
    let security = Security::Ldaps { trust: trust.clone(), server_name };
    match Connection::secure(tcp, &security, Limits::LOGIN, deadline).await {
        Ok(mut connection) => {
            let request = BindRequest::simple(BindName::new("cn=x").unwrap(), BindPassword::new("right").unwrap());
            connection.bind(request, deadline).await.unwrap().is_success()
        }
        Err(SecureError::Certificate(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

async fn assert_only(trust: &Trust, accepted: &Trusted, refused: &[&Trusted]) {
    for refused in refused {
        assert!(!accepts(trust, refused.server).await);
    }
    assert!(accepts(trust, accepted.server).await);
}

fn trust(file: &Path, pace: Pace) -> Trust {
    with_system(Some(file), pace, SystemCas::read)
}

fn with_system(file: Option<&Path>, pace: Pace, read: fn() -> SystemCas) -> Trust {
    let renewal = Renewal::new(file, pace, SystemSource { recent: || None, read }).unwrap();
    Trust { accepts: Accepts::Verified(Arc::new(renewal)), resumes: true }
}

/// As on a system that has no CAs.
fn no_system() -> SystemCas {
    SystemCas { roots: Arc::new(RootCertStore::empty()), lack: None }
}

fn renewal(trust: &Trust) -> &Arc<Renewal> {
    let Accepts::Verified(renewal) = &trust.accepts else { panic!("it verifies") };
    renewal
}

async fn at(trust: &Trust, now: Instant) -> Arc<ClientConfig> {
    trust.client_config_at(now).await.unwrap()
}

/// As careful people replace a file.
fn rename_into_place(file: &Path, content: &str) {
    let new = file.with_extension("new");
    fs::write(&new, content).unwrap();
    if file.is_dir() {
        fs::remove_dir(file).unwrap();
    }
    fs::rename(new, file).unwrap();
}
