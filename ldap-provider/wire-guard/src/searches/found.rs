use std::borrow::Cow;

use bytes::Bytes;

use crate::grammar::Entry;
use crate::message::{Control, OperationResult};

/// What a search has found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Found {
    /// The entries.
    pub entries: Vec<FoundEntry>,
    /// How the search has ended; `None` if there was more than was waited for, or than can be kept.
    pub end: Option<(OperationResult, Vec<Control>)>,
}

/// An entry as the server sent it, sound in all its parts. One that was [listed](crate::EntryStream) holds on to the whole
/// buffer that it was read to, up to twice the largest message: it is not to be kept.
#[derive(Clone, Debug)]
pub struct FoundEntry(Bytes);

impl FoundEntry {
    /// Keeps a copy: the message is a part of what was read at once, all of which would stay with it.
    pub(super) fn copy_of(message: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(message))
    }

    /// Keeps the message, and with it all that was read at once: for an entry that does not stay.
    pub(super) fn of(message: Bytes) -> Self {
        Self(message)
    }

    /// A copy of it alone, for one that stays.
    pub(super) fn on_its_own(&self) -> Self {
        Self::copy_of(&self.0)
    }

    pub(super) fn octets(&self) -> usize {
        self.0.len()
    }

    /// The entry's DN, and its attributes, each with its values. A DN that is not UTF-8 is shown as
    /// [`grammar::Entry::dn`](crate::grammar::Entry::dn) says.
    pub fn read<'a>(&'a self, mut attribute: impl FnMut(&'a str, &mut dyn Iterator<Item = &'a [u8]>)) -> Cow<'a, str> {
        // It was checked when it came.
        let Some(entry) = Entry::in_sound_message(&self.0) else { return Cow::default() };
        entry.attributes(&mut attribute);
        entry.dn
    }

    /// A value that was [read](Self::read), to keep without a copy. It keeps the whole entry.
    ///
    /// # Panics
    ///
    /// If the value is no part of this entry's memory.
    pub fn keep(&self, value: &[u8]) -> Bytes {
        self.0.slice_ref(value)
    }
}
