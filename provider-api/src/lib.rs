//! The contract between a login server and its authentication providers.
//!
//! A *provider* answers one question: who is the person who typed this name and this password? It is compiled into a
//! dynamic library of its own, and a *host* loads it at run time. The two may be built months apart by different
//! compilers; what they share is this crate.
//!
//! It has two faces, and you need one of them:
//!
//! - feature `author`: you write a provider. Implement [`AuthProvider`](author::AuthProvider), name it in
//!   [`export_provider!`], build a `cdylib`. No unsafe code, no FFI type, testable without loading a library.
//! - feature `host`: you run a server. [`Plugin::open`](host::Plugin::open) loads the file,
//!   [`configure`](host::Plugin::configure) makes a [`Provider`](host::Provider), and that logs people in.
//! - feature `conformance`: the tests of a provider's author. `conformance` checks a plugin file against the contract.
//!
//! All speak in the plain types of this page. What crosses the border in between is in [`abi`].
//!
//! # The four kinds of answer
//!
//! A login is answered in one of four ways, and they are never mixed:
//!
//! | answer | type | what the host does |
//! |---|---|---|
//! | accepted | `Ok(`[`Decision::Accepted`]`)` | lets the person in |
//! | rejected | `Ok(`[`Decision::Rejected`]`)` | refuses; may ask the next provider after [`RejectReason::UNKNOWN_USER`] alone |
//! | unavailable | `Err(`[`Fault::Unavailable`]`)` | refuses for now: trying again later may help |
//! | misconfigured | `Err(`[`Fault::Misconfigured`]`)` | refuses until an administrator has acted |
//!
//! A rejection is knowledge and therefore a value; "cannot tell" is an error. [`Fault::Internal`] is a defect of the
//! provider.
//!
//! Linux is what is built and tested.

#[cfg(any(feature = "author", feature = "host"))]
pub mod abi;
#[cfg(feature = "author")]
pub mod author;
#[cfg(feature = "host")]
pub mod host;

#[cfg(feature = "conformance")]
pub mod conformance;

mod code;
mod context;
mod credentials;
#[cfg(any(feature = "author", feature = "host"))]
mod cut_off;
mod decision;
mod description;
mod fault;
mod identity;
mod listing;
mod log_record;
mod metric;
mod one_line;
#[cfg(any(feature = "author", feature = "host"))]
mod panics;
mod secret;
#[cfg(any(feature = "author", feature = "host"))]
mod threads;
mod validation;
#[cfg(any(feature = "author", feature = "host"))]
mod wire;

pub use code::{MisconfiguredReason, NoticeCode, RejectReason, UnavailableReason, UserCode};
pub use context::{Deadline, RequestContext};
pub use credentials::Credentials;
pub use decision::{Accepted, Decision, Notice, Rejection};
pub use description::{Capability, Description};
pub use fault::{Fault, FaultKind};
pub use identity::{Group, Identity};
pub use listing::{ListRequest, ListedUser, ListingEnd, UserPage};
pub use log_record::{LogLevel, LogRecord};
pub use metric::Metric;
pub use one_line::{is_unprintable, one_line};
pub use secret::Secret;
#[cfg(any(feature = "author", feature = "host"))]
pub use threads::try_threads;
pub use validation::{Stage, StageFault, StageOutcome, ValidationReport};
