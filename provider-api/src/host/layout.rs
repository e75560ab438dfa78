//! Decides whether a loaded library and this host mean the same thing by the interface.

use abi_stable::StableAbi;
use abi_stable::abi_stability::abi_checking::{
    AbiInstabilityErrors, CheckingGlobals, check_layout_compatibility_with_globals,
};
use abi_stable::library::{AbiHeaderRef, LibHeader, LibraryError, RootModule};
use abi_stable::sabi_types::VersionNumber;
use abi_stable::type_layout::TLFieldOrFunction;

use super::error::Refusal;
use crate::abi::ProviderModuleRef;

/// The functions of a plugin, once its header has been found sound.
pub(super) fn module(header: AbiHeaderRef) -> Result<ProviderModuleRef, Refusal> {
    let library = header.upgrade().map_err(|error| Refusal::Technology(technology(&error)))?;
    let theirs = library.version_strings();
    let version = VersionNumber::new(theirs).map_err(|_| Refusal::Version { theirs: theirs.version.to_string() })?;
    let ours = VersionNumber::new(ProviderModuleRef::VERSION_STRINGS)
        .map_err(|error| Refusal::NotStarted(error.to_string()))?;
    if version.major != ours.major {
        return Err(Refusal::Version { theirs: theirs.version.to_string() });
    }
    let older = (version.minor, version.patch) < (ours.minor, ours.patch);
    same_layout(library, older).map_err(|detail| Refusal::Layout { theirs: theirs.version.to_string(), detail })?;
    // SAFETY: the layout of the module, and of everything that can be reached from it, has just been compared.
    unsafe { library.unchecked_layout::<ProviderModuleRef>() }.map_err(|error| Refusal::NotStarted(error.to_string()))
}

/// Compares layouts in both directions: one of the two may be older, that is, a prefix of the other.
///
/// A newer plugin has functions that this host never calls. An older one lacks functions that this host may call, and
/// abi_stable then runs their default bodies.
fn same_layout(library: &LibHeader, older: bool) -> Result<(), String> {
    let ours = <ProviderModuleRef as StableAbi>::LAYOUT;
    let Some(theirs) = library.layout() else { return Err("it does not state its layout".to_owned()) };
    // The checker remembers the largest table that it has seen of each kind. Its memory is not shared between checks,
    // so that what was loaded before has no say in what loads now.
    let check = |ours, theirs| check_layout_compatibility_with_globals(ours, theirs, &CheckingGlobals::new());
    let forwards = check(ours, theirs);
    let backwards = check(theirs, ours);
    match (forwards, backwards) {
        (Ok(()), _) | (_, Ok(())) => Ok(()),
        // In the other direction the first difference would be what is merely new.
        (Err(forwards), Err(backwards)) => Err(first_difference(if older { &backwards } else { &forwards })),
    }
}

/// The first difference, in one line; abi_stable's own text fills pages.
fn first_difference(errors: &AbiInstabilityErrors) -> String {
    // An error without entries stands for the ones inside of it.
    let first =
        errors.errors.iter().find_map(|error| error.errs.first().map(|difference| (&error.stack_trace, difference)));
    let Some((place, difference)) = first else { return "the difference is not stated".to_owned() };
    let place = place.iter().last().map_or("the module itself", |place| match &place.expected {
        TLFieldOrFunction::Field(field) => field.full_type().name(),
        TLFieldOrFunction::Function(function) => function.name.as_str(),
    });
    // The rest of the text is the two layouts in full.
    let kind: String = format!("{difference:?}").chars().take_while(char::is_ascii_alphanumeric).collect();
    format!("{kind} in {place}")
}

fn technology(error: &LibraryError) -> String {
    match error {
        LibraryError::InvalidAbiHeader(header) => format!("its ABI is {}.{}", header.abi_major, header.abi_minor),
        LibraryError::InvalidCAbi { .. } => "its C ABI differs".to_owned(),
        _ => "its header cannot be used".to_owned(),
    }
}
