//! `demo`: what a newcomer runs first.

use std::fs;

use tests::harness::Harness;
use tests::plugin;

#[test]
fn the_demo_plays_to_its_end_with_the_plugins_of_this_build() {
    plugin::ldap_provider();
    plugin::file_provider();
    let outcome = Harness::unconfigured().run(&["demo"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    for told in ["first time", "again", "wrong password", "empty", "disabled"] {
        assert!(outcome.stdout.contains(told), "nothing is told of {told:?}: {}", outcome.stdout);
    }
}

#[test]
fn the_plugins_of_the_demo_log_as_much_as_is_asked_for() {
    plugin::ldap_provider();
    plugin::file_provider();
    let quiet = Harness::unconfigured().run(&["--log", "off", "demo"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (0, ""), "{quiet:?}");
    let verbose = Harness::unconfigured().run(&["--log", "info", "demo"]);
    assert_eq!(verbose.code, 0, "{verbose:?}");
    for plugin in ["ldap_provider", "file_provider"] {
        assert!(verbose.stderr.contains(&format!("INFO  {plugin}")), "{plugin} is silent: {}", verbose.stderr);
    }
}

#[test]
fn the_demo_without_plugins_names_the_command_that_builds_them() {
    let harness = Harness::unconfigured();
    let program = harness.folder().join("host-harness");
    fs::copy(plugin::host_harness(), &program).unwrap();
    let outcome = harness.with_program(program).run(&["demo"]);
    assert_ne!(outcome.code, 0);
    assert!(outcome.stderr.contains("cargo build --release --workspace"), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}
