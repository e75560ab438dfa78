//! The wire guard: what stands between a directory server, of which nothing good can be assumed, and the LDAP library
//! that searches it.
//!
//! The guard owns the connection. It [resolves](Endpoint::resolve) and [connects](tcp::connect),
//! [secures](Connection::secure) the connection with TLS or StartTLS, [binds](Connection::bind) with messages that it
//! encodes and decodes itself, and then turns the connection into a [`Pipe`]: a local socket on which the library
//! speaks LDAP, while a pump passes on only messages that are sound. The library therefore never touches a stranger's
//! socket and never sees a password.
//!
//! Why: ldap3 0.12.1 trusts its server. A 31 KB message of nested elements overflows its stack and aborts the
//! process, several malformed messages make it panic, it has no limit on the size of a message, and it takes any
//! answer for the success of a bind.
//!
//! Everything that waits takes a deadline, a [`std::time::Instant`], and ends by it.

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
pub mod paged_results;
mod pipe;
mod starttls;
mod stream;
pub mod tcp;
pub mod trust;
mod violation;

pub use bind::{BindName, BindPassword, BindPermit, BindRequest, BindResponse, Unbindable};
pub use connection::{Connection, SecureError, UserBindError};
pub use endpoint::{Endpoint, Host, InvalidHost, ResolveError, Security};
pub use exchange::ExchangeError;
pub use limits::{Limits, SearchBudget};
pub use pipe::{Pipe, PipeEnd, PipeMonitor};
pub use trust::Trust;
pub use violation::Violation;
