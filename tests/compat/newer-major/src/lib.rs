//! A synthetic 2.0: the same layout under another major version.
//!
//! Its own is the module `abi`; everything behind the border is the present code.

#[cfg(any(feature = "author", feature = "host"))]
#[path = "../../frozen/src/abi/mod.rs"]
pub mod abi;

include!("../../behind_the_border.rs");
