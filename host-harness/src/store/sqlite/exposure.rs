//! Who else could have put into a store what the host then takes for its own.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use provider_api::host::examine;
use rustix::process::geteuid;

/// The bits of a mode with which the group and everybody else may write.
pub(super) const WRITABLE_BY_OTHERS: u32 = 0o022;
/// In a sticky folder nobody but its owner can rename or delete what is another's.
const STICKY: u32 = 0o1000;
/// What SQLite calls the files that it keeps beside the store. It writes into the store what it finds in them.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Who else could have changed the file, could put another in its place, or could have put files beside it, a line
/// each. Nothing is made, and nothing changed. `metadata` is the file's, if it is there.
pub(super) fn problems(file: &Path, metadata: Option<&Metadata>) -> Vec<String> {
    let examined = std::path::absolute(file).map(|path| examine(&path));
    let mut problems = match examined {
        Ok(Ok(examined)) => examined.problems,
        Ok(Err(missing)) if metadata.is_none() => missing.problems,
        Ok(Err(problem)) => vec![format!("{}: {problem}", file.display())],
        Err(error) => vec![format!("{}: {error}", file.display())],
    };
    if let Some(real) = real(file) {
        problems.extend(real.parent().and_then(shared_folder));
        problems.extend(BESIDE.iter().filter_map(|ending| side_file(&real, ending)));
    }
    problems
}

/// Where SQLite finds the file and keeps others beside it: links are followed. It need not be there.
fn real(file: &Path) -> Option<PathBuf> {
    file.canonicalize().ok().or_else(|| {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(folder.canonicalize().ok()?.join(file.file_name()?))
    })
}

/// That the store lies in a sticky folder, if it does. Nobody can replace it there, but everybody can put a
/// write-ahead log or a journal beside it, which SQLite would take for its own and write into the store.
fn shared_folder(folder: &Path) -> Option<String> {
    let mode = folder.metadata().ok()?.permissions().mode() & 0o7777;
    (mode & STICKY != 0 && mode & WRITABLE_BY_OTHERS != 0).then(|| {
        format!(
            "{} may be written by others (mode {mode:o}), who could put files beside the store that SQLite takes for \
             its own; keep it in a folder of the host's own",
            folder.display()
        )
    })
}

/// What is wrong with a file of SQLite's beside the store. It may have been put there while the folder was not yet the
/// host's alone.
///
/// It is looked at without being opened: whoever closes a file of the process ends the locks that the process has on it.
fn side_file(store: &Path, ending: &str) -> Option<String> {
    let mut name = OsString::from(store.file_name()?);
    name.push(ending);
    let file = store.with_file_name(name);
    let metadata = match fs::symlink_metadata(&file) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => return Some(format!("{}: {error}", file.display())),
    };
    let (owner, user, mode) = (metadata.uid(), geteuid().as_raw(), metadata.mode() & 0o7777);
    let what = if !metadata.is_file() {
        "is no regular file".to_owned()
    } else if owner != 0 && owner != user {
        format!("belongs to user {owner} and neither to root nor to the host's user {user}")
    } else if mode & WRITABLE_BY_OTHERS != 0 {
        format!("may be written by others (mode {mode:o})")
    } else {
        return None;
    };
    Some(format!("{} {what}, and SQLite would write into the store what is in it", file.display()))
}
