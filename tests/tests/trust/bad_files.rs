//! The ways to present a bad file to a server. Each is wrong in one point alone: the pin is that of its content.

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use provider_api::host::{Plugin, PluginRefusal, Trust};
use rustix::process::geteuid;
use tests::compat;

use super::presented::{HEADER, folder, pin_of, refusal, set_mode, stripped, variant, works, written};

/// Somebody who is neither root nor the host's user.
const STRANGER: u32 = 54_321;

/// A folder below `root`.
fn below(root: &Path, name: &str) -> PathBuf {
    let folder = root.join(name);
    fs::create_dir(&folder).expect("a folder");
    set_mode(&folder, 0o755);
    folder
}

/// A good plugin below `root`.
fn good(root: &Path, name: &str) -> PathBuf {
    written(root, name, stripped())
}

/// What is refused before it is looked into: by its path, its kind, its owner or its permissions.
fn by_its_place(root: &Path) -> Vec<(&'static str, PathBuf, &'static str)> {
    let mut cases = vec![("missing", root.join("missing.so"), "no such file")];
    cases.push(("a folder", below(root, "folder.so"), "a folder"));
    cases.push(("a device", "/dev/null".into(), "a device"));
    let fifo = root.join("fifo.so");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs").success());
    cases.push(("a FIFO", fifo, "pipe"));
    let socket = root.join("socket.so");
    drop(UnixListener::bind(&socket).expect("a socket"));
    cases.push(("a socket", socket, "cannot be read"));

    let link = root.join("link.so");
    symlink(good(root, "good.so"), &link).expect("a link");
    cases.push(("a link to a good file", link, "link.so is a symbolic link"));
    let (real, linked) = (below(root, "real"), root.join("linked"));
    good(&real, "good.so");
    symlink(&real, &linked).expect("a link");
    cases.push(("a link on the way", linked.join("good.so"), "linked is a symbolic link"));
    cases.push(("a way up", real.join("../good.so"), "has .. in it"));
    cases.push(("a file on the way", root.join("good.so/good.so"), "cannot be read"));
    // The system's own loader would look for these two in its path and in LD_LIBRARY_PATH.
    cases.push(("a relative path", "target/good.so".into(), "relative"));
    cases.push(("a bare name", "libc.so.6".into(), "relative"));

    for (name, mode, who) in [("group.so", 0o664, "its group"), ("world.so", 0o646, "others")] {
        let file = good(root, name);
        set_mode(&file, mode);
        cases.push((name, file, who));
    }
    for (name, mode, who) in [
        ("group's folder", 0o775, "its group"),
        ("world's folder", 0o757, "others"),
        ("everybody's folder", 0o777, "others"),
    ] {
        let open = below(root, name);
        let file = good(&below(&open, "inner"), "good.so");
        set_mode(&open, mode);
        cases.push((name, file, who));
    }
    cases
}

/// What only root can set up.
fn by_its_owner(root: &Path) -> Vec<(&'static str, PathBuf, &'static str)> {
    let file = good(root, "a stranger's.so");
    chown(&file, Some(STRANGER), None).expect("root may");
    let folder = below(root, "a stranger's folder");
    let inside = good(&folder, "good.so");
    chown(&folder, Some(STRANGER), None).expect("root may");
    let sticky = below(root, "a stranger's sticky folder");
    let inside_sticky = good(&sticky, "good.so");
    set_mode(&sticky, 0o1777);
    chown(&sticky, Some(STRANGER), None).expect("root may");
    let hard_link = root.join("hard-link.so");
    fs::hard_link(&file, &hard_link).expect("a hard link");
    let says = "belongs to user 54321";
    vec![
        ("a stranger's file", file, says),
        ("a good file in a stranger's folder", inside, says),
        ("a good file in a stranger's sticky folder", inside_sticky, says),
        ("a hard link to a stranger's file", hard_link, says),
    ]
}

