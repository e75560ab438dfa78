//! The files of the build that the tests belong to: plugins and the harness's program.
//!
//! `cargo test` alone builds neither (nothing in the tests links a plugin, on purpose), so a file may be missing, or
//! left over from before the last change of its sources. Both fail the test with the command to run; testing
//! yesterday's plugin would be worse than testing none.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The plugin file of the LDAP provider.
pub fn ldap_provider() -> PathBuf {
    built("libldap_provider.so")
}

/// The plugin file of the file provider.
pub fn file_provider() -> PathBuf {
    built("libfile_provider.so")
}

/// The harness's program.
pub fn host_harness() -> PathBuf {
    built("host-harness")
}

/// A file that `cargo build --workspace` makes, in the folder of the profile that the running test was built with.
///
/// Panics with what to do when it is missing or older than one of its sources.
pub fn built(name: &str) -> PathBuf {
    let folder = build_folder();
    let file = folder.join(name);
    let file_time = changed(&file).unwrap_or_else(|| panic!("{} is not built: {}", file.display(), advice(&folder)));
    // Cargo writes beside each artifact which sources it was made of, those of other workspace members included.
    let record = file.with_extension("d");
    let listing = fs::read_to_string(&record)
        .unwrap_or_else(|error| panic!("{}: {error}: {}", record.display(), advice(&folder)));
    for source in sources(&listing) {
        let fresh = changed(&source).is_some_and(|source_time| source_time <= file_time);
        assert!(fresh, "{} is older than its source {}: {}", file.display(), source.display(), advice(&folder));
    }
    file
}

/// The folder in which cargo puts programs and libraries: `target/debug` for a test in `target/debug/deps`.
pub fn build_folder() -> PathBuf {
    let program = std::env::current_exe().expect("the path of the running test");
    let folder = program.parent().expect("a program is in a folder");
    if folder.ends_with("deps") {
        folder.parent().expect("deps is inside a profile's folder").to_owned()
    } else {
        folder.to_owned()
    }
}

fn advice(folder: &Path) -> &'static str {
    if folder.ends_with("release") {
        "run `cargo build --release --workspace` first"
    } else {
        "run `cargo build --workspace` first"
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// The right side of a line `artifact: source source` as make writes it: a space inside a name has a backslash before
/// it.
fn sources(listing: &str) -> Vec<PathBuf> {
    let Some((_, right)) = listing.lines().next().and_then(|line| line.split_once(": ")) else { return Vec::new() };
    right.replace("\\ ", "\0").split_whitespace().map(|name| PathBuf::from(name.replace('\0', " "))).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::sources;

    #[test]
    fn the_sources_of_an_artifact_are_read_from_cargos_record() {
        let expected: Vec<PathBuf> = vec!["/a/lib.rs".into(), "/b c/mod.rs".into()];
        assert_eq!(sources("/target/lib x.so: /a/lib.rs /b\\ c/mod.rs\n"), expected);
    }
}
