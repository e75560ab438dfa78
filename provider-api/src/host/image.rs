//! Loads a plugin's code, once for each content, and never lets go of it.

use std::collections::HashMap;
use std::error::Error as _;
use std::mem::ManuallyDrop;
use std::sync::{LazyLock, Mutex, PoisonError};

use abi_stable::library::{AbiHeaderRef, ROOT_MODULE_LOADER_NAME_WITH_NUL};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use super::copy::Copy;
use super::error::Refusal;
use super::layout;
use super::trust::{Sha256Digest, Trust};
use crate::abi::ProviderModuleRef;

/// What came of each content that the system's loader has taken. abi_stable's own loader keeps one library for each
/// *type* of module, so that the second plugin would be the first one.
static LOADED: LazyLock<Mutex<HashMap<Sha256Digest, Loaded>>> = LazyLock::new(Mutex::default);

/// The functions of a library, or why it has none for this host: a library stays loaded either way.
type Loaded = Result<ProviderModuleRef, Refusal>;

/// Loads a plugin from the checked bytes of its file, or finds it loaded.
///
/// The code comes from a copy of the host's own: nothing that happens to the original file afterwards, such as being
/// overwritten while it is mapped, reaches a running plugin, and a new file at the same path is a new plugin.
pub(super) fn load(bytes: &[u8], digest: Sha256Digest, trust: &Trust) -> Loaded {
    let loaded = || LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = loaded().get(&digest) {
        return known.clone();
    }
    // The lock is not held meanwhile: a constructor in the library may hang.
    let library = open(Copy::make(bytes, digest, trust.copies())?)?;
    let module = header(&library).and_then(layout::module);
    loaded().entry(digest).or_insert(module).clone()
}

/// Lets the system load the library, for good.
fn open(copy: Copy) -> Result<ManuallyDrop<Library>, Refusal> {
    let path = copy.path();
    // SAFETY: loading runs the constructors of a library that the administrator named as a plugin and that exports a
    // plugin's header. RTLD_LOCAL keeps its symbols to itself. It is never unloaded.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(|error| {
        // The system's own words, which name the library or the symbol that is missing, are the source.
        let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        Refusal::NotLoaded(reason.replace(&*path.to_string_lossy(), "the plugin"))
    })?;
    // A copy in memory stays open as long as the library: the loader knows it by a path with its descriptor, which
    // must never name another.
    let _stays_open = ManuallyDrop::new(copy);
    Ok(ManuallyDrop::new(library))
}

fn header(library: &Library) -> Result<AbiHeaderRef, Refusal> {
    // SAFETY: abi_stable exports under this name a static `LibHeader`, which begins with an `AbiHeader`;
    // `AbiHeaderRef` is a reference to that, and `upgrade` (in `layout`) compares its magic and version before
    // anything behind it is believed. The library lives for ever, so `'static` holds.
    unsafe { library.get::<AbiHeaderRef>(ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes()) }
        .map(|symbol| *symbol)
        .map_err(|_| Refusal::NoHeader)
}
