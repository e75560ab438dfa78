//! The way to a file, folder by folder, and the file itself, opened once and read once.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{Trust, permissions};
use crate::host::error::Refusal;
use crate::host::preflight;
use crate::one_line::one_line;

/// The largest file that is looked at, in bytes: 1 GiB.
const LARGEST: u64 = 1 << 30;

/// Reads a file on these conditions. What a lenient profile lets pass is added to `warnings`.
pub(in crate::host) fn read(path: &Path, trust: &Trust, warnings: &mut Vec<String>) -> Result<Vec<u8>, Refusal> {
    let (folder, name) = parent(path, |place, stat| match permissions::problem(place, stat) {
        Some(problem) => trust.judge(problem, warnings),
        None => Ok(()),
    })?;
    // Without NONBLOCK opening a FIFO would wait for somebody to write. What was opened is what is asked about.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&folder, name, flags, Mode::empty()).map_err(|error| match error {
        Errno::LOOP => Refusal::SymbolicLink(one_line(&path.to_string_lossy())),
        other => unreadable(&other.into()),
    })?;
    let stat = rustix::fs::fstat(&file).map_err(|error| unreadable(&error.into()))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return Err(Refusal::NotAFile("a folder")),
        _ => return Err(Refusal::NotAFile("a device, pipe or socket")),
    }
    if let Some(problem) = permissions::problem(path, &stat) {
        trust.judge(problem, warnings)?;
    }
    whole(File::from(file))
}

/// Opens the folder that a path leads to, looking at each on the way.
pub(in crate::host) fn folder(path: &Path) -> Result<OwnedFd, Refusal> {
    let (parent, name) = parent(path, |place, stat| match permissions::problem(place, stat) {
        Some(problem) => Err(Refusal::NotTrusted(problem)),
        None => Ok(()),
    })?;
    step(&parent, name, path)
}

/// Walks to the folder of a file. No step follows a symbolic link, and each starts from the folder that has just been
/// looked at, so that nothing that is exchanged meanwhile leads elsewhere.
fn parent(
    path: &Path,
    mut look: impl FnMut(&Path, &Stat) -> Result<(), Refusal>,
) -> Result<(OwnedFd, &OsStr), Refusal> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::RootDir if names.is_empty() => {}
            Component::Normal(name) => names.push(name),
            _ => return Err(Refusal::NotAbsolute),
        }
    }
    let last = names.pop().filter(|_| path.is_absolute()).ok_or(Refusal::NotAbsolute)?;
    let mut place = PathBuf::from("/");
    let mut here = rustix::fs::open(&place, PASSAGE, Mode::empty()).map_err(|error| unreadable(&error.into()))?;
    look(&place, &rustix::fs::fstat(&here).map_err(|error| unreadable(&error.into()))?)?;
    for name in names {
        place.push(name);
        here = step(&here, name, &place)?;
        look(&place, &rustix::fs::fstat(&here).map_err(|error| unreadable(&error.into()))?)?;
    }
    Ok((here, last))
}

/// How a folder is opened that is only passed through: no right to read it is needed.
const PASSAGE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// From one folder to the next, which lies at `place`.
fn step(here: impl AsFd, name: &OsStr, place: &Path) -> Result<OwnedFd, Refusal> {
    rustix::fs::openat(&here, name, PASSAGE, Mode::empty()).map_err(|error| {
        let is_link = rustix::fs::statat(&here, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink);
        if is_link { Refusal::SymbolicLink(one_line(&place.to_string_lossy())) } else { unreadable(&error.into()) }
    })
}

/// Reads a regular file from its beginning to its end.
fn whole(mut file: File) -> Result<Vec<u8>, Refusal> {
    let metadata = file.metadata().map_err(|error| unreadable(&error))?;
    let length = usize::try_from(metadata.len().min(LARGEST + 1)).unwrap_or(usize::MAX);
    // A disk image is not read into memory to learn that it is none.
    let mut bytes = Vec::with_capacity(length.min(preflight::IDENT_LENGTH));
    (&mut file).take(preflight::IDENT_LENGTH as u64).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    preflight::identify(&bytes)?;
    if metadata.len() > LARGEST {
        return Err(Refusal::NotALibrary("it is larger than 1 GiB".to_owned()));
    }
    bytes.reserve_exact(length.saturating_sub(bytes.len()));
    (&mut file).take(LARGEST).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    // Half of an old file and half of a new one is neither.
    let after = file.metadata().map_err(|error| unreadable(&error))?;
    let written = |metadata: &Metadata| (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
    if written(&metadata) != written(&after) {
        return Err(Refusal::Changing);
    }
    Ok(bytes)
}

fn unreadable(error: &io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::NotFound => Refusal::Missing,
        _ => Refusal::Unreadable(error.to_string()),
    }
}
