//! What may be presented to a host as a plugin, and what it answers: each refusal one line that names the file, and
//! the host alive.
#![allow(missing_docs, reason = "a test program")]
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails loudly"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use provider_api::host::{HostServices, Plugin, Trust};
use provider_api::{Credentials, Deadline, Decision, RequestContext, Secret};
use serde_json::{Value, json};
use tests::compat;
use tests::plugin::built;

/// Opens a file that must be refused and returns the line that says so.
async fn refusal_of(path: &Path) -> String {
    let line = match Plugin::open(path, &Trust::developer()).await {
        Ok(_) => panic!("{} was not refused", path.display()),
        Err(error) => error.to_string(),
    };
    assert!(line.contains(&*path.to_string_lossy()), "the line names the file: {line}");
    assert!(!line.chars().any(char::is_control) && line.chars().count() < 700, "one printable line: {line}");
    line
}

async fn loads_and_works(path: &Path, settings: Value) {
    let plugin = Plugin::open(path, &Trust::developer()).await.unwrap_or_else(|error| panic!("{error}"));
    let provider = plugin.configure(&settings, &HostServices::silent()).await.expect("the settings are right");
    let context = RequestContext::new("1", Deadline::after(Duration::from_secs(20)));
    let login = |password: &str| Credentials::new("alice", Secret::new(password));
    let right = provider.authenticate(&context, &login("right")).await;
    assert!(matches!(right, Ok(Decision::Accepted(_))), "{}: {right:?}", path.display());
    let wrong = provider.authenticate(&context, &login("wrong")).await;
    assert!(matches!(wrong, Ok(Decision::Rejected(_))), "{}: {wrong:?}", path.display());
}

fn written(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("a file in a temporary folder");
    path
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// The bytes of a real plugin with some of them replaced.
fn patched(patches: &[(usize, u8)]) -> Vec<u8> {
    let mut bytes = fs::read(built("libfaulty.so")).expect("the plugin");
    for (position, byte) in patches {
        bytes[*position] = *byte;
    }
    bytes
}

#[tokio::test]
async fn what_is_no_plugin_file_is_refused_with_what_to_do() {
    let folder = folder();
    let missing = refusal_of(&folder.path().join("libmissing.so")).await;
    assert!(missing.contains("no such file") && missing.contains("cargo build --release --workspace"), "{missing}");
    assert!(refusal_of(folder.path()).await.contains("a folder"));
    assert!(refusal_of(Path::new("/dev/null")).await.contains("a device"));
    assert!(refusal_of(&written(&folder, "empty.so", b"")).await.contains("no ELF file"));
    assert!(refusal_of(&written(&folder, "text.so", b"#!/bin/sh\necho hello\n")).await.contains("no ELF file"));
    assert!(refusal_of(&std::env::current_exe().expect("this program")).await.contains("no provider plugin"));
}

#[tokio::test]
async fn a_fifo_is_refused_without_waiting_for_a_writer() {
    let folder = folder();
    let path = folder.path().join("pipe.so");
    assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
    assert!(refusal_of(&path).await.contains("pipe"));
}

/// A shared library made of C on the spot.
fn c_library(folder: &tempfile::TempDir, name: &str, source: &str) -> PathBuf {
    let (code, library) = (written(folder, "library.c", source.as_bytes()), folder.path().join(name));
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&code).status();
    assert!(compiled.expect("a C compiler: rustc links with it").success());
    library
}

#[tokio::test]
async fn an_ordinary_shared_library_is_refused_before_its_code_runs() {
    let folder = folder();
    let witness = folder.path().join("witness");
    let source = format!(
        "#include <stdio.h>\n__attribute__((constructor)) static void run(void) {{ fclose(fopen(\"{}\", \"w\")); }}",
        witness.display()
    );
    let line = refusal_of(&c_library(&folder, "ordinary.so", &source)).await;
    assert!(line.contains("no provider plugin") && line.contains("export_provider!"), "{line}");
    assert!(!witness.exists(), "its constructor ran");
}

const HEADER: &str = "_1as_0lib_1header_0root_bmodule_bloader";

#[tokio::test]
async fn a_library_that_the_system_cannot_load_is_refused_with_the_systems_reason() {
    let folder = folder();
    let source =
        format!("extern void nowhere_to_be_found(void); void (*{HEADER}[64])(void) = {{ nowhere_to_be_found }};");
    let line = refusal_of(&c_library(&folder, "unresolved.so", &source)).await;
    assert!(line.contains("nowhere_to_be_found"), "{line}");
}

#[tokio::test]
async fn refusing_a_file_again_and_again_costs_no_descriptors() {
    let folder = folder();
    let garbage = c_library(&folder, "garbage.so", &format!("const char {HEADER}[4096] = {{ 1 }};"));
    let unresolved = format!("extern void nowhere_at_all(void); void (*{HEADER}[64])(void) = {{ nowhere_at_all }};");
    let unresolved = c_library(&folder, "unresolved.so", &unresolved);
    let open = || fs::read_dir("/proc/self/fd").expect("the open files").flatten().filter(is_copy_of_plugin).count();
    let line = refusal_of(&garbage).await;
    assert!(line.contains("abi_stable"), "{line}");
    refusal_of(&unresolved).await;
    let before = open();
    for _ in 0..20 {
        refusal_of(&garbage).await;
        refusal_of(&unresolved).await;
    }
    // Other tests of this program load plugins meanwhile, a few.
    assert!(open() < before + 15, "{} copies in memory, {before} before", open());
}

