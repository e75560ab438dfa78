//! Whose certificates are accepted.

mod ca_file;
mod client_config;
mod key_ahead;
mod refusal;
mod renewal;
mod system_cas;
mod verifier;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use once_cell::sync::OnceCell;
use rustls::ClientConfig;
use rustls::client::Resumption;
use thiserror::Error;

pub use ca_file::CaFileError;
pub use refusal::CertificateRefusal;

use renewal::{Pace, Renewal, SystemSource};
use system_cas::SystemCas;

/// Trust that cannot be set up, found when the first connection needs it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The system has no CA certificates and no CA file was given.
    #[error(
        "the system has no CA certificates (is the package ca-certificates installed?); name a file with the \
            CA's certificate"
    )]
    NoRoots,
    /// Nobody knows yet whether the system has CA certificates, and no CA file was given: the process lacks what reading
    /// them takes. Trying again later may help.
    #[error(
        "the system's CA certificates cannot be read for the moment ({0}): see to the limit of open files (nofile), to \
            memory and to the disk"
    )]
    SystemUnread(String),
    /// rustls refuses the configuration.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl TrustError {
    /// Whether it was this side that lacked something for the moment, such as files or memory.
    pub fn is_lack_of_means(&self) -> bool {
        matches!(self, Self::SystemUnread(_))
    }
}

/// Whose certificates are accepted. Cheap to clone; clones share the TLS sessions that can be resumed, and what was
/// read last.
#[derive(Clone)]
pub struct Trust {
    accepts: Accepts,
    resumes: bool,
}

#[derive(Clone)]
enum Accepts {
    Anything(Arc<OnceCell<Arc<ClientConfig>>>),
    Verified(Arc<Renewal>),
}

impl Trust {
    /// Trusts the system's CAs and those in `ca_file`, in PEM and of at most 4 MiB. The file may also hold the server's
    /// own certificate, self-signed or not: a server that shows exactly that one is accepted if the name and the period
    /// of validity are right. (rustls alone refuses it as `CaUsedAsEndEntity` when it is marked as a CA, as openssl
    /// marks them.)
    ///
    /// The file is read now, the system's CAs when the first connection needs them or by [`prepare`](Self::prepare);
    /// what was read of them for another provider within the last minute will do.
    ///
    /// # When the file is replaced
    ///
    /// A connection that is made more than 10 s after the last look at the file looks again, whichever file the path
    /// leads to by then: one that was renamed into place, written over, or that a link was switched to. If it holds
    /// something else, that and the system's CAs, read anew, are what connections are checked by from then on; no
    /// session of before is resumed. Without a file the system's CAs are read once.
    ///
    /// Where the process lacks files or memory to read all of the system's CAs, those that were read count, and any
    /// that had been read before; a connection that is made more than 10 s later reads them again, until that goes
    /// well. What is wrong with one of their files for good does not count as such.
    ///
    /// A file that is missing, unreadable, empty or broken changes nothing: what it held before stays in force,
    /// however long, one line in the log says so for each thing that is wrong, and it is looked at again after 10 s.
    /// Renaming is the safe way to replace it: of a file that is written over, a part may be read, and counts until the
    /// next look if it ends behind a certificate.
    ///
    /// Looking takes place on a thread that may block, one look at a time. It keeps the connection that looks for at
    /// most 1 s, and others not at all, unless the last look is 30 s ago. So what connections are checked by was in the
    /// file at most 30 s ago, as long as its file system answers within that second.
    ///
    /// # When a certificate expires
    ///
    /// A server that resumes a TLS session shows no certificate, and each session that is resumed brings what the next
    /// can be resumed with. So all sessions are forgotten after 10 min, by a clock that nobody sets: what a connection
    /// is let through by was looked at no longer ago than that.
    pub fn verified(ca_file: Option<&Path>) -> Result<Self, CaFileError> {
        let system = SystemSource { recent: SystemCas::recent, read: SystemCas::read };
        let renewal = Renewal::new(ca_file, Pace::USUAL, system)?;
        Ok(Self { accepts: Accepts::Verified(Arc::new(renewal)), resumes: true })
    }

    /// Accepts any certificate with any name: whoever can redirect the connection can read it. That the peer owns the
    /// key of the certificate that it shows is still checked.
    pub fn anything() -> Self {
        Self { accepts: Accepts::Anything(Arc::default()), resumes: true }
    }

    /// The same for connections that resume no session: each of them looks at the server's certificate. For whoever is
    /// to find out whether the certificate is good now.
    #[must_use]
    pub fn never_resuming(&self) -> Self {
        Self { resumes: false, ..self.clone() }
    }

    /// Whether certificates are checked at all.
    pub fn verifies(&self) -> bool {
        matches!(self.accepts, Accepts::Verified(_))
    }

    /// Begins to read, in the background, what the first connection is going to need. Without a tokio runtime nothing
    /// happens until then.
    pub fn prepare(&self) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let trust = self.clone();
            // What fails is told to who connects.
            runtime.spawn(async move { drop(trust.client_config().await) });
        }
    }

    /// What rustls is to do for a connection made now.
    pub(crate) async fn client_config(&self) -> Result<Arc<ClientConfig>, TrustError> {
        self.client_config_at(Instant::now()).await
    }

    async fn client_config_at(&self, now: Instant) -> Result<Arc<ClientConfig>, TrustError> {
        let config = match &self.accepts {
            Accepts::Anything(config) => config.get_or_try_init(client_config::unverified).cloned(),
            Accepts::Verified(renewal) => renewal.client_config(now).await,
        }?;
        Ok(if self.resumes { config } else { client_config::with_sessions(&config, Resumption::disabled()) })
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Trust").field("verifies", &self.verifies()).finish_non_exhaustive()
    }
}
