use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks it, whatever has panicked with it in hand: what is kept here is sound at each step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
