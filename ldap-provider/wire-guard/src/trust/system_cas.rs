//! The CAs of the system.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::RootCertStore;
use rustls_native_certs::{CertificateResult, Error, ErrorKind};

/// What could be read of the system's CAs.
#[derive(Clone, Debug)]
pub(super) struct SystemCas {
    pub(super) roots: Arc<RootCertStore>,
    /// What was lacking while they were read, if anything was: there may be more of them, to be read at another time.
    pub(super) lack: Option<String>,
}

/// How long what was read is good enough for a provider that begins: reading takes milliseconds, and a host that swaps
/// providers should not have them in each first login.
const RECENT: Duration = Duration::from_mins(1);

static LAST_READ: Mutex<Option<(Instant, SystemCas)>> = Mutex::new(None);

/// EIO, EAGAIN, ENOMEM, ENFILE and EMFILE of Linux. Other errors are there for good: a file that may not be read, or that
/// holds no certificate, is part of many a healthy system, and must not have all of them read again and again.
const PASSING: [i32; 5] = [5, 11, 12, 23, 24];

impl SystemCas {
    /// All of them, if they were read within the last minute.
    pub(super) fn recent() -> Option<Self> {
        let last_read = LAST_READ.lock().unwrap_or_else(PoisonError::into_inner);
        last_read.as_ref().filter(|(when, _)| when.elapsed() < RECENT).map(|(_, cas)| cas.clone())
    }

    /// As far as they can be read: one bad file must not cost the rest. Blocks.
    pub(super) fn read() -> Self {
        Self::found(rustls_native_certs::load_native_certs())
    }

    fn found(found: CertificateResult) -> Self {
        for error in &found.errors {
            log::debug!("a CA certificate of the system cannot be read: {error}");
        }
        let mut roots = RootCertStore::empty();
        let (_, ignored) = roots.add_parsable_certificates(found.certs);
        if ignored > 0 {
            log::debug!("{ignored} CA certificates of the system cannot be used");
        }
        let cas = Self { roots: Arc::new(roots), lack: lack(&found.errors) };
        if cas.lack.is_none() {
            *LAST_READ.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), cas.clone()));
        }
        cas
    }

    /// What to go by if `before` was read earlier: a reading that lacked something takes nobody away.
    pub(super) fn or(self, before: &Self) -> Self {
        if self.lack.is_some() && before.roots.len() >= self.roots.len() {
            return Self { roots: Arc::clone(&before.roots), lack: self.lack };
        }
        self
    }
}

fn lack(errors: &[Error]) -> Option<String> {
    let is_passing = |error: &io::Error| error.raw_os_error().is_some_and(|code| PASSING.contains(&code));
    let lack = errors.iter().find(|error| matches!(&error.kind, ErrorKind::Io { inner, .. } if is_passing(inner)));
    lack.map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use std::io;

    use std::sync::Arc;

    use rustls::RootCertStore;
    use rustls_native_certs::{CertificateResult, Error, ErrorKind, load_certs_from_paths};

    use super::{SystemCas, lack};

    fn failed(code: i32) -> Error {
        let inner = io::Error::from_raw_os_error(code);
        Error { context: "failed to open file", kind: ErrorKind::Io { inner, path: "/etc/ssl/certs/a.pem".into() } }
    }

    #[test]
    fn only_what_passes_is_a_reason_to_read_again() {
        let no_pem = || Error { context: "", kind: ErrorKind::Pem(rustls::pki_types::pem::Error::NoItemsFound) };
        // ENOENT, EACCES, ENOTDIR, EISDIR, ELOOP
        let lasting: Vec<Error> = [2, 13, 20, 21, 40].into_iter().map(failed).chain([no_pem()]).collect();
        assert_eq!(lack(&lasting), None);
        for code in [5, 11, 12, 23, 24] {
            let told = lack(&[no_pem(), failed(2), failed(code)]).unwrap();
            assert!(told.contains(&format!("os error {code}")) && told.contains("a.pem"), "{told}");
        }
    }

    #[test]
    fn the_library_hands_on_what_the_system_says() {
        let errors = load_certs_from_paths(Some("/nowhere/ca.pem".as_ref()), Some("/nowhere".as_ref())).errors;
        let code = |error: &Error| match &error.kind {
            ErrorKind::Io { inner, .. } => inner.raw_os_error(),
            _ => None,
        };
        assert_eq!(errors.iter().map(code).collect::<Vec<_>>(), [Some(2), Some(2)], "{errors:?}");
    }

    #[test]
    fn what_is_incomplete_is_kept_for_nobody_else() {
        let mut found = CertificateResult::default();
        found.errors.push(failed(24));
        assert!(SystemCas::found(found).lack.is_some());
        assert!(SystemCas::recent().is_none_or(|recent| recent.lack.is_none()));

        let mut found = CertificateResult::default();
        found.errors.push(failed(13));
        assert!(SystemCas::found(found).lack.is_none());
        assert!(SystemCas::recent().is_some());
    }

    #[test]
    fn an_incomplete_reading_takes_nobody_away_and_a_complete_one_does() {
        let lacking = |roots: RootCertStore| SystemCas { roots: Arc::new(roots), lack: Some("files".to_owned()) };
        let mut one = RootCertStore::empty();
        let ca = rcgen::generate_simple_self_signed(["ca.test".to_owned()]).unwrap();
        one.add(ca.cert.der().clone()).unwrap();
        let (none, one) = (lacking(RootCertStore::empty()), lacking(one));
        assert_eq!(none.clone().or(&one).roots.len(), 1);
        assert_eq!(one.clone().or(&none).roots.len(), 1);
        assert!(none.clone().or(&one).lack.is_some());
        assert_eq!(SystemCas { lack: None, ..none }.or(&one).roots.len(), 0);
    }
}
