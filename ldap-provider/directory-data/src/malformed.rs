/// A value that is not what its specification says. Says what it should have been, and why it is not; nothing of the
/// value itself, which may be anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not {what}: {why}")]
pub struct Malformed {
    what: &'static str,
    why: &'static str,
}

impl Malformed {
    /// `what` with its article, `why` as a clause of its own.
    pub(crate) fn new(what: &'static str, why: &'static str) -> Self {
        Self { what, why }
    }

    /// The reason alone, such as `it does not have 16 octets`: for who has said already what it should have been.
    pub fn why(&self) -> &'static str {
        self.why
    }
}