fn is_copy_of_plugin(descriptor: &fs::DirEntry) -> bool {
    fs::read_link(descriptor.path()).is_ok_and(|target| target.to_string_lossy().contains("memfd:provider-plugin"))
}

#[tokio::test]
async fn libraries_of_other_machines_are_refused() {
    let folder = folder();
    // ELF header: EI_CLASS at 4, EI_DATA at 5, e_type at 16, e_machine at 18.
    for (name, patch) in [("32-bit.so", (4, 1)), ("big-endian.so", (5, 2)), ("other-machine.so", (18, 8))] {
        let line = refusal_of(&written(&folder, name, &patched(&[patch]))).await;
        assert!(line.contains("not a shared library for this system"), "{line}");
    }
    let program = refusal_of(&written(&folder, "program.so", &patched(&[(16, 2)]))).await;
    assert!(program.contains("no shared library"), "{program}");
}

#[tokio::test]
async fn a_plugin_that_was_cut_short_is_refused_at_every_length() {
    let folder = folder();
    let whole = fs::read(built("libfaulty.so")).expect("the plugin");
    let lengths = (0..whole.len()).step_by(whole.len() / 60).chain([1, 63, 64, whole.len() - 1]);
    for length in lengths {
        let line = refusal_of(&written(&folder, "cut.so", &whole[..length])).await;
        assert!(
            line.contains("no ELF file") || line.contains("incomplete or damaged") || line.contains("64-bit"),
            "{length}: {line}"
        );
    }
    // Whole again, it loads.
    loads_and_works(&written(&folder, "cut.so", &whole), json!({})).await;
}

#[tokio::test]
async fn a_plugin_of_another_major_version_is_refused() {
    let line = refusal_of(&compat::plugin("newer-major")).await;
    assert!(line.contains("version 2.0.0") && line.contains("this host version 1."), "{line}");
}

#[tokio::test]
async fn a_plugin_whose_struct_differs_is_refused_naming_the_struct() {
    let line = refusal_of(&compat::plugin("other-layout")).await;
    assert!(line.contains("another layout") && line.contains("AbiContext"), "{line}");
}

fn seen_by_newer_host(plugin: &Path, environment: Option<(&str, &str)>) -> Value {
    let output = Command::new(compat::host("newer"))
        .arg(plugin)
        .arg("{}")
        .envs(environment)
        .output()
        .expect("the newer host starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn a_plugin_that_panics_or_hangs_while_it_describes_itself_is_refused() {
    // The environment steers it, so it runs in a process of its own.
    for (how, said) in [("panic", "faulty: describe"), ("block", "did not answer within 5 s")] {
        let seen = seen_by_newer_host(&built("libfaulty.so"), Some(("FAULTY_DESCRIBE", how)));
        let line = seen["refused"].as_str().unwrap_or_else(|| panic!("not refused: {seen}"));
        assert!(line.contains(said) && !line.contains('\n'), "{line}");
    }
}

#[tokio::test]
async fn two_plugins_live_in_one_process_and_stay_themselves() {
    let faulty = Plugin::open(built("libfaulty.so"), &Trust::developer()).await.expect("one");
    let file = Plugin::open(tests::plugin::file_provider(), &Trust::developer()).await.expect("another");
    assert_eq!((faulty.description().id.as_str(), file.description().id.as_str()), ("faulty", "file"));
    loads_and_works(&built("libfaulty.so"), json!({})).await;
}

#[tokio::test]
async fn a_plugin_survives_its_file_being_overwritten_and_a_new_file_is_a_new_plugin() {
    let folder = folder();
    let original = fs::read(compat::plugin("frozen")).expect("the plugin");
    let path = written(&folder, "plugin.so", &original);
    let old = Plugin::open(&path, &Trust::developer()).await.expect("it loads");
    // In place, while it is loaded: what would kill a process that maps the file itself.
    fs::write(&path, vec![0; original.len() / 2]).expect("overwritten");
    let provider = old.configure(&json!({ "password": "right" }), &HostServices::silent()).await.expect("it lives");
    let context = RequestContext::new("1", Deadline::after(Duration::from_secs(20)));
    let answer = provider.authenticate(&context, &Credentials::new("alice", Secret::new("right"))).await;
    assert!(matches!(answer, Ok(Decision::Accepted(_))), "{answer:?}");
    refusal_of(&path).await;
    fs::copy(built("libfaulty.so"), &path).expect("another plugin at the same path");
    assert_eq!(Plugin::open(&path, &Trust::developer()).await.expect("it loads").description().id, "faulty");
}

#[tokio::test]
async fn settings_are_refused_by_configure_naming_the_key() {
    let plugin = Plugin::open(compat::plugin("frozen"), &Trust::developer()).await.expect("it loads");
    for (settings, key) in
        [(json!({ "pasword": "x" }), "pasword"), (json!({}), "password"), (json!({ "password": 4711 }), "password")]
    {
        let fault = plugin.configure(&settings, &HostServices::silent()).await.expect_err("wrong settings");
        assert_eq!(fault.code(), "setting_invalid");
        let line = fault.to_string();
        assert!(line.contains(&format!("setting {key}:")) && !line.contains("4711"), "{line}");
    }
}
