//! A synthetic 1.0.1 in which a struct has changed, which must not happen.
//!
//! Its own is the module `abi`; everything behind the border is the present code.

#[cfg(any(feature = "author", feature = "host"))]
pub mod abi;

include!("../../behind_the_border.rs");
