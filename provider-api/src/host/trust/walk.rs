//! The way to a file, folder by folder, and the file itself, opened once and read once.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
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
/// How many symbolic links are followed on one way, as many as Linux follows.
const MOST_LINKS: usize = 40;

/// What becomes of a symbolic link on the way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    /// It ends there.
    Refused,
    /// It goes on where the link leads, and whoever made the link is looked at too.
    Followed,
}

/// Reads a plugin's file on these conditions. What a lenient profile lets pass is added to `warnings`.
pub(in crate::host) fn read(path: &Path, trust: &Trust, warnings: &mut Vec<String>) -> Result<Vec<u8>, Refusal> {
    let file = open(path, Links::Refused, |problem| trust.judge(problem, warnings))?;
    whole(file)
}

/// Opens a regular file. Whoever else could change it, or a folder on the way to it, is a problem to judge.
pub(super) fn open(
    path: &Path,
    links: Links,
    mut judge: impl FnMut(String) -> Result<(), Refusal>,
) -> Result<File, Refusal> {
    let mut look = |problem: Option<String>| problem.map_or(Ok(()), &mut judge);
    let (folder, name) = parent(path, links, |place, stat| look(permissions::problem(place, stat)))?;
    if links == Links::Followed {
        // Not even opened: whoever writes to a pipe would take that for a reader.
        let stat = rustix::fs::statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW);
        is_regular(&stat.map_err(|error| unreadable(&error.into()))?)?;
    }
    // Without NONBLOCK opening a FIFO would wait for somebody to write. What was opened is what is asked about.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&folder, &name, flags, Mode::empty()).map_err(|error| match error {
        Errno::LOOP => Refusal::SymbolicLink(one_line(&path.to_string_lossy())),
        other => unreadable(&other.into()),
    })?;
    let stat = rustix::fs::fstat(&file).map_err(|error| unreadable(&error.into()))?;
    is_regular(&stat)?;
    look(permissions::problem(path, &stat))?;
    Ok(File::from(file))
}

fn is_regular(stat: &Stat) -> Result<(), Refusal> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(()),
        FileType::Directory => Err(Refusal::NotAFile("a folder")),
        _ => Err(Refusal::NotAFile("a device, pipe or socket")),
    }
}

/// Opens the folder that a path leads to, looking at each on the way.
pub(in crate::host) fn folder(path: &Path) -> Result<OwnedFd, Refusal> {
    let (parent, name) = parent(path, Links::Refused, |place, stat| match permissions::problem(place, stat) {
        Some(problem) => Err(Refusal::NotTrusted(problem)),
        None => Ok(()),
    })?;
    step(&parent, &name, path)
}

/// Who else could put a file into a folder, if somebody could. A folder that is not there is made by whoever may write
/// the last one on the way to it that is.
pub(in crate::host) fn writers(folder: &Path) -> Option<String> {
    let (mut problem, mut last) = (None, None);
    // The way to whatever lies in it passes through the folder itself.
    let walked = parent(&folder.join("."), Links::Followed, |place, stat| {
        problem = problem.take().or_else(|| permissions::problem(place, stat));
        last = Some((place.to_owned(), *stat));
        Ok(())
    });
    match walked {
        Ok(_) | Err(Refusal::Missing) => {}
        Err(other) => problem = problem.or_else(|| Some(other.to_string())),
    }
    // There a sticky folder does not pass: everybody may put something new into it.
    problem.or_else(|| last.and_then(|(place, stat)| permissions::writers(&place, &stat)))
}

/// Walks to the folder of a file. Each step starts from the folder that has just been looked at, so that nothing that
/// is exchanged meanwhile leads elsewhere.
fn parent(
    path: &Path,
    links: Links,
    mut look: impl FnMut(&Path, &Stat) -> Result<(), Refusal>,
) -> Result<(OwnedFd, OsString), Refusal> {
    if !path.is_absolute() {
        return Err(Refusal::NotAbsolute);
    }
    let mut ahead = names(path, links)?;
    let (mut here, mut place) = (root(&mut look)?, PathBuf::from("/"));
    let mut followed = 0;
    while let Some(name) = ahead.pop_front() {
        if links == Links::Followed
            && let Some(target) = link(&here, &name, &place, &mut look)?
        {
            followed += 1;
            if followed > MOST_LINKS {
                return Err(Refusal::SymbolicLink(one_line(&place.join(&name).to_string_lossy())));
            }
            if target.is_absolute() {
                (here, place) = (root(&mut look)?, PathBuf::from("/"));
            }
            for name in names(&target, links)?.into_iter().rev() {
                ahead.push_front(name);
            }
            continue;
        }
        if ahead.is_empty() {
            return Ok((here, name));
        }
        if name == ".." {
            place.pop();
        } else if name != "." {
            place.push(&name);
        }
        here = step(&here, &name, &place)?;
        look(&place, &rustix::fs::fstat(&here).map_err(|error| unreadable(&error.into()))?)?;
    }
    // It leads to the root folder, which is no file.
    Err(Refusal::NotAbsolute)
}

/// The parts of a path. What leads up is followed where links are, as the system does it: from where a link has led.
fn names(path: &Path, links: Links) -> Result<VecDeque<OsString>, Refusal> {
    let mut names = VecDeque::new();
    for component in path.components() {
        match component {
            Component::RootDir if names.is_empty() => {}
            Component::Normal(name) => names.push_back(name.to_owned()),
            Component::ParentDir if links == Links::Followed => names.push_back("..".into()),
            _ => return Err(Refusal::NotAbsolute),
        }
    }
    // `components` leaves it out: the folder itself is meant.
    if links == Links::Followed && path.as_os_str().as_encoded_bytes().ends_with(b"/.") {
        names.push_back(".".into());
    }
    Ok(names)
}

fn root(look: &mut impl FnMut(&Path, &Stat) -> Result<(), Refusal>) -> Result<OwnedFd, Refusal> {
    let root = Path::new("/");
    let here = rustix::fs::open(root, PASSAGE, Mode::empty()).map_err(|error| unreadable(&error.into()))?;
    look(root, &rustix::fs::fstat(&here).map_err(|error| unreadable(&error.into()))?)?;
    Ok(here)
}

/// Where a symbolic link leads, if it is one.
fn link(
    here: impl AsFd,
    name: &OsStr,
    place: &Path,
    look: &mut impl FnMut(&Path, &Stat) -> Result<(), Refusal>,
) -> Result<Option<PathBuf>, Refusal> {
    let Ok(mut stat) = rustix::fs::statat(&here, name, AtFlags::SYMLINK_NOFOLLOW) else { return Ok(None) };
    if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
        return Ok(None);
    }
    // The mode of a link means nothing: only its owner can replace it, or who may write its folder.
    stat.st_mode &= !0o7777;
    look(&place.join(name), &stat)?;
    let target = rustix::fs::readlinkat(&here, name, Vec::new()).map_err(|error| unreadable(&error.into()))?;
    Ok(Some(OsString::from_vec(target.into_bytes()).into()))
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
