//! Loads a plugin's code, once for each content, and never lets go of it.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd as _;
use std::sync::{LazyLock, Mutex, PoisonError};

use abi_stable::library::{AbiHeaderRef, ROOT_MODULE_LOADER_NAME_WITH_NUL};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use rustix::fs::{MemfdFlags, SealFlags};
use sha2::{Digest, Sha256};

use super::error::Refusal;
use super::layout;
use crate::abi::ProviderModuleRef;

type Digest256 = [u8; 32];

/// What has been loaded so far. abi_stable's own loader keeps one library for each *type* of module, so that the
/// second plugin would be the first one.
static LOADED: LazyLock<Mutex<HashMap<Digest256, ProviderModuleRef>>> = LazyLock::new(Mutex::default);

/// Loads a plugin from the checked bytes of its file, or finds it loaded.
///
/// The code comes from a sealed copy in memory: nothing that happens to the original file afterwards, such as being
/// overwritten while it is mapped, reaches a running plugin, and a new file at the same path is a new plugin.
pub(super) fn load(bytes: &[u8]) -> Result<ProviderModuleRef, Refusal> {
    let digest: Digest256 = Sha256::digest(bytes).into();
    let loaded = || LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = loaded().get(&digest) {
        return Ok(*module);
    }
    // The lock is not held meanwhile: a constructor in the library may hang.
    let module = open(bytes)?;
    Ok(*loaded().entry(digest).or_insert(module))
}

fn open(bytes: &[u8]) -> Result<ProviderModuleRef, Refusal> {
    let copy = ManuallyDrop::new(sealed_copy(bytes).map_err(|error| Refusal::NotLoaded(error.to_string()))?);
    // The descriptor stays open for good: the loader knows a library by its path, and this one must never name
    // another.
    let path = format!("/proc/self/fd/{}", copy.as_raw_fd());
    // SAFETY: loading runs the constructors of a library that the administrator named as a plugin and that exports a
    // plugin's header. RTLD_LOCAL keeps its symbols to itself. It is never unloaded.
    let library = unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_LOCAL) }
        .map_err(|error| Refusal::NotLoaded(error.to_string().replace(&path, "the plugin")))?;
    let library = ManuallyDrop::new(library);
    // SAFETY: abi_stable exports under this name a static `LibHeader`, which begins with an `AbiHeader`;
    // `AbiHeaderRef` is a reference to that, and `upgrade` (in `layout`) compares its magic and version before
    // anything behind it is believed. The library lives for ever, so `'static` holds.
    let header = unsafe { library.get::<AbiHeaderRef>(ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes()) }
        .map(|symbol| *symbol)
        .map_err(|_| Refusal::NoHeader)?;
    layout::module(header)
}

/// A file in memory with these bytes, which nobody can change any more.
fn sealed_copy(bytes: &[u8]) -> std::io::Result<File> {
    let descriptor = rustix::fs::memfd_create("provider-plugin", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = File::from(descriptor);
    file.write_all(bytes)?;
    rustix::fs::fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}
