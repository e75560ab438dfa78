//! What can be told of a plugin's bytes without loading them.
//!
//! The system's loader trusts the file: one that was cut short kills the process with SIGBUS inside of `dlopen`, and
//! the library of a stranger runs its constructors.

use abi_stable::library::ROOT_MODULE_LOADER_NAME;
use object::elf::{EM_AARCH64, EM_X86_64, ET_DYN, FileHeader64, PT_LOAD, SHT_DYNSYM};
use object::read::elf::{FileHeader, ProgramHeader, Sym};
use object::{LittleEndian, StringTable};

use super::error::Refusal;

/// How a file begins that can be one: the magic number, then class 2 (64 bits) and data 1 (little-endian); System V
/// ABI, "ELF Identification".
const IDENT: &[u8; IDENT_LENGTH] = b"\x7fELF\x02\x01";
/// How much of a file [`identify`] wants, in bytes.
pub(super) const IDENT_LENGTH: usize = 6;

type Elf = FileHeader64<LittleEndian>;

/// Looks at the first six bytes.
pub(super) fn identify(start: &[u8]) -> Result<(), Refusal> {
    if start.get(..4) != IDENT.get(..4) {
        return Err(Refusal::NotALibrary("it is no ELF file".to_owned()));
    }
    if start.get(4..6) != IDENT.get(4..6) {
        return Err(Refusal::NotALibrary("it is not a 64-bit little-endian ELF file".to_owned()));
    }
    Ok(())
}

/// Checks that the bytes are a whole ELF library for this machine that exports a provider's header.
pub(super) fn check(bytes: &[u8]) -> Result<(), Refusal> {
    identify(bytes)?;
    let header = Elf::parse(bytes).map_err(|error| Refusal::Damaged(error.to_string()))?;
    let endian = header.endian().map_err(|error| Refusal::NotALibrary(error.to_string()))?;
    if header.e_type(endian) != ET_DYN {
        return Err(Refusal::NotALibrary("it is an ELF file but no shared library".to_owned()));
    }
    if Some(header.e_machine(endian)) != this_machine() {
        return Err(Refusal::NotALibrary("it is built for another processor".to_owned()));
    }
    whole(header, endian, bytes)?;
    if exports_header(header, endian, bytes)? { Ok(()) } else { Err(Refusal::NoHeader) }
}

fn this_machine() -> Option<object::elf::Machine> {
    if cfg!(target_arch = "x86_64") {
        Some(EM_X86_64)
    } else if cfg!(target_arch = "aarch64") {
        Some(EM_AARCH64)
    } else {
        None
    }
}

/// Whether everything that the loader maps, and the table at the very end, lies inside of the file.
fn whole(header: &Elf, endian: LittleEndian, bytes: &[u8]) -> Result<(), Refusal> {
    let damaged = |what: &str| Refusal::Damaged(format!("{what} lies beyond the end of the file"));
    let length = bytes.len() as u64;
    let segments = header.program_headers(endian, bytes).map_err(|_| damaged("the program header table"))?;
    let mut loadable = segments.iter().filter(|segment| segment.p_type(endian) == PT_LOAD).peekable();
    if loadable.peek().is_none() {
        return Err(Refusal::Damaged("nothing in it can be loaded".to_owned()));
    }
    for segment in loadable {
        let (offset, size) = segment.file_range(endian);
        if size > segment.p_memsz(endian) {
            return Err(Refusal::Damaged("a segment is larger in the file than in memory".to_owned()));
        }
        if offset.checked_add(size).is_none_or(|end| end > length) {
            return Err(damaged("a segment"));
        }
    }
    // A file that was cut in its section headers alone would still load: the loader does not read them.
    let table = u64::from(header.e_shnum(endian)) * u64::from(header.e_shentsize(endian));
    if header.e_shoff(endian).checked_add(table).is_none_or(|end| end > length) {
        return Err(damaged("the section header table"));
    }
    Ok(())
}

/// Whether a dynamic symbol has the name by which the host finds a plugin's header.
fn exports_header(header: &Elf, endian: LittleEndian, bytes: &[u8]) -> Result<bool, Refusal> {
    let damaged = |error: object::Error| Refusal::Damaged(error.to_string());
    let sections = header.sections(endian, bytes).map_err(damaged)?;
    let symbols = sections.symbols(endian, bytes, SHT_DYNSYM).map_err(damaged)?;
    let names: StringTable<'_> = symbols.strings();
    Ok(symbols.iter().any(|symbol| {
        !symbol.is_undefined(endian) && symbol.name(endian, names) == Ok(ROOT_MODULE_LOADER_NAME.as_bytes())
    }))
}

#[cfg(test)]
mod tests {
    use super::{Refusal, check};

    #[test]
    fn no_prefix_of_a_real_library_passes_for_the_whole() {
        // A program is an ELF file of the same kind as a library; the test's own is at hand.
        let whole = std::fs::read(std::env::current_exe().expect("the test's path")).expect("the test's file");
        assert!(matches!(check(&whole), Err(Refusal::NoHeader)), "a whole file without the header");
        for length in (0..whole.len()).step_by(whole.len() / 97) {
            let cut = check(whole.get(..length).expect("a prefix"));
            assert!(matches!(cut, Err(Refusal::Damaged(_) | Refusal::NotALibrary(_))), "{length}: {cut:?}");
        }
    }
}
