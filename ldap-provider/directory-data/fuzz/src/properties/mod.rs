//! What has to hold for every input. Each function is the body of the fuzz target that has its name, and panics where
//! the promise is broken.
//!
//! Most have a second opinion beside the parser: the same specification read in another way, for few cases and without
//! regard to speed.

mod account;
mod dn;
mod generalized_time;
mod identifier;
mod logon_failure;
mod ppolicy;
mod range;
mod sid;

pub use account::account;
pub use dn::dn;
pub use generalized_time::generalized_time;
pub use identifier::identifier;
pub use logon_failure::logon_failure;
pub use ppolicy::ppolicy;
pub use range::range;
pub use sid::sid;

/// A target's name, and what it checks.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 8] = [
    ("ppolicy", ppolicy),
    ("logon_failure", logon_failure),
    ("account", account),
    ("sid", sid),
    ("identifier", identifier),
    ("generalized_time", generalized_time),
    ("dn", dn),
    ("range", range),
];
