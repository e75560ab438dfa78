//! A panic that leaves an `extern "C"` function ends the process. So nothing of a provider's author, and nothing of a
//! host's, runs there outside of [`caught`] or of a tokio task, which catches as well.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::Fault;

/// Runs `work`; a panic becomes its message.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // Nothing of what `work` touched is used again after a panic, other than the provider itself, whose author is
    // told that a panic in one call does not end the provider.
    catch_unwind(AssertUnwindSafe(work)).map_err(message_of)
}

#[cfg(feature = "author")]
/// The answer for a panic, whose message this is.
pub(crate) fn fault_of(message: &str) -> Fault {
    Fault::internal(format!("{BEGINNING}{message}"))
}

#[cfg(feature = "host")]
/// Whether a fault is the answer for a panic.
pub(crate) fn is_panic(fault: &Fault) -> bool {
    matches!(fault, Fault::Internal { message } if message.strip_prefix(BEGINNING).is_some_and(|rest| rest.starts_with(PANICKED)))
}

#[cfg(any(feature = "author", feature = "host"))]
const BEGINNING: &str = "the provider ";
const PANICKED: &str = "panicked";

/// The message of a panic.
pub(crate) fn message_of(payload: Box<dyn Any + Send>) -> String {
    let Some(message) = text_of(&*payload).map(str::to_owned) else {
        // A payload of another type may panic again when it is dropped. It leaks instead.
        mem::forget(payload);
        return format!("{PANICKED} without a message");
    };
    format!("{PANICKED}: {message}")
}

/// The text with which somebody panicked, if it was one.
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> Option<&str> {
    payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::caught;

    struct Explosive;

    impl Drop for Explosive {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(caught(|| panic!("plain")), Err::<(), _>("panicked: plain".to_owned()));
        let number = 7;
        assert_eq!(caught(|| panic!("with {number}")), Err::<(), _>("panicked: with 7".to_owned()));
    }

    #[cfg(all(feature = "author", feature = "host"))]
    #[test]
    fn the_answer_for_a_panic_is_known_for_one() {
        use super::{fault_of, is_panic};
        use crate::Fault;
        assert!(is_panic(&fault_of(&caught(|| panic!("plain")).expect_err("it panics"))));
        assert!(is_panic(&fault_of(&caught(|| std::panic::panic_any(7)).expect_err("it panics"))));
        assert!(!is_panic(&Fault::internal("the provider is defect")));
    }

    #[test]
    fn a_payload_that_panics_when_dropped_does_no_harm() {
        let message = caught(|| std::panic::panic_any(Explosive)).expect_err("it panics");
        assert!(message.contains("without a message"));
    }
}
