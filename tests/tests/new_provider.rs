//! The way of an author: a copy of the file provider becomes another provider, and the kit passes.
#![allow(missing_docs, reason = "a test program")]
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails loudly"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tests::plugin::build_folder;

/// How many lines an author may have to write: everything but blank lines and comments, the test included.
const LINES: usize = 60;

fn run(command: &mut Command) -> Output {
    let output = command.output().expect("the command starts");
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{said}\n{told}");
    output
}

#[test]
fn three_commands_and_sixty_lines_make_a_provider_that_keeps_the_contract() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository");
    let own = repository.join("tests/author");
    let folder = tempfile::tempdir().expect("a folder");
    let package = folder.path().join("my-provider");

    // One: a copy.
    run(Command::new("cp").arg("-r").arg(repository.join("provider-api/examples/file-provider")).arg(&package));
    // Two: where the contract lies.
    let path = format!("s|path = \"../..\"|path = \"{}\"|", repository.join("provider-api").display());
    run(Command::new("sed").args(["-i", &path]).arg(package.join("Cargo.toml")));
    // What the author writes, in place of what was there.
    let mut lines = 0;
    for (from, to) in [("lib.rs", "src/lib.rs"), ("contract.rs", "tests/contract.rs")] {
        let text = fs::read_to_string(own.join(from)).expect("the author's file");
        lines += text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count();
        fs::write(package.join(to), text).expect("written");
    }
    assert!(lines <= LINES, "{lines} lines");
    // The same versions as everywhere else here.
    fs::copy(repository.join("Cargo.lock"), package.join("Cargo.lock")).expect("the lock file");
    // Three: the kit.
    let output = run(Command::new(env!("CARGO"))
        .args(["test", "--offline", "--test", "contract"])
        .current_dir(&package)
        .env("CARGO_TARGET_DIR", build_folder().join("author"))
        .env_remove("CARGO_BUILD_TARGET"));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("test it_keeps_the_contract ... ok"), "{said}");
}
