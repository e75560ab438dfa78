//! Somebody exchanges the file while it is being opened.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use provider_api::host::{Plugin, PluginRefusal, Trust};

use super::presented::{folder, pin_of, telltale, variant, works, written};

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

async fn the_other_file_never_runs(name: &str, how: fn(&Path, &Path)) {
    let folder = folder();
    let witness = folder.path().join("witness");
    let other = telltale(folder.path(), "other.so", &witness);
    let (mut loaded, mut refused) = (0, 0);
    for image in 0..IMAGES {
        let pinned = written(folder.path(), "pinned.so", &variant(&format!("{name} {image}")));
        let trust = Trust::strict(pin_of(&pinned));
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

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_exchanged_while_it_is_opened_is_never_loaded() {
    the_other_file_never_runs("by rename", by_rename).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_overwritten_while_it_is_opened_is_never_loaded() {
    the_other_file_never_runs("in place", in_place).await;
}
