//! Who could change a file.

use std::path::Path;

use rustix::fs::{FileType, Stat};
use rustix::process::geteuid;

use crate::one_line::one_line;

/// The bits of a mode with which the group and everybody else may write.
const WRITABLE_BY_OTHERS: u32 = 0o022;
const WRITABLE_BY_GROUP: u32 = 0o020;
/// In a sticky folder nobody but its owner can rename or delete what is another's.
const STICKY: u32 = 0o1000;

/// What is wrong with the owner or the permissions of a file or folder, if anything is.
///
/// An access list that lets others write shows as the group's permission to write.
pub(super) fn problem(path: &Path, stat: &Stat) -> Option<String> {
    let user = geteuid().as_raw();
    if stat.st_uid != 0 && stat.st_uid != user {
        let path = one_line(&path.to_string_lossy());
        return Some(format!(
            "{path} belongs to user {} and neither to root nor to the host's user {user}; chown it",
            stat.st_uid
        ));
    }
    let roots_sticky_folder =
        FileType::from_raw_mode(stat.st_mode) == FileType::Directory && stat.st_mode & STICKY != 0 && stat.st_uid == 0;
    if roots_sticky_folder { None } else { writers(path, stat) }
}

/// Who may write a file or folder beside its owner, if anybody may.
pub(super) fn writers(path: &Path, stat: &Stat) -> Option<String> {
    let mode = stat.st_mode & 0o7777;
    if mode & WRITABLE_BY_OTHERS == 0 {
        return None;
    }
    let who = if mode & WRITABLE_BY_OTHERS == WRITABLE_BY_GROUP { "its group" } else { "others" };
    Some(format!("{} may be written by {who} (mode {mode:o}); chmod go-w it", one_line(&path.to_string_lossy())))
}

/// What is wrong with a folder that is to be the host's alone. A sticky folder is everybody's.
pub(in crate::host) fn own_folder(path: &Path, stat: &Stat) -> Option<String> {
    let user = geteuid().as_raw();
    let (path, mode) = (one_line(&path.to_string_lossy()), stat.st_mode & 0o7777);
    if stat.st_uid != user {
        return Some(format!("{path} belongs to user {} and not to the host's user {user}; chown it", stat.st_uid));
    }
    (mode & WRITABLE_BY_OTHERS != 0).then(|| format!("{path} may be written by others (mode {mode:o}); chmod go-w it"))
}
