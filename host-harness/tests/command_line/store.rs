//! The file of the store: for its owner alone, and never somebody else's.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use rusqlite::Connection;

use super::{Harness, code, complaint};

#[test]
fn the_file_with_the_hashes_is_for_its_owner_alone() {
    let harness = Harness::with_admin("");
    let mode = fs::metadata(harness.file("users.db")).expect("the store").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_store_that_others_may_read_is_warned_of_and_one_that_they_may_write_is_refused() {
    let harness = Harness::with_admin("");
    let chmod = |mode| fs::set_permissions(harness.file("users.db"), Permissions::from_mode(mode)).expect("its owner");
    chmod(0o644);
    let readable = harness.run(&["users"]);
    assert_eq!(code(&readable), 0);
    assert!(complaint(&readable).contains("chmod 600"), "{readable:?}");
    chmod(0o664);
    let writable = harness.run(&["users", "add", "bob", "--password-file", "password"]);
    assert_eq!(code(&writable), 2);
    assert!(complaint(&writable).contains("chmod 600"), "{writable:?}");
}

#[test]
fn the_database_of_another_program_is_a_mistake_in_the_configuration() {
    let harness = Harness::new("[store]\nurl = \"sqlite:foreign.db\"\n");
    let foreign = Connection::open(harness.file("foreign.db")).expect("a database");
    foreign.execute_batch("CREATE TABLE user (id); PRAGMA user_version = 1").expect("SQL");
    fs::set_permissions(harness.file("foreign.db"), Permissions::from_mode(0o600)).expect("its owner");
    let output = harness.run(&["users"]);
    assert_eq!(code(&output), 2);
    assert!(complaint(&output).contains("is not a store of host-harness"), "{output:?}");
}
