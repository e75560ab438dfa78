//! The wire guard: what stands between a directory server, of which nothing good can be assumed, and whoever asks it
//! something: logins, listings, and the LDAP library that validates settings.
//!
//! The guard owns the connection. It [resolves](Endpoint::resolve) and [connects](tcp::connect),
//! [secures](Connection::secure) the connection with TLS or StartTLS, [binds](Connection::bind) with messages that it
//! encodes and decodes itself, and then [searches](Connection::search) for many entries, or turns the connection into a
//! [`SearchConnection`], on which many searches for few entries are made at a time, or into a [`Pipe`]: a local socket on
//! which the library speaks LDAP, while a pump passes on only messages that are sound. The library therefore never
//! touches a stranger's socket and never sees a password.
//!
//! Why: ldap3 0.12.1 trusts its server. A 31 KB message of nested elements overflows its stack and aborts the
//! process, several malformed messages make it panic, it has no limit on the size of a message, and it takes any
//! answer for the success of a bind.
//!
//! # What passes
//!
//! A message from the server passes, in this order,
//!
//! 1. [`frame`]: a definite length within the limit, elements that lie within their parents, neither
//!    [too deep](frame::MAX_DEPTH) nor [too many](frame::MAX_ELEMENTS), found in one pass that does not recurse
//! 2. [`message`]: an id, an operation, controls, and nothing else but what RFC 4511 section 4 says to ignore
//! 3. its request: an id that is waited for, within the [budget](SearchBudget) of what one search may be answered with
//! 4. [`grammar`]: the answer to a search with all of its parts, or the one answer to the one bind or StartTLS
//!
//! What it may cost is set by [`Limits`], for a connection on which users are looked up and for one on which they are
//! listed. What does not pass is a [`Violation`]: it ends the connection, is logged in one line, and reaches the
//! caller as a typed error. On a [`SearchConnection`] an answer that is too large ends its search alone. Notices of Disconnection are understood in Active Directory's form as well; other
//! notifications are passed over up to a number.
//!
//! What the library cannot read and LDAP allows is rewritten: a DN or a diagnostic message that is not UTF-8,
//! extensions, the less usual forms of controls. References to other servers are counted and dropped.
//!
//! In the other direction searches alone pass, and the word that one is abandoned: what the server answers to it from
//! then on goes nowhere. A bind is made of a [`BindName`] and a [`BindPassword`], neither of
//! which can be empty; a [`Connection`] exists only once it is protected as its [`Security`] asks for; and a typed
//! password is sent for a [`BindPermit`], of which a login has one. A connection for such binds carries nothing else,
//! but a [probe](Connection::probe) of whether there still is a server.
//!
//! Everything that waits takes a deadline, a [`std::time::Instant`], and ends by it; but for the answers to searches, which
//! can be waited for as long as the caller likes, and given up.

#![forbid(unsafe_code)]

pub mod ber;
mod bind;
mod connection;
mod endpoint;
mod exchange;
pub mod frame;
pub mod grammar;
mod incoming;
mod limits;
pub mod message;
mod outstanding;
pub mod paged_results;
mod pipe;
mod searches;
mod starttls;
mod stream;
pub mod tcp;
pub mod trust;
mod violation;
mod who_am_i;

pub use bind::{BindName, BindPassword, BindPermit, BindRequest, BindResponse, Unbindable, UserBind};
pub use connection::{Connection, End, SecureError, UserBindAnswer, UserBindError};
pub use endpoint::{Endpoint, Host, InvalidHost, ResolveError, Security};
pub use exchange::ExchangeError;
pub use limits::{Limits, SearchBudget};
pub use pipe::{Pipe, PipeEnd, PipeMonitor};
pub use searches::{
    EntryStream, Found, FoundEntry, NextEntry, SearchBatch, SearchConnection, SearchFailure, SearchRequest,
    SearchScope, SearchTemplate,
};
pub use trust::Trust;
pub use violation::Violation;
