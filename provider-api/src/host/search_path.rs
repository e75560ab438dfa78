//! Which files the system's loader takes beside a plugin's own: whoever can change those runs code as the host too.
//!
//! A library may bring folders in which the libraries that it needs are looked for before the system's own (`DT_RUNPATH`
//! and `DT_RPATH`; gABI, "Shared Object Dependencies"), and may name libraries by their paths. What these need in turn
//! is theirs, and not looked at.

use std::path::{Path, PathBuf};

use object::LittleEndian;
use object::elf::{DT_AUXILIARY, DT_FILTER, DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_STRTAB, FileHeader64};
use object::read::elf::{Dyn as _, FileHeader as _, ProgramHeader as _};

use super::error::Refusal;
use super::trust;
use crate::one_line::one_line;

/// Where a copy in memory is loaded from, in place of `$ORIGIN`.
const IN_MEMORY: &str = "/proc/self/fd";

type Elf = FileHeader64<LittleEndian>;

/// What is wrong with the places that a library makes the loader look in, a line each. `copies` is the folder that it
/// will be loaded from.
pub(super) fn problems(bytes: &[u8], copies: Option<&Path>) -> Result<Vec<String>, Refusal> {
    let origin = copies.unwrap_or(Path::new(IN_MEMORY));
    let mut problems = Vec::new();
    let asked = asked(bytes)?;
    let mut folders = Vec::new();
    for asked in &asked {
        if let Asked::Folders(_, list) = asked {
            folders.extend(list.split(|byte| *byte == b':').filter_map(|folder| place(folder, origin).ok()));
        }
    }
    for asked in asked {
        match asked {
            Asked::Folders(what, list) => {
                let folders = list.split(|byte| *byte == b':');
                problems.extend(folders.filter_map(|folder| {
                    told(what, folder, place(folder, origin).and_then(|folder| writers(&folder)))
                }));
            }
            // Without a slash it is looked for in the folders; what only the loader knows may become a path.
            Asked::Library(name) if !name.contains(&b'/') && !name.contains(&b'$') => {
                problems.extend(
                    beside(&folders, name)
                        .filter_map(|library| told("its list of libraries", name, changed_by(&library))),
                );
            }
            Asked::Library(path) => {
                problems.extend(told(
                    "its list of libraries",
                    path,
                    place(path, origin).and_then(|library| changed_by(&library)),
                ));
            }
        }
    }
    Ok(problems)
}

/// The libraries of this name that are there in the folders that the loader is made to look in.
fn beside<'a>(folders: &'a [PathBuf], name: &'a [u8]) -> impl Iterator<Item = PathBuf> + 'a {
    let name = str::from_utf8(name).ok();
    let places = folders.iter().filter_map(move |folder| Some(folder.join(name?)));
    places.filter(|library| library.symlink_metadata().is_ok())
}

fn told(what: &str, asked: &[u8], looked_at: Result<(), String>) -> Option<String> {
    let asked = one_line(&String::from_utf8_lossy(asked));
    looked_at.err().map(|problem| format!("{what} names \"{asked}\": {problem}"))
}

fn writers(folder: &Path) -> Result<(), String> {
    trust::writers(folder).map_or(Ok(()), Err)
}

/// Who could change a library. One that is not there could be put there.
fn changed_by(library: &Path) -> Result<(), String> {
    match trust::examine(library) {
        Ok(examined) => examined.problems.into_iter().next().map_or(Ok(()), Err),
        Err(_) => writers(library.parent().unwrap_or(Path::new("/"))),
    }
}

/// The place that the loader makes of a path in a library.
fn place(path: &[u8], origin: &Path) -> Result<PathBuf, String> {
    let path = str::from_utf8(path).map_err(|_| "it is not UTF-8".to_owned())?;
    let behind = ["$ORIGIN", "${ORIGIN}"].iter().find_map(|token| path.strip_prefix(token));
    let place = match behind {
        Some(behind) if behind.is_empty() || behind.starts_with('/') => format!("{}{behind}", origin.display()),
        _ => path.to_owned(),
    };
    if place.contains('$') {
        return Err("where that leads only the loader knows; link it with a whole path".to_owned());
    }
    if !place.starts_with('/') {
        return Err("that depends on the folder that the host is started in; link it with a whole path".to_owned());
    }
    Ok(place.into())
}

/// What a library asks the loader for.
enum Asked<'a> {
    /// To look in these folders, and what says so.
    Folders(&'static str, &'a [u8]),
    /// To load this library too.
    Library(&'a [u8]),
}

/// Reads what the loader reads: the dynamic segment, not the section of that name.
fn asked(bytes: &[u8]) -> Result<Vec<Asked<'_>>, Refusal> {
    let damaged = |error: object::Error| Refusal::Damaged(error.to_string());
    let header = Elf::parse(bytes).map_err(damaged)?;
    let endian = header.endian().map_err(damaged)?;
    let segments = header.program_headers(endian, bytes).map_err(damaged)?;
    let mut entries = Vec::new();
    for segment in segments {
        if let Some(dynamic) = segment.dynamic(endian, bytes).map_err(damaged)? {
            entries.extend(dynamic.iter().map(|entry| (entry.tag(endian), entry.val(endian))));
        }
    }
    let strings = entries.iter().find(|(tag, _)| *tag == DT_STRTAB).map(|(_, address)| *address);
    let text = |offset: u64| -> Result<&[u8], Refusal> {
        let lost = || Refusal::Damaged("a name in its dynamic segment lies nowhere".to_owned());
        let address = strings.and_then(|strings| strings.checked_add(offset)).ok_or_else(lost)?;
        let found = segments.iter().find_map(|segment| {
            let begin = address.checked_sub(segment.p_vaddr(endian))?;
            let data = segment.data(endian, bytes).ok().filter(|_| segment.p_type(endian) == object::elf::PT_LOAD)?;
            data.get(usize::try_from(begin).ok()?..)
        });
        let behind = found.ok_or_else(lost)?;
        let end = behind.iter().position(|byte| *byte == 0).ok_or_else(lost)?;
        behind.get(..end).ok_or_else(lost)
    };
    let mut all = Vec::new();
    for (tag, value) in &entries {
        match *tag {
            DT_RUNPATH => all.push(Asked::Folders("its RUNPATH", text(*value)?)),
            DT_RPATH => all.push(Asked::Folders("its RPATH", text(*value)?)),
            DT_NEEDED | DT_AUXILIARY | DT_FILTER => all.push(Asked::Library(text(*value)?)),
            _ => {}
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{asked, place, problems};

    #[test]
    fn where_a_path_in_a_library_leads() {
        let origin = Path::new("/copies");
        for (path, leads) in [
            ("/usr/lib", Some("/usr/lib")),
            ("$ORIGIN", Some("/copies")),
            ("${ORIGIN}/../lib", Some("/copies/../lib")),
            ("", None),
            ("lib", None),
            ("./lib", None),
            ("$ORIGINAL", None),
            ("/usr/$LIB", None),
            ("/usr/$ORIGIN", None),
        ] {
            let place = place(path.as_bytes(), origin);
            assert_eq!(place.as_deref().ok(), leads.map(Path::new), "{path:?}: {place:?}");
        }
    }

    #[test]
    fn the_libraries_of_a_real_program_are_found_and_trusted() {
        // A program has a dynamic segment as a library has; the test's own is at hand.
        let program = std::fs::read(std::env::current_exe().expect("the test's path")).expect("the test's file");
        assert!(!asked(&program).expect("it is sound").is_empty(), "it needs the C library");
        assert_eq!(problems(&program, None).expect("it is sound"), Vec::<String>::new());
    }
}
