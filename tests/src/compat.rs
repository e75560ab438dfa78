//! The plugins and the hosts of the nested workspace `tests/compat`, built on the spot against copies of the
//! interface.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::plugin::build_folder;

/// A plugin that was built against the copy of the interface of this name, such as `newer-minor`.
pub fn plugin(copy: &str) -> PathBuf {
    built(&format!("libcompat_plugin_{}.so", copy.replace('-', "_")))
}

/// The host that was built against the copy of this name, `frozen` or `newer`. It prints what it saw as a JSON object; see
/// its source for the arguments.
pub fn host(copy: &str) -> PathBuf {
    built(&format!("{copy}-host"))
}

fn built(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build).join(name)
}

/// Builds the workspace beside the build of the running test and returns the folder of its artifacts.
fn build() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("compat/Cargo.toml");
    let target = build_folder().join("compat");
    // With a target set, cargo would put everything one folder deeper.
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--manifest-path"])
        .arg(&manifest)
        .arg("--target-dir")
        .arg(&target)
        .env_remove("CARGO_BUILD_TARGET")
        .status()
        .expect("cargo can be started");
    assert!(status.success(), "`cargo build --manifest-path {}` failed: {status}", manifest.display());
    target.join("debug")
}
