//! For those who write a provider.
//!
//! Implement [`AuthProvider`], name the type in [`export_provider!`](crate::export_provider), build a `cdylib`. The
//! package `provider-api/examples/file-provider` is a whole one, short enough to read at a sitting and meant to be
//! copied.
//!
//! What is tricky about a plugin is done here, between the trait and the ABI: the runtime, cancellation, deadlines,
//! panics, the way of the logs, shutdown.

#[cfg(panic = "abort")]
compile_error!(
    "a provider must be built with panic = \"unwind\": with \"abort\", any panic in the plugin would end the host's process"
);

mod adapter;
mod call;
mod contained;
mod cursor;
mod engine;
mod export;
mod log_bridge;
mod provider;
mod settings;

#[doc(hidden)]
pub use export::header;
pub use provider::{AuthProvider, UserCursor};
/// The crate that derives the schema of a provider's settings, in the version that this interface speaks.
pub use schemars;
