//! What directories write into values, controls and messages, read without trust.
//!
//! Nothing here knows a connection, a setting or the time of day: octets come in, and what they mean comes out, or that
//! they mean nothing. Whatever is not exactly as its specification has it is an error, which whoever asks must take for
//! a refusal.

#![forbid(unsafe_code)]

pub mod active_directory;
mod attribute;
pub mod boolean;
mod dn;
pub mod folding;
pub mod generalized_time;
pub mod identifier;
mod integer;
mod malformed;
pub mod netscape;
pub mod ppolicy;
pub mod range;
pub mod shadow;

pub use attribute::{AttributeName, key as attribute_key};
pub use dn::{Dn, DnKey, FoldedValue, InvalidDn, fold as fold_dn_value};
pub use malformed::Malformed;
