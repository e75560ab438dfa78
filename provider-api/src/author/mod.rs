//! For those who write a provider.
//!
//! Implement [`AuthProvider`], name the type in [`export_provider!`](crate::export_provider), build a `cdylib`. The
//! package `provider-api/examples/file-provider` is a whole one, short enough to read at a sitting and meant to be
//! copied.
//!
//! # From a copy to a provider
//!
//! ```text
//! cp -r provider-api/examples/file-provider my-provider
//! sed -i 's|path = "../.."|path = "/path/to/provider-api"|' my-provider/Cargo.toml
//! cd my-provider && cargo test
//! ```
//!
//! What `src/lib.rs` does and which people `tests/contract.rs` states is yours. The latter is the conformance kit
//! (`provider_api::conformance`), which loads the plugin file as a host does and checks what is asked of a provider. A
//! provider with a fixed list of users has some 60 lines, the test included: `tests/author` in this repository.
//!
//! # Memory, threads, and who frees what
//!
//! You write ordinary Rust and own what you make. Nothing that crosses the border is freed by the wrong side:
//!
//! | what | who makes it | who lets it go |
//! |---|---|---|
//! | settings, name, password | the host lends them for the time of one function | you get copies of your own; the password's wipes itself |
//! | your answers | you | they become JSON here; the host frees that with the function that came with it |
//! | a call | the host holds it, you do its work | dropped by the host when the caller goes, by your runtime at the deadline |
//! | the provider | you | you: on a thread of its own, so that a slow `Drop` holds up nobody |
//! | a listing | you | you, on your runtime; also when the host breaks it off |
//! | log records | you lend them to the host for one call | |
//! | the library | the system | nobody: a plugin is never unloaded, so its statics live as long as the process |
//!
//! | thread | what runs on it |
//! |---|---|
//! | the workers of each provider, one for each processor, but two at least and four at most, with 2 MiB of stack, named after the instance; two, each with its own calls, if [it never blocks](AuthProvider::NEVER_BLOCKS) | every async method, `metrics`, and what you spawn |
//! | `tokio::task::spawn_blocking`, as many as you use at a time | what blocks or computes |
//! | one of the host's, once | `configure`, and the description |
//! | one of its own | the `Drop` of the provider |
//! | none of the host's workers | nothing of yours, ever |
//!
//! A host lets so many calls in at a time and no more, and it notices threads that do not come back: after some of
//! these the provider is refused until they do.
//!
//! What is tricky about a plugin is done here, between the trait and the ABI: the runtime, cancellation, deadlines,
//! panics, the way of the logs, shutdown.

#[cfg(panic = "abort")]
compile_error!(
    "a provider must be built with panic = \"unwind\": with \"abort\", any panic in the plugin would end the host's process"
);

mod adapter;
mod boxed;
mod call;
mod contained;
mod cursor;
mod engine;
mod export;
mod lane;
mod log_bridge;
mod provider;
mod settings;

#[doc(hidden)]
pub use export::header;
pub use lane::Lane;
pub use provider::{AuthProvider, UserCursor};
/// The crate that derives the schema of a provider's settings, in the version that this interface speaks.
pub use schemars;
