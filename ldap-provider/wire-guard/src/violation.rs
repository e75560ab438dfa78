use std::net::SocketAddr;

use thiserror::Error;

/// What a peer did that LDAP does not allow, or this side does not take. The connection on which it happened is of no
/// further use, but for a [`SearchFailure::TooLarge`](crate::SearchFailure::TooLarge).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Violation {
    /// RFC 4511 section 5.1: only the definite form of length is used.
    #[error("a length of the indefinite form, which LDAP does not allow")]
    IndefiniteLength,
    /// More length octets than a message of a sensible size needs. Four are let through, since Active Directory
    /// always writes four.
    #[error("a length of more than four octets")]
    LengthOfLength,
    /// A tag number above 30: LDAP has none.
    #[error("a tag number that LDAP does not have")]
    HighTag,
    /// The message declares more octets than this side takes.
    #[error("a message of {declared} octets, more than the {limit} that are accepted")]
    MessageTooLarge {
        /// What the peer declared, in octets.
        declared: usize,
        /// What is accepted, in octets.
        limit: usize,
    },
    /// A message that is not an entry, with more octets than any result needs.
    #[error("an answer of {octets} octets that is no entry, more than the {limit} that are accepted")]
    ResultTooLarge {
        /// How many there are.
        octets: usize,
        /// How many are accepted.
        limit: usize,
    },
    /// The name of an entry is longer than any directory makes them.
    #[error("a DN of {octets} octets, more than the {limit} that are accepted")]
    DnTooLong {
        /// How many there are.
        octets: usize,
        /// How many are accepted.
        limit: usize,
    },
    /// Elements within elements, deeper than any LDAP message.
    #[error("elements nested deeper than {limit}")]
    TooDeep {
        /// The depth that is accepted.
        limit: usize,
    },
    /// More elements than any message needs.
    #[error("a message of more than {limit} elements")]
    TooManyElements {
        /// The number that is accepted.
        limit: usize,
    },
    /// More controls than any message needs.
    #[error("a message with more than {limit} controls")]
    TooManyControls {
        /// The number that is accepted.
        limit: usize,
    },
    /// The answers to one search, all together, are more than this side takes.
    #[error("answers to one search of more than {limit} {what}")]
    SearchTooLarge {
        /// What there is too much of: entries, references, octets, elements.
        what: &'static str,
        /// How much of it is accepted.
        limit: usize,
    },
    /// The server speaks without having been asked, again and again.
    #[error("more than {limit} notifications that nobody asked for")]
    TooManyNotifications {
        /// The number that is accepted.
        limit: usize,
    },
    /// An element ends behind the one that holds it, or the message ends within an element.
    #[error("an element that is longer than what holds it")]
    Overrun,
    /// The message, or a part of it, has another form than the grammar of RFC 4511 asks for.
    #[error("{0}")]
    Malformed(&'static str),
    /// A text that has to be UTF-8 is not.
    #[error("{0} is not UTF-8")]
    NotUtf8(&'static str),
    /// The answer is of another kind than the request asks for, or belongs to no request.
    #[error("{0}")]
    Unexpected(&'static str),
    /// Octets arrived in the clear behind the answer to StartTLS: somebody tries to have them taken for protected
    /// ones.
    #[error("data in the clear behind the answer to StartTLS")]
    DataBehindStartTls,
}

impl Violation {
    /// One line for the log of whoever runs this, since the connection on which it happened ends without another word.
    pub(crate) fn report(&self, peer: Option<SocketAddr>) {
        match peer {
            Some(peer) => log::warn!("the directory server at {peer} broke the protocol, connection closed: {self}"),
            None => log::warn!("the directory server broke the protocol, connection closed: {self}"),
        }
    }
}
