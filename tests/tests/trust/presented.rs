//! Files to present to a host, and what it says of them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use provider_api::host::{HostServices, Plugin, PluginRefusal, Sha256Digest, Trust};
use provider_api::{Decision, Fault};
use serde_json::json;
use tempfile::TempDir;
use tests::faulty::{in_time, login};
use tests::plugin::built;

/// The name under which a host finds a plugin's header.
pub(crate) const HEADER: &str = "_1as_0lib_1header_0root_bmodule_bloader";

/// The bytes of a real plugin, stripped as one is that goes to a server.
pub(crate) fn stripped() -> &'static [u8] {
    static STRIPPED: OnceLock<Vec<u8>> = OnceLock::new();
    STRIPPED.get_or_init(|| {
        let folder = folder();
        let path = folder.path().join("stripped.so");
        let status = Command::new("strip").arg("-o").arg(&path).arg(built("libfaulty.so")).status();
        assert!(status.expect("strip (package binutils, which gcc needs) runs").success());
        fs::read(path).expect("the stripped plugin")
    })
}

/// The same plugin in another image: what lies behind the end of an ELF file is part of its hash alone.
pub(crate) fn variant(mark: &str) -> Vec<u8> {
    [stripped(), mark.as_bytes()].concat()
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A file that only its owner may write.
pub(crate) fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("a file in a temporary folder");
    set_mode(&path, 0o644);
    path
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

/// The pin of these bytes, by another program than the one that is tested.
pub(crate) fn pin_of(path: &Path) -> Sha256Digest {
    let output = Command::new("sha256sum").arg(path).output().expect("sha256sum runs");
    String::from_utf8_lossy(&output.stdout)[..64].parse().expect("a digest")
}

/// Presents a file that must be refused, and returns the line that says so.
pub(crate) async fn refusal(path: &Path, trust: &Trust) -> (PluginRefusal, String) {
    match Plugin::open(path, trust).await {
        Ok(_) => panic!("{} was not refused", path.display()),
        Err(error) => {
            let line = error.to_string();
            assert!(line.starts_with("plugin ") && line.contains(" is refused: "), "{line}");
            assert!(!line.chars().any(char::is_control) && line.chars().count() < 700, "one printable line: {line}");
            (error.kind(), line)
        }
    }
}

/// A library made of C on the spot, which the host would take for a plugin and whose code leaves a file behind when it
/// is loaded.
pub(crate) fn telltale(folder: &Path, name: &str, witness: &Path) -> PathBuf {
    let (code, library) = (folder.join("telltale.c"), folder.join(name));
    let source = format!(
        "#include <stdio.h>\nconst char {HEADER}[4096] = {{ 1 }};\n\
         __attribute__((constructor)) static void run(void) {{ fclose(fopen(\"{}\", \"w\")); }}\n",
        witness.display()
    );
    fs::write(&code, source).expect("its source");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&code).status();
    assert!(compiled.expect("a C compiler: rustc links with it").success());
    library
}

/// Whether the plugin answers a login.
pub(crate) async fn works(plugin: &Plugin) -> Result<(), Fault> {
    let provider = plugin.configure(&json!({}), &HostServices::silent()).await?;
    assert!(matches!(login(&provider, &in_time()).await?, Decision::Accepted(_)));
    Ok(())
}