/// What is refused for what is in it.
fn by_its_content(root: &Path) -> Vec<(&'static str, PathBuf, &'static str)> {
    let patched = |name: &'static str, position: usize, byte: u8| {
        let mut bytes = stripped().to_vec();
        bytes[position] = byte;
        written(root, name, &bytes)
    };
    let compiled = |name: &str, source: String| {
        let (code, library) = (written(root, "library.c", source.as_bytes()), root.join(name));
        let status = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&code).status();
        assert!(status.expect("a C compiler").success());
        library
    };
    let unresolved = format!("extern void nowhere(void); void (*{HEADER}[64])(void) = {{ nowhere }};");
    let last_4_kib = stripped().len() - 4096;
    vec![
        ("empty", written(root, "empty.so", b""), "no ELF file"),
        ("a text", written(root, "text.so", b"#!/bin/sh\necho hello\n"), "no ELF file"),
        ("a magic number alone", written(root, "magic.so", b"\x7fELF"), "64-bit"),
        ("cut short", written(root, "cut.so", &stripped()[..last_4_kib]), "damaged"),
        // ELF header: EI_CLASS at 4, EI_DATA at 5, e_type at 16, e_machine at 18.
        ("32 bits", patched("32.so", 4, 1), "64-bit"),
        ("big-endian", patched("big-endian.so", 5, 2), "little-endian"),
        ("a program", patched("program.so", 16, 2), "no shared library"),
        ("of another machine", patched("machine.so", 18, 8), "another processor"),
        ("an ordinary library", compiled("ordinary.so", "int x = 1;".to_owned()), "no provider plugin"),
        ("a header of garbage", compiled("garbage.so", format!("const char {HEADER}[4096] = {{ 1 }};")), "abi_stable"),
        ("with a symbol that is nowhere", compiled("unresolved.so", unresolved), "nowhere"),
        ("of another major version", copied(root, "newer-major"), "version 2.0.0"),
        ("of another layout", copied(root, "other-layout"), "another layout"),
    ]
}

fn copied(root: &Path, name: &str) -> PathBuf {
    written(root, name, &fs::read(compat::plugin(name)).expect("a plugin of tests/compat"))
}

#[tokio::test]
async fn every_bad_file_is_refused_in_one_line_and_the_host_lives() {
    let root = folder();
    let mut cases = by_its_place(root.path());
    if geteuid().is_root() {
        cases.extend(by_its_owner(root.path()));
    }
    cases.extend(by_its_content(root.path()));
    assert!(cases.len() >= 18, "{}", cases.len());
    for (what, path, said) in &cases {
        let pinned = if path.is_file() { pin_of(path) } else { pin_of(&root.path().join("good.so")) };
        let (_, line) = refusal(path, &Trust::strict(pinned)).await;
        assert!(line.contains(said), "{what}: {line}");
    }
    println!("{} bad files: all refused, one line each", cases.len());
    let good = root.path().join("good.so");
    works(&Plugin::open(&good, &Trust::strict(pin_of(&good))).await.expect("a good file loads"))
        .await
        .expect("it works");
}

#[tokio::test]
async fn a_server_loads_nothing_without_a_pin_and_says_which_it_would_need() {
    let root = folder();
    let path = written(root.path(), "plugin.so", &variant("no pin"));
    let trust = Trust::new(provider_api::host::TrustProfile::Strict, None);
    let (kind, line) = refusal(&path, &trust).await;
    assert_eq!(kind, PluginRefusal::NotTrusted);
    assert!(line.contains(&format!("sha256 = \"{}\"", pin_of(&path))), "{line}");
}

#[tokio::test]
async fn a_file_with_another_content_than_the_pinned_is_refused_in_either_profile() {
    let root = folder();
    let pinned = pin_of(&written(root.path(), "pinned.so", stripped()));
    let other = written(root.path(), "other.so", &variant("other"));
    for trust in [Trust::strict(pinned), Trust::new(provider_api::host::TrustProfile::Developer, Some(pinned))] {
        let (kind, line) = refusal(&other, &trust).await;
        assert_eq!(kind, PluginRefusal::NotTrusted);
        assert!(line.contains(&pinned.to_string()) && line.contains(&pin_of(&other).to_string()), "{line}");
    }
}
