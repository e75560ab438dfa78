//! The interface as of 1.0.0, frozen.
//!
//! Its own is the module `abi`; everything behind the border is the present code.

#[cfg(any(feature = "author", feature = "host"))]
pub mod abi;

include!("../../behind_the_border.rs");
