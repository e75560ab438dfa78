//! The copy that is loaded: in memory, or in a folder of the host's own.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown, symlink};
use std::path::Path;

use provider_api::host::{Plugin, Trust};
use rustix::process::geteuid;
use tests::harness::Harness;
use tokio::task::JoinSet;

use super::presented::{folder, pin_of, refusal, set_mode, variant, works, written};

fn is_mapped(file: &Path) -> bool {
    let maps = fs::read_to_string("/proc/self/maps").expect("the maps of this process");
    maps.lines().any(|line| line.ends_with(&*file.to_string_lossy()))
}

#[tokio::test]
async fn a_copy_in_a_folder_is_named_by_its_hash_and_nobody_may_write_it() {
    let (root, copies) = (folder(), folder());
    let path = written(root.path(), "plugin.so", &variant("in a folder"));
    let pin = pin_of(&path);
    let trust = Trust::strict(pin).copied_to(copies.path());
    let plugin = Plugin::open(&path, &trust).await.expect("it loads");
    let copy = copies.path().join(format!("{pin}.so"));
    assert_eq!(fs::metadata(&copy).expect("the copy").mode() & 0o777, 0o500);
    assert!(is_mapped(&copy) && !is_mapped(&path));
    assert_eq!(fs::read_dir(copies.path()).expect("the folder").count(), 1, "nothing else is left there");
    fs::write(&path, "overwritten").expect("the original goes");
    works(&plugin).await.expect("it lives on");
}

#[tokio::test]
async fn a_copy_that_is_not_what_its_name_says_is_replaced() {
    let (root, copies) = (folder(), folder());
    let path = written(root.path(), "plugin.so", &variant("replaced"));
    let pin = pin_of(&path);
    let copy = copies.path().join(format!("{pin}.so"));
    // Half of it, as after a full disk.
    fs::write(&copy, &variant("replaced")[..4096]).expect("half a copy");
    let plugin = Plugin::open(&path, &Trust::strict(pin).copied_to(copies.path())).await.expect("it loads");
    assert_eq!(pin_of(&copy), pin);
    works(&plugin).await.expect("it works");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_make_the_first_copy_at_a_time_all_get_a_whole_one() {
    let (root, copies) = (folder(), folder());
    let path = written(root.path(), "plugin.so", &variant("many at a time"));
    let trust = Trust::strict(pin_of(&path)).copied_to(copies.path());
    // By several names: for one file at most four are loading.
    let mut opening = JoinSet::new();
    for number in 0..16 {
        let (trust, path) = (trust.clone(), root.path().join(format!("plugin-{}.so", number % 4)));
        if number < 4 {
            fs::copy(root.path().join("plugin.so"), &path).expect("a copy");
        }
        opening.spawn(async move { Plugin::open(&path, &trust).await });
    }
    while let Some(opened) = opening.join_next().await {
        opened.expect("no panic").unwrap_or_else(|error| panic!("{error}"));
    }
    let names: Vec<_> =
        fs::read_dir(copies.path()).expect("the folder").flatten().map(|file| file.file_name()).collect();
    assert_eq!(names, [format!("{}.so", pin_of(&path)).as_str()], "nothing else is left there");
}

#[tokio::test]
async fn a_folder_in_the_place_of_a_copy_is_refused_with_what_to_do() {
    let (root, copies) = (folder(), folder());
    let path = written(root.path(), "plugin.so", &variant("a folder in its place"));
    let copy = copies.path().join(format!("{}.so", pin_of(&path)));
    fs::create_dir(&copy).expect("a folder");
    let (_, refused) = refusal(&path, &Trust::developer().copied_to(copies.path())).await;
    assert!(refused.contains(&format!("{} is a folder; remove it", copy.display())), "{refused}");
}

#[tokio::test]
async fn a_folder_for_copies_that_others_may_write_is_refused_in_either_profile() {
    let root = folder();
    let path = written(root.path(), "plugin.so", &variant("no folder"));
    let copies = root.path().join("copies");
    fs::create_dir(&copies).expect("a folder");
    let link = root.path().join("link");
    symlink(&copies, &link).expect("a link");
    let mut cases = vec![
        (root.path().join("missing"), 0, "no such file"),
        (link, 0, "symbolic link"),
        ("/tmp".into(), 0, "may be written by others"),
        (copies.clone(), 0o777, "may be written by others"),
        (copies.clone(), 0o1777, "may be written by others"),
    ];
    for (folder, mode, said) in cases.drain(..) {
        if mode != 0 {
            set_mode(&folder, mode);
        }
        for trust in [Trust::strict(pin_of(&path)), Trust::developer()] {
            let (_, refused) = refusal(&path, &trust.copied_to(&folder)).await;
            assert!(refused.contains("the folder for copies") && refused.contains(said), "{refused}");
        }
    }
    if geteuid().is_root() {
        set_mode(&copies, 0o755);
        chown(&copies, Some(54_321), None).expect("root may");
        let (_, refused) = refusal(&path, &Trust::developer().copied_to(&copies)).await;
        assert!(refused.contains("54321"), "{refused}");
    }
}

#[test]
fn the_configuration_file_names_the_folder_for_copies() {
    let root = folder();
    let path = written(root.path(), "plugin.so", &variant("configured copies"));
    let harness = Harness::unconfigured();
    fs::create_dir(harness.folder().join("copies")).expect("a folder");
    let plugin = path.display();
    harness.configure(&format!("[[providers]]\npath = \"{plugin}\"\n[plugins]\ncopies = \"copies\"\n"));
    assert_eq!(harness.login("alice", "right").code, 0);
    assert!(harness.folder().join(format!("copies/{}.so", pin_of(&path))).is_file());
}
