use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// For so long a server is believed without being asked again. It may be started again with other modules; a connection
/// that ends then is followed by one on which it is asked.
const BELIEVED_FOR: Duration = Duration::from_secs(5);

/// Whether a server knows the password policy's control (draft-behera-ldap-password-policy-10), by its own word. slapd
/// writes a line to its log for each control that it does not know.
#[derive(Debug)]
pub(crate) struct PolicyControl(Mutex<State>);

#[derive(Debug)]
struct State {
    is_known: bool,
    heard: Option<Instant>,
}

impl Default for PolicyControl {
    /// It is known until a server says that it is not: an account's state that is not asked for is not told.
    fn default() -> Self {
        Self(Mutex::new(State { is_known: true, heard: None }))
    }
}

impl PolicyControl {
    /// Whether binds of users should carry it.
    pub(crate) fn is_known(&self) -> bool {
        self.state().is_known
    }

    /// Whether it is too early to ask again.
    pub(super) fn is_believed(&self, now: Instant) -> bool {
        self.state().heard.is_some_and(|heard| now.duration_since(heard) < BELIEVED_FOR)
    }

    /// Takes note of what a server says; `None` if it does not say which controls it knows.
    pub(super) fn heard(&self, is_known: Option<bool>, now: Instant) {
        *self.state() = State { is_known: is_known.unwrap_or(true), heard: Some(now) };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::PolicyControl;

    #[test]
    fn a_server_is_asked_for_the_policy_until_it_says_that_it_does_not_know_it() {
        let (control, now) = (PolicyControl::default(), Instant::now());
        assert!(control.is_known() && !control.is_believed(now));
        control.heard(Some(false), now);
        assert!(!control.is_known() && control.is_believed(now + Duration::from_secs(4)));
        assert!(!control.is_believed(now + Duration::from_secs(5)));
        control.heard(None, now);
        assert!(control.is_known(), "it shows nothing, and may know it");
        control.heard(Some(true), now);
        assert!(control.is_known() && control.is_believed(now));
    }
}
