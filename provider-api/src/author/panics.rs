//! A panic that leaves an `extern "C"` function ends the process. Nothing of a provider's author runs outside of
//! [`caught`] or a tokio task, which catches as well.

use std::any::Any;
use std::mem;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work`; a panic becomes its message.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // Nothing of what `work` touched is used again after a panic, other than the provider itself, whose author is
    // told that a panic in one call does not end the provider.
    catch_unwind(AssertUnwindSafe(work)).map_err(message_of)
}

/// The message of a panic.
pub(super) fn message_of(payload: Box<dyn Any + Send>) -> String {
    let message = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => {
            // A payload of another type may panic again when it is dropped. It leaks instead.
            mem::forget(payload);
            return "the provider panicked without a message".to_owned();
        }
    };
    format!("the provider panicked: {message}")
}

/// A value of the author's whose `Drop` may panic: the panic stays inside, wherever the last owner lets go.
pub(super) struct Contained<T>(Option<T>);

impl<T> Contained<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Some(value))
    }

    pub(super) fn get_mut(&mut self) -> &mut T {
        match &mut self.0 {
            Some(value) => value,
            None => unreachable!("the value is taken out by drop alone"),
        }
    }
}

impl<T> Deref for Contained<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Some(value) => value,
            None => unreachable!("the value is taken out by drop alone"),
        }
    }
}

impl<T> Drop for Contained<T> {
    fn drop(&mut self) {
        let value = self.0.take();
        if let Err(message) = caught(move || drop(value)) {
            log::error!("while letting go: {message}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Contained, caught};

    struct Explosive;

    impl Drop for Explosive {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(caught(|| panic!("plain")), Err::<(), _>("the provider panicked: plain".to_owned()));
        let number = 7;
        assert_eq!(caught(|| panic!("with {number}")), Err::<(), _>("the provider panicked: with 7".to_owned()));
    }

    #[test]
    fn a_payload_that_panics_when_dropped_does_no_harm() {
        let message = caught(|| std::panic::panic_any(Explosive)).expect_err("it panics");
        assert!(message.contains("without a message"));
    }

    #[test]
    fn a_drop_that_panics_stays_contained() {
        drop(Contained::new(Explosive));
    }
}
