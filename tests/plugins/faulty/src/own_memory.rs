//! An allocator of this plugin's own. As long as plugin and host are built alike they have the system's in common, and
//! whatever is freed on the wrong side of the border is freed all the same. Here each piece lies behind a mark: what the
//! host frees by itself, the system does not know; what is freed here and comes from elsewhere has no mark. Either ends the
//! process, and with it the test.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write as _;

/// What lies before a piece of memory of this plugin. Where the system looks for the size of what it is told to free, it is
/// one that nothing has.
const MARK: u64 = 0x6f75_7220_6d65_6d21;

struct OwnMemory;

#[global_allocator]
static OWN_MEMORY: OwnMemory = OwnMemory;

// SAFETY: each piece is one of the system's, of which the part behind the mark is given out: as large and as aligned as was
// asked for, since what lies before it takes up whole alignments. It is given back as it was taken.
unsafe impl GlobalAlloc for OwnMemory {
    unsafe fn alloc(&self, wanted: Layout) -> *mut u8 {
        let Some((whole, before)) = with_mark(wanted) else { return std::ptr::null_mut() };
        // SAFETY: it is not of size zero, because of the mark, and `before` is what it begins with.
        unsafe { marked(System.alloc(whole), before) }
    }

    unsafe fn alloc_zeroed(&self, wanted: Layout) -> *mut u8 {
        let Some((whole, before)) = with_mark(wanted) else { return std::ptr::null_mut() };
        // SAFETY: as above.
        unsafe { marked(System.alloc_zeroed(whole), before) }
    }

    unsafe fn dealloc(&self, piece: *mut u8, wanted: Layout) {
        // SAFETY: whoever calls this says that it is a piece of memory.
        unsafe { end_unless_marked(piece) };
        let Some((whole, before)) = with_mark(wanted) else { std::process::abort() };
        // SAFETY: it is marked, so `alloc` has put it so far behind the beginning of one of this layout.
        unsafe { System.dealloc(piece.sub(before), whole) }
    }

    unsafe fn realloc(&self, piece: *mut u8, was: Layout, size: usize) -> *mut u8 {
        // SAFETY: whoever calls this says that it is a piece of memory.
        unsafe { end_unless_marked(piece) };
        let Some((whole, before)) = with_mark(was) else { return std::ptr::null_mut() };
        let Some(larger) = size.checked_add(before) else { return std::ptr::null_mut() };
        // SAFETY: as in `dealloc`. What lies before a piece depends on its alignment alone, and the mark moves along.
        unsafe {
            let begin = System.realloc(piece.sub(before), whole, larger);
            if begin.is_null() { begin } else { begin.add(before) }
        }
    }
}

const MARK_SIZE: usize = size_of::<u64>();

/// A piece with its mark before it, and how far within it begins.
fn with_mark(wanted: Layout) -> Option<(Layout, usize)> {
    Layout::new::<u64>().extend(wanted).ok()
}

/// The piece behind the mark, which is written.
///
/// # Safety
///
/// What begins there, if it is not null, is larger than `before`, which has room for the mark.
unsafe fn marked(begin: *mut u8, before: usize) -> *mut u8 {
    if begin.is_null() {
        return begin;
    }
    // SAFETY: both are within what begins there.
    unsafe {
        let piece = begin.add(before);
        piece.sub(MARK_SIZE).cast::<u64>().write_unaligned(MARK);
        piece
    }
}

/// Ends the process unless the piece is one of this plugin.
///
/// # Safety
///
/// Something allocated it: this allocator, or another that keeps something of its own before each piece, as the system's does.
unsafe fn end_unless_marked(piece: *const u8) {
    // SAFETY: so much lies before it.
    if unsafe { piece.wrapping_sub(MARK_SIZE).cast::<u64>().read_unaligned() } != MARK {
        // Unbuffered: this needs no memory.
        let _ = std::io::stderr().write_all(b"faulty: freed by the plugin, and not the plugin's\n");
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::{GlobalAlloc as _, Layout, System};
    use std::hint::black_box;
    use std::process::Command;

    use super::{MARK, MARK_SIZE, OWN_MEMORY};

    /// Set in a process that is to free the wrong thing.
    const FREES: &str = "FAULTY_TEST_FREES";

    #[test]
    fn a_piece_of_any_size_and_alignment_is_marked_keeps_what_is_in_it_and_grows() {
        for align in [1, 2, 8, 16, 64, 4_096] {
            for size in [1, 7, 8, 24, 4_096, 1 << 20] {
                let layout = Layout::from_size_align(size, align).unwrap();
                // SAFETY: each piece is used within its size, and given back with the layout that it has.
                unsafe {
                    let piece = black_box(OWN_MEMORY.alloc_zeroed(layout));
                    let is_sound = |piece: *mut u8| {
                        piece.addr().is_multiple_of(align)
                            && piece.sub(MARK_SIZE).cast::<u64>().read_unaligned() == MARK
                    };
                    assert!(is_sound(piece) && piece.add(size - 1).read() == 0, "{layout:?}");
                    piece.write_bytes(7, size);
                    let grown = black_box(OWN_MEMORY.realloc(piece, layout, 3 * size));
                    assert!(is_sound(grown) && grown.add(size - 1).read() == 7, "{layout:?}");
                    grown.add(3 * size - 1).write(7);
                    OWN_MEMORY.dealloc(grown, Layout::from_size_align(3 * size, align).unwrap());
                }
            }
        }
    }

    #[test]
    fn whoever_frees_what_is_not_theirs_does_not_live_on() {
        use std::os::unix::process::ExitStatusExt as _;

        const SIGABRT: i32 = 6;

        let Ok(whose) = std::env::var(FREES) else {
            let this_test = "own_memory::tests::whoever_frees_what_is_not_theirs_does_not_live_on";
            for whose in ["the system's", "the plugin's", "the plugin's, aligned"] {
                let arguments = ["--exact", this_test, "--nocapture"];
                let child = Command::new(std::env::current_exe().unwrap()).args(arguments).env(FREES, whose).output();
                let child = child.unwrap();
                let stderr = String::from_utf8_lossy(&child.stderr);
                assert_eq!(child.status.signal(), Some(SIGABRT), "{whose}: {stderr}");
                assert_eq!(stderr.contains("not the plugin's"), whose == "the system's", "{whose}: {stderr}");
            }
            return;
        };
        let align = if whose.ends_with("aligned") { 16 } else { 1 };
        let layout = Layout::from_size_align(24, align).unwrap();
        // SAFETY: it is wrong, as it has to be; the process ends here.
        unsafe {
            if whose == "the system's" {
                OWN_MEMORY.dealloc(black_box(System.alloc(layout)), layout);
            } else {
                System.dealloc(black_box(OWN_MEMORY.alloc(layout)), layout);
            }
        }
    }
}
