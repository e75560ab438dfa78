#![allow(clippy::expl_impl_clone_on_copy, reason = "written by the derive macro `StableAbi`")]

use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::package_version_strings;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RResult, RSlice, RStr};

use super::{AbiPair, AbiReply, HostBox, ProviderBox};

/// What a plugin exports: the two functions with which everything begins.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = ProviderModuleRef)))]
#[sabi(missing_field(option))]
pub struct ProviderModule {
    /// What the plugin says of itself: [`Outcome::DONE`](super::Outcome::DONE) with a
    /// [`Description`](crate::Description), or a fault. No settings, no I/O.
    pub describe: extern "C" fn() -> AbiReply,

    /// Makes a provider of its settings, a JSON object. Configuring constructs: new settings mean a new provider. No
    /// network I/O. Whatever else the host can say comes as names and values, of which unknown ones are ignored; in
    /// 1.0: `instance`, the host's name for this provider.
    #[sabi(last_prefix_field)]
    pub configure: for<'a> extern "C" fn(HostBox, RStr<'a>, RSlice<'a, AbiPair<'a>>) -> RResult<ProviderBox, AbiReply>,
}

impl ProviderModule {
    /// The module of a plugin with these functions.
    pub fn new(
        describe: extern "C" fn() -> AbiReply,
        configure: for<'a> extern "C" fn(HostBox, RStr<'a>, RSlice<'a, AbiPair<'a>>) -> RResult<ProviderBox, AbiReply>,
    ) -> Self {
        Self { describe, configure }
    }
}

impl RootModule for ProviderModuleRef {
    abi_stable::declare_root_module_statics! {ProviderModuleRef}

    const BASE_NAME: &'static str = "provider";
    const NAME: &'static str = "provider";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}
