// `sabi_trait` writes impls inside of a constant; nothing can be done about it here.
#![allow(non_local_definitions, reason = "written by the attribute macro `sabi_trait` of abi_stable 0.11.3")]
#![allow(missing_docs, clippy::pedantic, clippy::expect_used, reason = "the types that `sabi_trait` writes")]

use abi_stable::std_types::{RBox, RSlice, RStr};
use abi_stable::{StableAbi, sabi_trait};

use super::AbiPair;

/// A log record, lent to the host for the time of one call.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct AbiLogRecord<'a> {
    /// 1 error, 2 warning, 3 information, 4 debug, 5 trace; other numbers count as trace.
    pub level: u32,
    /// Where it comes from.
    pub target: RStr<'a>,
    /// What it says.
    pub message: RStr<'a>,
    /// Named values that go with it.
    pub fields: RSlice<'a, AbiPair<'a>>,
    /// The request that it belongs to; empty if it belongs to none.
    pub request_id: RStr<'a>,
}

/// What a host offers to a provider. Called from any thread of the plugin, many at a time.
#[sabi_trait]
pub trait AbiHost: Send + Sync {
    /// The least important level that the host wants to hear of, by the numbers of [`AbiLogRecord::level`]; 0 for
    /// nothing.
    fn max_level(&self) -> u32;

    /// Takes a log record. Returns soon, and does not call back into the provider.
    #[sabi(last_prefix_field)]
    fn log(&self, record: AbiLogRecord<'_>);
}

/// A host's services as they cross the border.
pub type HostBox = AbiHost_TO<'static, RBox<()>>;
