//! What has to hold for every input. Each function is the body of the fuzz target that has its name, and panics where
//! the promise is broken.

mod conversation;
mod framing;
mod grammar;
mod paged_results;
mod rfc4511;
mod server;

pub use conversation::{Scenario, conversation};
pub use framing::{FRAMING_LIMITS, framing};
pub use grammar::grammar;
pub use paged_results::paged_results;

/// A target's name, and what it checks.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 4] =
    [("framing", framing), ("grammar", grammar), ("paged_results", paged_results), ("conversation", conversation)];
