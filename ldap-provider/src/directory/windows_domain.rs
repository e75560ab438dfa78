use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use provider_api::Fault;

use crate::lock::lock;

/// After how long it is looked up again if it could not be found out: so that who has mended it need not wait long, and not
/// each login is a search that finds nothing.
const AGAIN_AFTER: Duration = Duration::from_mins(1);

/// The name of the domain in Windows' own names, once it was looked up.
#[derive(Debug, Default)]
pub(crate) struct WindowsDomain {
    known: OnceLock<String>,
    /// Why it was not found out, and when.
    in_vain: Mutex<Option<(Instant, Fault)>>,
}

impl WindowsDomain {
    /// The name, or why it is not to be looked up again yet; `None` if it is to be looked up.
    pub(crate) fn known(&self, now: Instant) -> Option<Result<&str, Fault>> {
        if let Some(name) = self.known.get() {
            return Some(Ok(name));
        }
        let in_vain = lock(&self.in_vain);
        let recent = in_vain.as_ref().filter(|(when, _)| now.duration_since(*when) < AGAIN_AFTER);
        recent.map(|(_, fault)| Err(fault.clone()))
    }

    pub(crate) fn learn(&self, name: String) -> &str {
        self.known.get_or_init(|| name)
    }

    /// Takes note that it cannot be found out, for a reason that stays until somebody acts.
    pub(crate) fn note_in_vain(&self, now: Instant, fault: Fault) {
        *lock(&self.in_vain) = Some((now, fault));
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use provider_api::Fault;

    use super::WindowsDomain;

    #[test]
    fn what_cannot_be_found_out_is_looked_up_again_after_a_minute() {
        let (domain, now) = (WindowsDomain::default(), Instant::now());
        assert_eq!(domain.known(now), None);
        domain.note_in_vain(now, Fault::internal("cannot be read"));
        assert!(matches!(domain.known(now + Duration::from_secs(59)), Some(Err(_))));
        assert_eq!(domain.known(now + Duration::from_mins(1)), None);
        assert_eq!(domain.learn("LAB".to_owned()), "LAB");
        assert_eq!(domain.known(now), Some(Ok("LAB")));
    }
}
