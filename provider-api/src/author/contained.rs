use std::ops::Deref;

use crate::panics::caught;

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
    use super::Contained;

    struct Explosive;

    impl Drop for Explosive {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    #[test]
    fn a_drop_that_panics_stays_contained() {
        drop(Contained::new(Explosive));
    }
}
