//! A synthetic 1.1: what 1.0 has, and one function more in each table.
//!
//! Its own is the module `abi`; everything behind the border is the present code.

#[cfg(any(feature = "author", feature = "host"))]
pub mod abi;

include!("../../behind_the_border.rs");

/// The face of what is new.
#[cfg(feature = "host")]
impl host::Provider {
    /// Calls the function that 1.0 does not have.
    pub fn new_in_1_1(&self) -> u32 {
        abi::AbiProvider_TO::new_in_1_1(&self.0.object)
    }
}
