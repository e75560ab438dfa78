//! What crosses the border between a host and a plugin, and nothing else.
//!
//! The two sides may come from different compilers, so only types with a stated layout cross, and the loader compares
//! the layouts of both sides before the first call. Three rules keep the border small and let it grow:
//!
//! - Numbers are open: [`Outcome`] is a `u32` with names for some values. A value without a name is a fault, never an
//!   acceptance.
//! - Structs that are passed by value are small and frozen. What may grow travels as JSON in an [`AbiReply`], or as
//!   names and values in an [`AbiContext`].
//! - Tables of functions end, for version 1.0, at the one marked `last_prefix_field`. A later function goes below
//!   that mark. An object's has a default body, which runs where the other side does not have it; the module's is an
//!   `Option`.
//!
//! **Memory.** Whoever allocates frees: the types of `abi_stable` carry the function that frees them. Arguments are
//! lent for the time of the call; a password is lent too, and copied once by the plugin into memory that is wiped.
//!
//! **Time.** Clocks do not cross; what remains until the deadline does, in microseconds.
//!
//! **Panics.** A panic that leaves an `extern "C"` function ends the process, and the other side cannot stop that. So
//! every function here catches them itself: the author face does so for the plugin's, the host face for the host's.
//!
//! abi_stable and async-ffi stay inside of this module, `author` and `host`: no signature of either face names them,
//! so that another technology could take their place. async-ffi is pinned to one version, since the layout check sees
//! the wakers inside of a future as mere pointers.

mod module;
mod provider;
mod reply;
mod services;

pub use module::{ProviderModule, ProviderModuleRef};
pub use provider::{AbiCursor, AbiCursor_TO, AbiProvider, AbiProvider_TO, CursorBox, ProviderBox};
pub use reply::{AbiContext, AbiPair, AbiReply, Outcome};
pub use services::{AbiHost, AbiHost_TO, AbiLogRecord, HostBox};

/// What the code that [`export_provider!`](crate::export_provider) writes needs of the technology.
#[doc(hidden)]
pub mod technology {
    pub use abi_stable::library::LibHeader;
}
