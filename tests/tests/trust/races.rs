//! Somebody exchanges the file while it is being opened. A loader that checks a file and then names it to the system
//! runs the other one under the same race: so the race is real.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use provider_api::host::{Plugin, PluginRefusal, Trust};

use super::presented::{self, pin_of, telltale, variant, works, written};

/// How often a file is opened while it is exchanged.
const RACES: usize = 1_000;
/// How many different images of the pinned plugin take part: each is checked, copied and loaded anew.
const IMAGES: usize = 10;

/// Exchanges what is at `path` until it is told to stop.
fn exchange(
    path: PathBuf,
    contents: [PathBuf; 2],
    stop: Arc<AtomicBool>,
    how: fn(&Path, &Path),
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        while !stop.load(Ordering::SeqCst) {
            for content in &contents {
                how(content, &path);
            }
        }
    })
}

/// Another file under the same name.
fn by_rename(content: &Path, path: &Path) {
    let link = path.with_extension("next");
    // Renaming one name of a file to another of its names does nothing.
    let _ = fs::remove_file(&link);
    fs::hard_link(content, &link).expect("a hard link");
    fs::rename(&link, path).expect("renamed");
}

/// The same file with other bytes in it.
fn in_place(content: &Path, path: &Path) {
    fs::write(path, fs::read(content).expect("its content")).expect("overwritten");
    // Long enough for a whole file to be found there at times.
    thread::sleep(Duration::from_millis(5));
}

/// Where the host loads from.
#[derive(Clone, Copy)]
enum CopiedTo {
    Memory,
    AFolder,
}

async fn the_other_file_never_runs(name: &str, how: fn(&Path, &Path), copied_to: CopiedTo) {
    let (folder, copies) = (presented::folder(), presented::folder());
    let witness = folder.path().join("witness");
    let other = telltale(folder.path(), "other.so", &witness);
    let (mut loaded, mut refused) = (0, 0);
    for image in 0..IMAGES {
        let pinned = written(folder.path(), "pinned.so", &variant(&format!("{name} {image}")));
        let trust = Trust::strict(pin_of(&pinned));
        let trust = match copied_to {
            CopiedTo::Memory => trust,
            CopiedTo::AFolder => trust.copied_to(copies.path()),
        };
        let path = folder.path().join("plugin.so");
        let _ = fs::remove_file(&path);
        how(&pinned, &path);
        let stop = Arc::new(AtomicBool::new(false));
        let exchanging = exchange(path.clone(), [other.clone(), pinned.clone()], Arc::clone(&stop), how);
        for _ in 0..RACES / IMAGES {
            match Plugin::open(&path, &trust).await {
                Ok(plugin) => {
                    assert_eq!(plugin.description().id, "faulty");
                    loaded += 1;
                }
                Err(error) => {
                    // A file that is being overwritten is any of these for a moment.
                    let kinds = [PluginRefusal::NotTrusted, PluginRefusal::NoPlugin, PluginRefusal::NoFile];
                    assert!(kinds.contains(&error.kind()), "{error}");
                    refused += 1;
                }
            }
        }
        stop.store(true, Ordering::SeqCst);
        exchanging.join().expect("no panic");
        by_rename(&pinned, &path);
        works(&Plugin::open(&path, &trust).await.expect("the pinned file loads")).await.expect("and works");
    }
    println!("{name}: {loaded} loads of the pinned file, {refused} refusals, in {RACES} races");
    assert!(!witness.exists(), "the other file was loaded");
    assert!(loaded > 0 && refused > 0, "{loaded} loads, {refused} refusals: the file was exchanged all the time");
}

/// A program in C that lets the system load the library that is named to it.
fn loader(folder: &Path) -> PathBuf {
    const SOURCE: &str = "#include <dlfcn.h>\n\
        int main(int count, char **arguments) { return dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL) ? 0 : 2; }\n";
    let (code, program) = (folder.join("loader.c"), folder.join("loader"));
    fs::write(&code, SOURCE).expect("its source");
    let compiled = Command::new("cc").arg("-o").arg(&program).arg(&code).arg("-ldl").status();
    assert!(compiled.expect("a C compiler").success());
    program
}

fn a_naive_loader_runs_the_other_file(name: &str, how: fn(&Path, &Path)) {
    let folder = presented::folder();
    let (witness, path) = (folder.path().join("witness"), folder.path().join("plugin.so"));
    let other = telltale(folder.path(), "other.so", &witness);
    let pinned = written(folder.path(), "pinned.so", &variant(name));
    let (content, program) = (fs::read(&pinned).expect("the pinned file"), loader(folder.path()));
    // Checks the file of this name, and then loads the file of this name.
    let load = || {
        let is_pinned = fs::read(&path).is_ok_and(|found| found == content);
        // The time that a careful loader would spend on more checks: without it the other file may never come in between.
        std::thread::sleep(std::time::Duration::from_millis(1));
        // It may die of what is written over while it is mapped.
        let mut loader = Command::new(&program);
        is_pinned.then(|| loader.arg(&path).stdout(Stdio::null()).stderr(Stdio::null()).status().expect("it starts"))
    };
    // Of two files that stay as they are it loads the right one alone.
    how(&other, &path);
    assert!(load().is_none());
    let _ = fs::remove_file(&path);
    how(&pinned, &path);
    assert!(load().is_some_and(|status| status.success()));
    assert!(!witness.exists(), "nothing has raced so far");

    let stop = Arc::new(AtomicBool::new(false));
    let exchanging = exchange(path.clone(), [other, pinned.clone()], Arc::clone(&stop), how);
    let races = (1..=20 * RACES).find(|_| {
        load();
        witness.exists()
    });
    stop.store(true, Ordering::SeqCst);
    exchanging.join().expect("no panic");
    let races = races.unwrap_or_else(|| panic!("{name}: a naive loader never ran the other file: this is no race"));
    println!("{name}: a naive loader ran the other file in race {races}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_exchanged_while_it_is_opened_is_never_loaded() {
    the_other_file_never_runs("by rename", by_rename, CopiedTo::Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_overwritten_while_it_is_opened_is_never_loaded() {
    the_other_file_never_runs("in place", in_place, CopiedTo::Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_with_copies_in_a_folder_when_it_is_exchanged() {
    the_other_file_never_runs("by rename, copies in a folder", by_rename, CopiedTo::AFolder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_with_copies_in_a_folder_when_it_is_overwritten() {
    the_other_file_never_runs("in place, copies in a folder", in_place, CopiedTo::AFolder).await;
}

#[test]
fn a_loader_that_checks_and_then_loads_by_path_loads_a_file_that_was_exchanged() {
    a_naive_loader_runs_the_other_file("by rename", by_rename);
}

#[test]
fn a_loader_that_checks_and_then_loads_by_path_loads_a_file_that_was_overwritten() {
    a_naive_loader_runs_the_other_file("in place", in_place);
}
