//! The check of the sources, and what it notices.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::WHAT_TO_DO;
use super::interface::{Sources, broken, read};

fn copy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("compat").join(name).join("src/abi")
}

fn sources(folder: &Path) -> Sources {
    read(folder).unwrap_or_else(|problem| panic!("{problem}; {WHAT_TO_DO}"))
}

#[test]
fn what_is_frozen_has_not_changed() {
    let begun = Instant::now();
    let frozen = sources(&copy("frozen"));
    let present = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../provider-api/src/abi"));
    let problems = broken(&frozen, &present);
    let took = begun.elapsed();
    assert!(problems.is_empty(), "the interface has changed:\n{}\n{WHAT_TO_DO}", problems.join("\n"));
    println!("{} files of the interface compared in {took:?}", frozen.len());
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn a_later_minor_version_is_growth_and_another_layout_is_not() {
    let frozen = sources(&copy("frozen"));
    let problems = broken(&frozen, &sources(&copy("newer-minor")));
    assert!(problems.is_empty(), "{problems:?}");
    let problems = broken(&frozen, &sources(&copy("other-layout")));
    assert!(problems.iter().any(|problem| problem.contains("struct AbiContext")), "{problems:?}");
    // What was added in 1.1 may not go again in 1.2.
    let problems = broken(&sources(&copy("newer-minor")), &frozen);
    assert!(problems.iter().any(|problem| problem.contains("trait AbiProvider has lost")), "{problems:?}");
}

#[test]
fn a_folder_without_sources_is_no_unchanged_interface() {
    let folder = tempfile::tempdir().expect("a folder");
    let problem = read(folder.path()).expect_err("nothing to compare");
    assert!(problem.contains("no source file"), "{problem}");
    read(&folder.path().join("nowhere")).expect_err("no folder");
    assert!(!broken(&Sources::new(), &Sources::new()).is_empty());
    let frozen = sources(&copy("frozen"));
    let problems = broken(&frozen, &Sources::from([("mod.rs".to_owned(), "mod reply;".to_owned())]));
    assert!(!problems.is_empty(), "a present interface without items");
}

/// The frozen interface after a change of one text in one file.
fn changed(file: &str, from: &str, to: &str) -> Sources {
    let mut sources = sources(&copy("frozen"));
    let text = sources.get_mut(file).expect("a file of the interface");
    assert_eq!(text.matches(from).count(), 1, "{file}: {from}");
    *text = text.replace(from, to);
    sources
}

/// What may not happen: in which file, what becomes of which text, and what the check names.
const BREAKING: &[(&str, &str, &str, &str, &str)] = &[
    (
        "a field added",
        "reply.rs",
        "    pub body: RString,",
        "    pub body: RString,\n    pub more: u32,",
        "struct AbiReply",
    ),
    ("a field removed", "reply.rs", "    pub remaining_us: u64,\n", "", "struct AbiContext"),
    ("a field renamed", "reply.rs", "pub request_id: RStr", "pub request: RStr", "struct AbiContext"),
    (
        "fields in another order",
        "reply.rs",
        "    pub name: RStr<'a>,\n    /// The value.\n    pub value: RStr<'a>,",
        "    pub value: RStr<'a>,\n    pub name: RStr<'a>,",
        "struct AbiPair",
    ),
    ("another type of a field", "services.rs", "pub level: u32", "pub level: u64", "struct AbiLogRecord"),
    ("another layout", "reply.rs", "#[repr(transparent)]", "#[repr(C)]", "struct Outcome"),
    (
        "a number that means something else",
        "reply.rs",
        "ACCEPTED: Self = Self(1)",
        "ACCEPTED: Self = Self(7)",
        "ACCEPTED",
    ),
    (
        "two names for a number",
        "reply.rs",
        "    pub const DONE: Self = Self(6);",
        "    pub const DONE: Self = Self(6);\n    pub const FINE: Self = Self(1);",
        "FINE",
    ),
    ("a name that has gone", "reply.rs", "    pub const INTERNAL: Self = Self(5);\n", "", "INTERNAL"),
    (
        "another signature of a function",
        "module.rs",
        "    pub describe: extern \"C\" fn() -> AbiReply,",
        "    pub describe: extern \"C\" fn(u32) -> AbiReply,",
        "struct ProviderModule",
    ),
    (
        "another ABI of a function",
        "module.rs",
        "    pub describe: extern \"C\" fn() -> AbiReply,",
        "    pub describe: extern \"C-unwind\" fn() -> AbiReply,",
        "struct ProviderModule",
    ),
    ("another signature of a method", "provider.rs", "grace_us: u64", "grace_us: u32", "trait AbiProvider"),
    ("another answer of a method", "services.rs", "-> u32;", "-> u64;", "trait AbiHost"),
    (
        "a method before the end of 1.0",
        "provider.rs",
        "    #[sabi(last_prefix_field)]\n    fn shutdown",
        "    fn early(&self) -> u32 { 1 }\n    #[sabi(last_prefix_field)]\n    fn shutdown",
        "trait AbiProvider",
    ),
    (
        "a method in the middle",
        "provider.rs",
        "    fn list_users(",
        "    fn between(&self) -> u32 { 1 }\n    fn list_users(",
        "trait AbiProvider",
    ),
    ("a method that has gone", "services.rs", "    fn max_level(&self) -> u32;\n", "", "trait AbiHost"),
    (
        "another end of 1.0",
        "provider.rs",
        "    #[sabi(last_prefix_field)]\n    fn shutdown(&self, grace_us: u64) -> FfiFuture<AbiReply>;",
        "    fn shutdown(&self, grace_us: u64) -> FfiFuture<AbiReply>;\n    #[sabi(last_prefix_field)]\n    fn more(&self) {}",
        "trait AbiProvider",
    ),
    (
        "a new method without a default",
        "provider.rs",
        "    fn shutdown(&self, grace_us: u64) -> FfiFuture<AbiReply>;",
        "    fn shutdown(&self, grace_us: u64) -> FfiFuture<AbiReply>;\n    fn more(&self);",
        "without a default",
    ),
    ("another bound", "services.rs", "pub trait AbiHost: Send + Sync", "pub trait AbiHost: Send", "trait AbiHost"),
    (
        "another type behind a name",
        "provider.rs",
        "AbiProvider_TO<'static, RBox<()>>",
        "AbiProvider_TO<'static, RArc<()>>",
        "type ProviderBox",
    ),
    (
        "another meaning of a name",
        "reply.rs",
        "use abi_stable::std_types::{RSlice, RStr, RString};",
        "use abi_stable::std_types::{RSlice, RStr};\nuse other::RString;",
        "RString",
    ),
    (
        "a destructor",
        "reply.rs",
        "/// The answer to any call.",
        "impl Drop for AbiReply { fn drop(&mut self) {} }\n/// The answer to any call.",
        "Drop",
    ),
];

/// What may happen at any time.
const HARMLESS: &[(&str, &str, &str, &str)] = &[
    ("another comment", "reply.rs", "/// The answer to any call.", "/// Any call's answer."),
    (
        "a new number with a name",
        "reply.rs",
        "    pub const DONE: Self = Self(6);",
        "    pub const DONE: Self = Self(6);\n    pub const LATER: Self = Self(7);",
    ),
    (
        "a method after the end of 1.0",
        "provider.rs",
        "    fn shutdown(&self, grace_us: u64) -> FfiFuture<AbiReply>;",
        "    fn shutdown(&self, grace_us: u64) -> FfiFuture<AbiReply>;\n    fn more(&self) -> u32 { 1 }",
    ),
    (
        "a new type",
        "reply.rs",
        "/// The answer to any call.",
        "#[repr(C)] pub struct AbiNew { pub one: u32 }\n/// The answer to any call.",
    ),
];

#[test]
fn every_way_to_break_it_is_noticed_and_named() {
    let frozen = sources(&copy("frozen"));
    for (what, file, from, to, named) in BREAKING {
        let problems = broken(&frozen, &changed(file, from, to));
        assert!(problems.iter().any(|problem| problem.contains(named)), "{what}: {problems:?}");
        assert!(problems.len() <= 2, "{what}: {problems:?}");
    }
    for (what, file, from, to) in HARMLESS {
        let problems = broken(&frozen, &changed(file, from, to));
        assert!(problems.is_empty(), "{what}: {problems:?}");
    }
}
