#![allow(non_local_definitions, reason = "written by the attribute macro `sabi_trait` of abi_stable 0.11.3")]
#![allow(missing_docs, clippy::pedantic, clippy::expect_used, reason = "the types that `sabi_trait` writes")]

use abi_stable::sabi_trait;
use abi_stable::std_types::{RBox, RStr};
use async_ffi::FfiFuture;

use super::{AbiContext, AbiReply};

/// A configured provider.
///
/// Futures do their work on the plugin's own runtime from their first poll on; dropping one cancels its work. None of
/// these functions blocks.
#[sabi_trait]
pub trait AbiProvider: Send + Sync {
    /// Tries the settings. `Outcome::DONE` with a
    /// [`ValidationReport`](crate::ValidationReport), or a fault.
    fn validate(&self, context: AbiContext<'_>) -> FfiFuture<AbiReply>;

    /// Answers a login with `Outcome::ACCEPTED`,
    /// `Outcome::REJECTED` or a fault.
    fn authenticate(&self, context: AbiContext<'_>, username: RStr<'_>, password: RStr<'_>) -> FfiFuture<AbiReply>;

    /// Begins a listing of what the [`ListRequest`](crate::ListRequest), as JSON, asks for. Does no work before the
    /// first page is asked for.
    fn list_users(&self, request: RStr<'_>) -> CursorBox;

    /// Counters. `Outcome::DONE` with `{"metrics": [{"name", "value"}]}`, or a fault.
    fn metrics(&self, context: AbiContext<'_>) -> FfiFuture<AbiReply>;

    /// Refuses new calls from now on and waits for those in flight, `grace_us` microseconds at most; what still runs
    /// then is cancelled and answered as `shutting_down`. `Outcome::DONE` with `{"cancelled":
    /// N}`.
    #[sabi(last_prefix_field)]
    fn shutdown(&self, grace_us: u64) -> FfiFuture<AbiReply>;

    /// New in 1.1. The other side may not have it; the default answers for it.
    fn new_in_1_1(&self) -> u32 {
        11
    }
}

/// A provider as it crosses the border. Dropping it returns at once; the plugin takes it apart on a thread of its
/// own.
pub type ProviderBox = AbiProvider_TO<'static, RBox<()>>;

/// A listing under way.
#[sabi_trait]
pub trait AbiCursor: Send + Sync {
    /// The next page: `Outcome::DONE` with `{"users": [..], "end": END}`, or a fault, which ends the listing as
    /// incomplete. END is `null` if more follows, `{"complete": true}`, or `{"complete": false, "outcome": N,
    /// "fault": {..}}` with the outcome and the body of a fault. After a page whose reply the host did not take,
    /// every further call is a fault: the listing is broken, not at its end.
    #[sabi(last_prefix_field)]
    fn next_page(&self, context: AbiContext<'_>) -> FfiFuture<AbiReply>;
}

/// A listing as it crosses the border. Dropping it returns at once.
pub type CursorBox = AbiCursor_TO<'static, RBox<()>>;
