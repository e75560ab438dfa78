//! Libraries that make the system's loader look where others may write.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use provider_api::host::{Plugin, PluginRefusal, Trust};

use super::presented::{HEADER, folder, pin_of, refusal, set_mode, written};

/// A library that a host would take for a plugin up to its first use, linked with these arguments.
fn linked(root: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let code = written(root, "library.c", format!("const char {HEADER}[4096] = {{ 1 }};").as_bytes());
    let library = root.join(name);
    let status = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&code).args(arguments).status();
    assert!(status.expect("a C compiler").success());
    set_mode(&library, 0o755);
    library
}

fn below(root: &Path, name: &str, mode: u32) -> PathBuf {
    let folder = root.join(name);
    fs::create_dir(&folder).expect("a folder");
    set_mode(&folder, mode);
    folder
}

/// What the library is refused for that gets past the search path: its header is garbage.
const PAST_IT: &str = "abi_stable";

#[tokio::test]
async fn a_plugin_that_looks_for_libraries_where_others_may_write_is_refused() {
    let root = folder();
    set_mode(root.path(), 0o755);
    let named = |folder: &Path| format!("-Wl,-rpath,{}", folder.display());
    let (open, own) = (below(root.path(), "open", 0o777), below(root.path(), "own", 0o755));
    let (group, sticky) = (below(root.path(), "group", 0o775), below(root.path(), "sticky", 0o1777));
    let to_open = root.path().join("link");
    symlink(&open, &to_open).expect("a link");
    let old = "-Wl,--disable-new-dtags".to_owned();
    for (what, arguments, said) in [
        ("others", vec![named(&open)], "its RUNPATH names"),
        ("the group", vec![named(&group)], "may be written by its group"),
        ("a sticky folder", vec![named(&sticky)], "may be written by others (mode 1777)"),
        ("/tmp", vec![named(Path::new("/tmp"))], "may be written by others (mode 1777)"),
        ("one that is not there", vec![named(&open.join("later/lib"))], "may be written by others (mode 777)"),
        ("one that is not there in /tmp", vec![named(Path::new("/tmp/no-such-folder-7f3a"))], "/tmp may be written"),
        ("a link", vec![named(&to_open)], "open may be written by others"),
        ("a way up", vec![named(&own.join("../open"))], "open may be written by others"),
        ("the second of two", vec![format!("{}:{}", named(&own), open.display())], "open may be written by others"),
        ("relative", vec!["-Wl,-rpath,lib".to_owned()], "depends on the folder"),
        ("an empty one", vec![format!("{}:", named(&own))], "depends on the folder"),
        ("a token", vec!["-Wl,-rpath,/usr/$LIB".to_owned()], "only the loader knows"),
        ("the old kind", vec![named(&open), old.clone()], "its RPATH names"),
        ("up from the copy", vec!["-Wl,-rpath,$ORIGIN/../../../tmp".to_owned()], "/tmp may be written"),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let library = linked(root.path(), "plugin.so", &arguments);
        let (kind, line) = refusal(&library, &Trust::strict(pin_of(&library))).await;
        assert_eq!(kind, PluginRefusal::NotTrusted, "{what}: {line}");
        assert!(line.contains(said), "{what}: {line}");
        // Those who build plugins hear of it and are not stopped.
        assert!(refusal(&library, &Trust::developer()).await.1.contains(PAST_IT), "{what}");
    }
    for (what, arguments) in [
        ("none", vec![]),
        ("the system's", vec![named(Path::new("/usr/lib"))]),
        ("one that nobody else may write", vec![named(&own)]),
        ("one that nobody else can make", vec![named(&own.join("later/lib"))]),
        ("beside the copy", vec!["-Wl,-rpath,$ORIGIN".to_owned()]),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let library = linked(root.path(), "plugin.so", &arguments);
        let (_, line) = refusal(&library, &Trust::strict(pin_of(&library))).await;
        assert!(line.contains(PAST_IT), "{what}: {line}");
    }
}

#[tokio::test]
async fn beside_the_copy_is_the_folder_for_copies() {
    let root = folder();
    let (open, copies) = (below(root.path(), "open", 0o755), below(root.path(), "copies", 0o755));
    let library = linked(root.path(), "plugin.so", &["-Wl,-rpath,$ORIGIN/../open"]);
    let trust = Trust::strict(pin_of(&library)).copied_to(&copies);
    assert!(refusal(&library, &trust).await.1.contains(PAST_IT));
    set_mode(&open, 0o777);
    // Nothing of it is kept: the content is loaded, and its places are looked at anew each time.
    assert!(refusal(&library, &trust).await.1.contains("open may be written by others"));
}

#[tokio::test]
async fn a_library_that_is_named_by_its_path_must_be_as_trustworthy_as_the_plugin() {
    let root = folder();
    let libraries = below(root.path(), "libraries", 0o755);
    let needed = linked(&libraries, "needed.so", &[]);
    let library = linked(root.path(), "plugin.so", &["-Wl,--no-as-needed", needed.to_str().expect("UTF-8")]);
    let trust = Trust::strict(pin_of(&library));
    assert!(refusal(&library, &trust).await.1.contains(PAST_IT));
    set_mode(&needed, 0o777);
    let (kind, line) = refusal(&library, &trust).await;
    assert_eq!(kind, PluginRefusal::NotTrusted, "{line}");
    assert!(line.contains("its list of libraries names") && line.contains("needed.so may be written"), "{line}");
    // One that is not there is whatever they put there who can.
    fs::remove_file(&needed).expect("removed");
    assert!(refusal(&library, &trust).await.1.contains(PAST_IT));
    set_mode(&libraries, 0o1777);
    assert!(refusal(&library, &trust).await.1.contains("libraries may be written by others"));
}

#[tokio::test]
async fn a_library_that_is_found_in_a_folder_must_be_as_trustworthy_as_the_folder() {
    let root = folder();
    let libraries = below(root.path(), "libraries", 0o755);
    let needed = linked(&libraries, "needed.so", &[]);
    let (looked_in, path) = (format!("-L{}", libraries.display()), format!("-Wl,-rpath,{}", libraries.display()));
    let library = linked(root.path(), "plugin.so", &["-Wl,--no-as-needed", &looked_in, "-l:needed.so", &path]);
    let trust = Trust::strict(pin_of(&library));
    assert!(refusal(&library, &trust).await.1.contains(PAST_IT));
    set_mode(&needed, 0o777);
    let (kind, line) = refusal(&library, &trust).await;
    assert_eq!(kind, PluginRefusal::NotTrusted, "{line}");
    assert!(line.contains("its list of libraries names \"needed.so\"") && line.contains("may be written"), "{line}");
}

#[tokio::test]
async fn the_plugins_of_this_build_look_nowhere_but_in_the_system() {
    for name in ["libldap_provider.so", "libfile_provider.so", "libfaulty.so"] {
        let root = folder();
        let bytes = fs::read(tests::plugin::built(name)).expect("a plugin");
        let path = written(root.path(), name, &bytes);
        Plugin::open(&path, &Trust::strict(pin_of(&path))).await.unwrap_or_else(|error| panic!("{error}"));
    }
}
