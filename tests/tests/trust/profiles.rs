//! What differs for those who build plugins, and what `harness.toml` says of it.

use std::os::unix::fs::symlink;

use provider_api::host::{Plugin, Trust};
use serde_json::json;
use tests::harness::Harness;

use super::presented::{folder, pin_of, refusal, set_mode, variant, works, written};

#[tokio::test]
async fn wide_permissions_warn_those_who_build_plugins_and_stop_nobody() {
    let root = folder();
    let path = written(root.path(), "plugin.so", &variant("wide"));
    let quiet = Plugin::open(&path, &Trust::developer()).await.expect("it loads");
    assert!(quiet.warnings().iter().all(|warning| !warning.contains(&*root.path().to_string_lossy())));
    set_mode(root.path(), 0o777);
    set_mode(&path, 0o666);
    let plugin = Plugin::open(&path, &Trust::developer()).await.expect("it loads");
    let warnings = plugin.warnings().join("\n");
    assert!(warnings.contains("(mode 777)") && warnings.contains("(mode 666)"), "{warnings}");
    works(&plugin).await.expect("it works");
}

#[tokio::test]
async fn links_are_followed_for_nobody() {
    let root = folder();
    let link = root.path().join("link.so");
    symlink(written(root.path(), "plugin.so", &variant("link")), &link).expect("a link");
    assert!(refusal(&link, &Trust::developer()).await.1.contains("symbolic link"));
}

/// A harness with one provider, whose entry has these lines too.
fn harness(plugin: &str, lines: &str) -> Harness {
    let harness = Harness::unconfigured();
    harness.configure(&format!("[[providers]]\ninstance = \"corp\"\npath = \"{plugin}\"\n{lines}\n"));
    harness
}

#[test]
fn the_configuration_file_pins_a_plugin_and_says_who_may_have_written_it() {
    let root = folder();
    let path = written(root.path(), "plugin.so", &variant("configured"));
    let (plugin, pin) = (path.to_str().expect("UTF-8"), pin_of(&path));
    let accepted = harness(plugin, &format!("trust = \"strict\"\nsha256 = \"{pin}\"")).login("alice", "right");
    assert_eq!(accepted.code, 0, "{accepted:?}");

    let zeros = "0".repeat(64);
    for (lines, said) in [
        ("trust = \"strict\"", "no SHA-256 is pinned"),
        (&format!("sha256 = \"{zeros}\""), "not the pinned 0000"),
        (&format!("trust = \"developer\"\nsha256 = \"{zeros}\""), "not the pinned 0000"),
    ] {
        let refused = harness(plugin, lines).login("alice", "right");
        let answer = refused.json();
        assert_eq!((refused.code, &answer["reason"]), (4, &json!("plugin_refused")), "{refused:?}");
        assert!(answer["message"].as_str().expect("a text").contains(said), "{answer}");
    }
    set_mode(&path, 0o666);
    let refused = harness(plugin, &format!("trust = \"strict\"\nsha256 = \"{pin}\"")).login("alice", "right");
    assert!(refused.code == 4 && refused.stdout.contains("chmod go-w"), "{refused:?}");
    let warned = harness(plugin, "").login("alice", "right");
    assert!(warned.code == 0 && warned.stderr.contains("chmod go-w"), "{warned:?}");
}

#[test]
fn mistakes_in_these_keys_are_named_with_their_line() {
    for (lines, said) in [
        ("sha256 = \"abc\"", "harness.toml:4: sha256: a SHA-256 is 64 hexadecimal digits"),
        ("trust = \"paranoid\"", "harness.toml:4: trust must be \"strict\" or \"developer\""),
        ("trust = true", "harness.toml:4: trust must be a string"),
        ("[plugins]\ncopy = \"x\"", "harness.toml:5: unknown key copy"),
    ] {
        let outcome = harness("libfaulty.so", lines).login("alice", "right");
        assert!(outcome.code == 2 && outcome.stderr.contains(said), "{outcome:?}");
    }
}

#[test]
fn inspect_prints_the_pin() {
    let root = folder();
    let path = written(root.path(), "plugin.so", &variant("inspected"));
    let outcome = Harness::unconfigured().run(&["--format", "json", "inspect", path.to_str().expect("UTF-8")]);
    assert_eq!(outcome.json()["sha256"], pin_of(&path).to_string());
}
