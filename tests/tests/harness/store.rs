//! Whose store the harness goes by.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;

use rusqlite::Connection;
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

/// Leaves the store as it is, and beside it a write-ahead log that renames every account.
fn plant_a_log(store: &Path) {
    let before = fs::read(store).expect("the store");
    let log = store.with_file_name("users.db-wal");
    let connection = Connection::open(store).expect("the store");
    connection.pragma_update(None, "wal_autocheckpoint", 0).expect("no checkpoint");
    connection.execute_batch("UPDATE user SET name = 'mallory', folded_name = 'mallory'").expect("written");
    let planted = fs::read(&log).expect("a log");
    // Closing it writes the log into the store.
    drop(connection);
    fs::write(store, before).expect("as it was");
    fs::write(log, planted).expect("planted");
}

#[test]
fn a_log_that_others_planted_beside_a_store_is_not_written_into_it_by_a_server_that_refuses_it() {
    let harness = harness_with("kept/users.db");
    let folder = harness.folder().join("kept");
    fs::create_dir(&folder).expect("a folder");
    set_mode(&folder, 0o700);
    harness.add_local_user("admin", "of the local account");
    let (store, log) = (folder.join("users.db"), folder.join("users.db-wal"));
    plant_a_log(&store);
    let files = || (fs::read(&store).expect("the store"), fs::read(&log).expect("the log"));
    let planted = files();
    // The folder is mended, the log is not.
    for (folder_mode, log_mode, said) in [
        (0o777, 0o600, "kept may be written by others (mode 777)"),
        (0o700, 0o666, "users.db-wal may be written by others (mode 666)"),
    ] {
        set_mode(&folder, folder_mode);
        set_mode(&log, log_mode);
        let refused = harness.run(&["run"]);
        assert!(refused.code == 2 && refused.stderr.contains(said), "{refused:?}");
        assert!(refused.stderr.contains("look at the accounts (host-harness users)"), "{refused:?}");
        assert!(files() == planted, "{said}: the files have changed");
    }
    set_mode(&log, 0o600);
    // Only root may give a file away.
    if chown(&log, Some(54_321), None).is_ok() {
        let refused = harness.run(&["run"]);
        assert!(refused.code == 2 && refused.stderr.contains("users.db-wal belongs to user 54321"), "{refused:?}");
        assert!(files() == planted, "the files have changed");
    }
    // That is what the administrator is to see.
    let shown = harness.run(&["users"]);
    assert!(shown.code == 0 && shown.stdout.contains("mallory"), "{shown:?}");
}

#[test]
fn a_server_makes_no_store_where_others_could_have_made_one() {
    let harness = harness_with("kept/users.db");
    let folder = harness.folder().join("kept");
    fs::create_dir(&folder).expect("a folder");
    set_mode(&folder, 0o777);
    let refused = harness.run(&["run"]);
    assert!(refused.code == 2 && refused.stderr.contains("kept may be written by others"), "{refused:?}");
    assert_eq!(fs::read_dir(&folder).expect("the folder").count(), 0);
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
