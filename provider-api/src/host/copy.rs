//! The copy of a plugin that is loaded, which nobody but the host can change.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, FileType, MemfdFlags, Mode, OFlags, SealFlags};

use super::error::Refusal;
use super::trust::{self, Sha256Digest};

/// A copy, and what the system's loader finds it by.
pub(super) struct Copy {
    path: PathBuf,
    /// The copy in memory, which is there as long as somebody holds it.
    _memory: Option<File>,
}

impl Copy {
    /// Makes a copy of these bytes: in a folder, or in memory if there is none.
    pub(super) fn make(bytes: &[u8], digest: Sha256Digest, folder: Option<&Path>) -> Result<Self, Refusal> {
        if let Some(folder) = folder {
            let path = in_folder(bytes, digest, folder)?;
            return Ok(Self { path, _memory: None });
        }
        let memory = sealed(bytes).map_err(|error| Refusal::NoCopy(error.to_string()))?;
        Ok(Self { path: format!("/proc/self/fd/{}", memory.as_raw_fd()).into(), _memory: Some(memory) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// A file in memory with these bytes, which nobody can change any more.
fn sealed(bytes: &[u8]) -> io::Result<File> {
    let descriptor = rustix::fs::memfd_create("provider-plugin", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = File::from(descriptor);
    file.write_all(bytes)?;
    rustix::fs::fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}

/// A file with these bytes in a folder that is the host's alone. One that is there already is used if it is right.
fn in_folder(bytes: &[u8], digest: Sha256Digest, path: &Path) -> Result<PathBuf, Refusal> {
    let no_copy = |error: io::Error| Refusal::NoCopyInFolder(error.to_string());
    let folder = trust::folder(path).map_err(|refusal| Refusal::NoCopyInFolder(refusal.to_string()))?;
    let stat = rustix::fs::fstat(&folder).map_err(|error| no_copy(error.into()))?;
    if let Some(problem) = trust::own_folder(path, &stat) {
        return Err(Refusal::NoCopyInFolder(problem));
    }
    let name = format!("{digest}.so");
    let copy = path.join(&name);
    if is_folder(&folder, &name) {
        return Err(Refusal::NoCopyInFolder(format!("{} is a folder; remove it", copy.display())));
    }
    if !holds(&folder, &name, digest).map_err(no_copy)? {
        write(&folder, &name, bytes).map_err(no_copy)?;
        if !holds(&folder, &name, digest).map_err(no_copy)? {
            return Err(Refusal::NoCopyInFolder(format!("{} is not what was written there", copy.display())));
        }
    }
    Ok(copy)
}

fn is_folder(folder: impl AsFd, name: &str) -> bool {
    let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
    stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_dir())
}

/// Whether there is a copy with this content that nobody else can change.
fn holds(folder: impl AsFd, name: &str, digest: Sha256Digest) -> io::Result<bool> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = rustix::fs::openat(folder, name, flags, Mode::empty()) else { return Ok(false) };
    let stat = rustix::fs::fstat(&file)?;
    if trust::own_folder(Path::new(name), &stat).is_some() {
        return Ok(false);
    }
    let mut bytes = Vec::new();
    File::from(file).read_to_end(&mut bytes)?;
    Ok(Sha256Digest::of(&bytes) == digest)
}

/// Writes a copy under another name and moves it into its place when it is whole: an old one may be mapped.
fn write(folder: impl AsFd, name: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = folder.as_fd();
    let (unfinished, file) = unfinished(folder, name)?;
    let mut file = File::from(file);
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    let moved = written.and_then(|()| Ok(rustix::fs::renameat(folder, &unfinished, folder, name)?));
    if moved.is_err() {
        let _ = rustix::fs::unlinkat(folder, &unfinished, AtFlags::empty());
    }
    moved
}

/// A new file that is nobody else's: threads and processes may make copies of the same plugin at a time.
fn unfinished(folder: impl AsFd, name: &str) -> io::Result<(String, OwnedFd)> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let folder = folder.as_fd();
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let unfinished = format!("{name}.{}.{number}", std::process::id());
        match rustix::fs::openat(folder, &unfinished, flags, Mode::from_raw_mode(0o500)) {
            Ok(file) => return Ok((unfinished, file)),
            // What a process of the same number left, or has open: in a container many are number 1.
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, DirBuilder};
    use std::os::unix::fs::DirBuilderExt as _;
    use std::sync::Barrier;
    use std::thread;

    use super::{Copy, Sha256Digest};

    #[test]
    fn many_who_make_the_same_copy_at_a_time_all_have_a_whole_one() {
        let folder = std::env::temp_dir().join(format!("provider-api-copies-{}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&folder).expect("a folder");
        for round in 0..8_u8 {
            let bytes = vec![round; 1 << 18];
            let digest = Sha256Digest::of(&bytes);
            let begin = Barrier::new(16);
            thread::scope(|scope| {
                for _ in 0..16 {
                    scope.spawn(|| {
                        begin.wait();
                        let copy =
                            Copy::make(&bytes, digest, Some(&folder)).unwrap_or_else(|refusal| panic!("{refusal}"));
                        assert!(fs::read(copy.path()).expect("the copy") == bytes, "half a copy");
                    });
                }
            });
        }
        assert_eq!(fs::read_dir(&folder).expect("the folder").count(), 8, "nothing else is left there");
        fs::remove_dir_all(&folder).expect("removed");
    }
}
