use std::num::NonZeroUsize;

/// How much a server may send over one connection. What is beyond it is a [`Violation`](crate::Violation): the
/// connection ends, so that a server can cost the process no more memory and no more time than this. Where many searches
/// share a connection, what is too large for one of them ends that one alone: a person who may write into their own
/// entry would keep everybody else out.
///
/// The figures keep the memory that one connection takes below 16 MiB, whatever a server sends: through the pipe, a
/// message lies in memory up to five times on its way (here, in the library's buffer, as its tree, as a copy of that, in
/// the caller's entry), and each element costs the library some 200 octets beside its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest message, in octets, header included.
    pub message: usize,
    /// The largest message that is not an entry.
    pub result: usize,
    /// What the answers to one search may come to together.
    pub search: SearchBudget,
    /// The most unsolicited notifications (RFC 4511 section 4.4) that are passed over.
    pub notifications: usize,
    /// How much the entries of all searches on a [`SearchConnection`](crate::SearchConnection) that have not ended may
    /// come to, in octets.
    pub gathered: usize,
    /// How much of entries may be handed on to the LDAP library before those of before have been consumed, over all
    /// searches on the connection, in octets of memory as far as they can be told.
    pub unconsumed: NonZeroUsize,
}

/// What the answers to one search may come to together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchBudget {
    /// Entries.
    pub entries: usize,
    /// References to other servers. They are not followed.
    pub references: usize,
    /// Octets of all messages.
    pub octets: usize,
    /// Elements of all messages. A library makes an object of each, so that elements of two octets cost it many times
    /// their size.
    pub elements: usize,
}

/// How much a server may send for one search that nobody waits for any more, in octets. Nothing of it is kept, so that it
/// costs the time to read it and no memory: a server that keeps no size limit, as Samba does, and does not act on the word
/// that a search is abandoned may send some thousands of groups before it comes to the next answer. An entry that is larger
/// than [`Limits::message`] and not than this is passed over as well, and ends the search that it answers alone.
pub(crate) const UNWANTED: usize = 64 * 1024 * 1024;

/// Some hundreds of usual entries.
const ONE_MIB: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1024 * 1024 - 1);

impl Limits {
    /// For searches for users, many at a time, and for binding: a login asks for at most two entries, and servers that
    /// do not keep a size limit, such as Samba, send whatever else has the name.
    pub const LOGIN: Self = Self {
        message: 1024 * 1024,
        result: 256 * 1024,
        search: SearchBudget { entries: 16, references: 1_000, octets: 2 * 1024 * 1024, elements: 16_384 },
        notifications: 16,
        // Those of users, and some searches for all groups of somebody.
        gathered: 12 * 1024 * 1024,
        unconsumed: ONE_MIB,
    };

    /// For listing users, and for the pipe. The budget is that of a server which does not page and sends everybody at once; it never
    /// lies in memory as a whole, since the server is held back until the users before have been consumed.
    pub const LISTING: Self = Self {
        message: 1024 * 1024,
        result: 256 * 1024,
        search: SearchBudget { entries: 200_000, references: 1_000, octets: 64 * 1024 * 1024, elements: 20_000_000 },
        notifications: 16,
        gathered: 4 * 1024 * 1024,
        unconsumed: ONE_MIB,
    };
}
