//! Whose store the harness goes by.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;

use tests::harness::Harness;

/// A harness whose store lies at this path.
fn harness_with(store: &str) -> Harness {
    let harness = Harness::unconfigured();
    harness.configure(&format!("[store]\nurl = \"sqlite:{store}\"\n"));
    harness
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

#[test]
fn a_store_that_others_could_replace_starts_no_server_and_is_a_warning_elsewhere() {
    let harness = harness_with("kept/users.db");
    let folder = harness.folder().join("kept");
    fs::create_dir(&folder).expect("a folder");
    for (mode, who) in [(0o777, "others"), (0o770, "its group"), (0o1777, "others")] {
        set_mode(&folder, mode);
        let said = format!("kept may be written by {who} (mode {mode:o})");
        let refused = harness.run(&["run"]);
        assert!(refused.code == 2 && refused.stdout.is_empty(), "{refused:?}");
        assert!(refused.stderr.contains(&said) && refused.stderr.lines().count() == 1, "{refused:?}");
        let warned = harness.run(&["users"]);
        assert!(warned.code == 0 && warned.stderr.contains(&said), "{warned:?}");
    }
    set_mode(&folder, 0o700);
    assert_eq!(harness.run(&["run"]).code, 0);
    let silent = harness.run(&["users"]);
    assert!(silent.code == 0 && silent.stderr.is_empty(), "{silent:?}");
}

#[test]
fn a_link_to_a_store_is_gone_by_where_it_leads() {
    let harness = harness_with("link/users.db");
    let folder = harness.folder().join("kept");
    fs::create_dir(&folder).expect("a folder");
    symlink(&folder, harness.folder().join("link")).expect("a link");
    assert_eq!(harness.run(&["run"]).code, 0);
    set_mode(&folder, 0o777);
    let refused = harness.run(&["run"]);
    assert!(refused.code == 2 && refused.stderr.contains("kept may be written by others"), "{refused:?}");
}

#[test]
fn a_store_of_somebody_else_starts_no_server() {
    let harness = harness_with("users.db");
    assert_eq!(harness.run(&["run"]).code, 0);
    // Only root may give a file away.
    if chown(harness.store_file(), Some(54_321), None).is_ok() {
        let refused = harness.run(&["run"]);
        assert!(refused.code == 2 && refused.stderr.contains("users.db belongs to user 54321"), "{refused:?}");
    }
}
