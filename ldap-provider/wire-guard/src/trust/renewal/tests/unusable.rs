//! A file that cannot be used.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use log::Level;
use tempfile::TempDir;

use super::authority::{Period, self_signed};
use super::heard::Heard;
use super::{EACH_LOOKS, Trusted, accepts, assert_only, rename_into_place, trust};

type Damage = (&'static str, fn(&Path));

/// Ways to make a good file one that cannot be used.
const DAMAGES: [Damage; 10] = [
    ("removed", |file| fs::remove_file(file).unwrap()),
    ("empty", |file| fs::write(file, "").unwrap()),
    ("no PEM", |file| fs::write(file, "garbage").unwrap()),
    ("half a certificate", |file| {
        let pem = fs::read_to_string(file).unwrap();
        fs::write(file, &pem[..pem.len() / 2]).unwrap();
    }),
    ("one good and one broken", |file| {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        fs::write(file, fs::read_to_string(file).unwrap() + broken).unwrap();
    }),
    ("too large", |file| OpenOptions::new().write(true).open(file).unwrap().set_len((4 << 20) + 1).unwrap()),
    ("a folder", |file| {
        fs::remove_file(file).unwrap();
        fs::create_dir(file).unwrap();
    }),
    ("a pipe", |file| {
        fs::remove_file(file).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, file, 0o600.into()).unwrap();
    }),
    ("a link that leads nowhere", |file| {
        fs::remove_file(file).unwrap();
        symlink("nowhere", file).unwrap();
    }),
    ("not permitted", |file| {
        // What root reads nevertheless.
        fs::write(file, "garbage").unwrap();
        fs::set_permissions(file, Permissions::from_mode(0o0)).unwrap();
    }),
];

#[tokio::test]
async fn a_file_that_cannot_be_used_leaves_the_old_one_in_force_until_it_is_good_again() {
    let (old, new) = (Trusted::because_of_ca("Old CA").await, Trusted::because_of_ca("New CA").await);
    let stranger = Trusted::because_of_ca("Strange CA").await;
    let itself = Trusted::as_it_is(self_signed(&["ldap.test"], &Period::Now)).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, &old.pem).unwrap();
    let trust = trust(&file, EACH_LOOKS);
    for (what, damage) in DAMAGES {
        println!("{what}");
        // What is damaged is the new file: nothing of it may count, not even its good part.
        assert_only(&trust, &old, &[&new]).await;
        let damaged = folder.path().join("damaged.pem");
        fs::write(&damaged, &new.pem).unwrap();
        damage(&damaged);
        replace_by(&damaged, &file);
        assert_only(&trust, &old, &[&new, &stranger, &itself]).await;

        rename_into_place(&file, &new.pem);
        assert_only(&trust, &new, &[&old, &stranger, &itself]).await;
        rename_into_place(&file, &old.pem);
    }
}

/// Makes `file` what `new` is, also nothing or a folder.
fn replace_by(new: &Path, file: &Path) {
    fs::remove_file(file).unwrap();
    if new.symlink_metadata().is_ok() {
        fs::rename(new, file).unwrap();
    }
}

#[tokio::test]
async fn what_is_wrong_is_logged_once_for_each_problem_and_says_what_to_do() {
    let old = Trusted::because_of_ca("Old CA").await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, &old.pem).unwrap();
    let heard = Heard::about(&file);
    let trust = trust(&file, EACH_LOOKS);
    let some_connections = async || {
        for _ in 0..5 {
            assert!(accepts(&trust, old.server).await);
        }
    };
    some_connections().await;
    assert_eq!(heard.lines(Level::Warn), Vec::<String>::new());

    fs::remove_file(&file).unwrap();
    some_connections().await;
    fs::write(&file, "garbage").unwrap();
    some_connections().await;
    rename_into_place(&file, &old.pem);
    some_connections().await;
    fs::remove_file(&file).unwrap();
    some_connections().await;

    let warnings = heard.lines(Level::Warn);
    assert_eq!(warnings.len(), 3, "{warnings:#?}");
    for (warning, reason) in warnings.iter().zip(["No such file", "no certificate in PEM", "No such file"]) {
        for part in [reason, "stays in force", "without a restart"] {
            assert!(warning.contains(part) && !warning.contains('\n'), "{part}: {warning}");
        }
    }
    assert_eq!(heard.lines(Level::Info).len(), 1, "it was good again once");
}
