//! The one thing that a plugin exports: the header that a host looks for.

use abi_stable::library::{__call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult};
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::std_types::{RResult, RSlice, RStr};

use super::adapter;
use super::provider::AuthProvider;
use crate::abi::{AbiPair, AbiReply, HostBox, ProviderBox, ProviderModule, ProviderModuleRef};
use crate::panics::{self, caught};
use crate::{Description, wire};

/// Makes a type that implements [`AuthProvider`](crate::author::AuthProvider) the provider of this dynamic library.
///
/// Once in a library, at its root, with `crate-type = ["cdylib"]`:
///
/// ```text
/// provider_api::export_provider!(MyProvider);
/// ```
///
/// The author's package needs no dependency on the ABI's own crates and may forbid unsafe code.
#[macro_export]
macro_rules! export_provider {
    ($provider:ty) => {
        // The name is abi_stable's `ROOT_MODULE_LOADER_NAME`; a test holds the two together.
        #[doc(hidden)]
        #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
        pub static PROVIDER_API_HEADER: $crate::abi::technology::LibHeader = $crate::author::header::<$provider>();
    };
}

/// The header of a plugin whose provider is `P`. For [`export_provider!`](crate::export_provider).
#[doc(hidden)]
pub const fn header<P: AuthProvider>() -> LibHeader {
    // SAFETY: `constructor` returns what `module` made, a `ProviderModuleRef`, the very type that is named here.
    unsafe { LibHeader::from_constructor::<ProviderModuleRef>(constructor::<P>, CheckTypeLayout::Yes) }
}

extern "C" fn constructor<P: AuthProvider>() -> RootModuleResult {
    __call_root_module_loader(module::<P>)
}

fn module<P: AuthProvider>() -> ProviderModuleRef {
    ProviderModule::new(describe::<P>, configure::<P>).leak_into_prefix()
}

extern "C" fn describe<P: AuthProvider>() -> AbiReply {
    wire::reply(caught(description::<P>).map_err(|panic| panics::fault_of(&panic)))
}

fn description<P: AuthProvider>() -> Description {
    Description {
        id: P::ID.to_owned(),
        version: P::VERSION.to_owned(),
        interface_version: env!("CARGO_PKG_VERSION").to_owned(),
        capabilities: P::CAPABILITIES.to_vec(),
        settings_schema: schemars::schema_for!(P::Settings).to_value(),
    }
}

extern "C" fn configure<P: AuthProvider>(
    services: HostBox,
    settings: RStr<'_>,
    more: RSlice<'_, AbiPair<'_>>,
) -> RResult<ProviderBox, AbiReply> {
    match caught(|| adapter::configure::<P>(services, settings.as_str(), more)) {
        Ok(Ok(provider)) => RResult::ROk(provider),
        Ok(Err(fault)) => RResult::RErr(wire::fault_reply(&fault)),
        Err(panic) => RResult::RErr(wire::fault_reply(&panics::fault_of(&panic))),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_exported_name_is_the_one_that_hosts_look_for() {
        let wanted = format!("export_name = \"{}\"", abi_stable::library::ROOT_MODULE_LOADER_NAME);
        assert!(include_str!("export.rs").contains(&wanted), "the macro must say {wanted}");
    }
}
