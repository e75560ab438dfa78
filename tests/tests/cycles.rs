//! Providers that come and go: nothing of them stays. In a program of its own, since it counts threads, memory and
//! descriptors.
#![allow(missing_docs, reason = "a test program")]
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on fails loudly, and the long form prints its figures"
)]

use std::time::{Duration, Instant};

use provider_api::host::{HostServices, Plugin, Trust};
use provider_api::{Credentials, Decision, Secret};
use serde_json::{Value, json};
use tests::host::context;
use tests::users_file::UsersFile;
use tests::{plugin, process};

/// How often each plugin is configured and shut down, unless `CYCLES` says otherwise.
const CYCLES: usize = 300;
/// After so many cycles the allocators have what they need.
const WARM: usize = 100;
/// How much memory may stay, in KiB.
const MEMORY: usize = 5 * 1024;

#[derive(Clone, Copy, Debug)]
struct Held {
    threads: usize,
    resident_kib: usize,
    descriptors: usize,
}

impl Held {
    /// What is held once the threads of the last provider have ended: then there are the program's own and the test's.
    async fn now() -> Self {
        let deadline = Instant::now() + Duration::from_secs(3);
        let mut threads = process::threads();
        while Instant::now() < deadline && threads > 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            threads = process::threads();
        }
        Self { threads, resident_kib: process::resident_kib(), descriptors: process::descriptors() }
    }
}

async fn cycle(plugin: &Plugin, settings: &Value, login: Option<&Credentials>) {
    let provider = plugin.configure(settings, &HostServices::silent()).await.expect("the settings are right");
    if let Some(login) = login {
        assert!(matches!(provider.authenticate(&context(), login).await, Ok(Decision::Accepted(_))));
    }
    assert_eq!(provider.shutdown(Duration::from_secs(5)).await, Ok(0));
}

/// What each content that was ever loaded costs: nothing that is loaded is unloaded.
async fn images() {
    const IMAGES: usize = 8;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plugin.so");
    let stripped = std::process::Command::new("strip").arg("-o").arg(&path).arg(plugin::file_provider()).status();
    assert!(stripped.expect("strip (package binutils) runs").success());
    let plain = std::fs::read(&path).expect("the plugin");
    let mut before = 0;
    for image in 0..=IMAGES {
        // What lies behind the end of an ELF file is part of its content alone.
        std::fs::write(&path, [plain.as_slice(), image.to_string().as_bytes()].concat()).expect("written");
        Plugin::open(&path, &Trust::developer()).await.expect("it loads");
        if image == 0 {
            before = process::resident_kib();
        }
    }
    let each = process::resident_kib().saturating_sub(before) / IMAGES;
    let file = plain.len() / 1024;
    println!("each distinct image of {file} KiB adds {each} KiB to the resident memory, beside its copy in memory");
    assert!(each < 2 * file, "{each} KiB for an image of {file} KiB");
}

#[tokio::test]
async fn configuring_and_shutting_down_over_and_over_leaves_nothing_behind() {
    let cycles = std::env::var("CYCLES").ok().map_or(CYCLES, |text| text.parse().expect("CYCLES is a number"));
    images().await;
    let users = UsersFile::new().user("alice", "right");
    let alice = Credentials::new("alice", Secret::new("right"));
    let ldap = json!({ "host": "ldap://127.0.0.1:1", "base_dn": "dc=example,dc=com" });
    let plugins = [
        ("file", plugin::file_provider(), users.settings(), Some(&alice)),
        ("faulty", plugin::built("libfaulty.so"), json!({}), Some(&alice)),
        ("ldap", plugin::ldap_provider(), ldap, None),
    ];
    for (name, path, settings, login) in plugins {
        let plugin = Plugin::open(&path, &Trust::developer()).await.expect("it loads");
        for _ in 0..WARM {
            cycle(&plugin, &settings, login).await;
        }
        let before = Held::now().await;
        let begun = Instant::now();
        for _ in 0..cycles {
            cycle(&plugin, &settings, login).await;
        }
        let took = begun.elapsed();
        let after = Held::now().await;
        println!("{name}: {cycles} cycles in {took:?}; before {before:?}, after {after:?}");
        assert!(after.resident_kib < before.resident_kib + MEMORY, "{name}: {before:?}, {after:?}");
        assert!(after.threads <= before.threads, "{name}: {before:?}, {after:?}");
        assert!(after.descriptors <= before.descriptors, "{name}: {before:?}, {after:?}");
    }
}
