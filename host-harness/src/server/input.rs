//! Lines of standard input, in memory that is wiped.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::thread;

use tokio::sync::mpsc;
use zeroize::{Zeroize as _, Zeroizing};

/// The longest line that is read, in bytes. A login with every character of the longest name and password escaped has
/// some 8,000.
pub(super) const LONGEST: usize = 16 * 1024;
/// How many lines are read ahead.
const AHEAD: usize = 64;

/// A line without its end.
pub(crate) enum Line {
    /// All of it.
    Whole(Zeroizing<Vec<u8>>),
    /// The beginning of one that is too long.
    TooLong(Zeroizing<Vec<u8>>),
}

/// Lines, until there are no more; the last may be why not.
pub(crate) type Lines = mpsc::Receiver<io::Result<Line>>;

/// Reads standard input on a thread of its own, which is left to itself when nobody wants lines any more: nothing can
/// take a read back that waits for a terminal.
pub(crate) fn lines_of_standard_input() -> io::Result<Lines> {
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let (sender, receiver) = mpsc::channel(AHEAD);
    thread::Builder::new()
        .name("input".to_owned())
        .spawn(move || read(input, |line| sender.blocking_send(line).is_ok()))?;
    Ok(receiver)
}

/// Hands over line after line for as long as somebody takes them. A line that is not ended by a newline counts too,
/// unless the input ends with an error.
fn read(mut input: impl io::Read, mut hand_over: impl FnMut(io::Result<Line>) -> bool) {
    // Not a buffered reader: passwords would stay in its buffer.
    let mut buffer = Zeroizing::new(vec![0; LONGEST]);
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut too_long = false;
    loop {
        let count = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                hand_over(Err(error));
                return;
            }
        };
        for byte in buffer.get(..count).unwrap_or_default() {
            if *byte == b'\n' {
                let whole = std::mem::replace(&mut line, Zeroizing::new(Vec::with_capacity(LONGEST)));
                let kind = if std::mem::take(&mut too_long) { Line::TooLong } else { Line::Whole };
                if !hand_over(Ok(kind(whole))) {
                    return;
                }
            } else if line.len() < LONGEST {
                line.push(*byte);
            } else {
                too_long = true;
            }
        }
        // Not at the end alone, which may be months away.
        if let Some(read) = buffer.get_mut(..count) {
            read.zeroize();
        }
    }
    if !line.is_empty() {
        hand_over(Ok(if too_long { Line::TooLong(line) } else { Line::Whole(line) }));
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{LONGEST, Line, read};

    fn text(line: Line) -> Result<String, String> {
        let text = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
        match line {
            Line::Whole(line) => Ok(text(&line)),
            Line::TooLong(beginning) => Err(text(&beginning)),
        }
    }

    /// Lines; as errors, the beginnings of those that are too long.
    fn lines(input: &[u8]) -> Vec<Result<String, String>> {
        let mut lines = Vec::new();
        read(input, |line| {
            lines.push(text(line.expect("no error")));
            true
        });
        lines
    }

    #[test]
    fn lines_come_one_by_one_and_the_last_one_needs_no_end() {
        assert_eq!(lines(b"one\n\ntwo"), [Ok("one".to_owned()), Ok(String::new()), Ok("two".to_owned())]);
        assert_eq!(lines(b"one\n"), [Ok("one".to_owned())]);
        assert_eq!(lines(b""), []);
    }

    #[test]
    fn an_error_is_told_of_and_what_it_broke_off_is_no_line() {
        struct Broken;
        impl io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("unplugged"))
            }
        }
        let mut told = Vec::new();
        read(io::Read::chain(&b"one\nhal"[..], Broken), |line| {
            told.push(line.map(text).map_err(|error| error.to_string()));
            true
        });
        assert_eq!(told, [Ok(Ok("one".to_owned())), Err("unplugged".to_owned())]);
    }

    #[test]
    fn a_line_that_is_too_long_is_told_of_and_the_next_one_is_whole() {
        let input = [vec![b'x'; LONGEST], b"\n".to_vec(), vec![b'y'; 3 * LONGEST], b"\nnext\n".to_vec()].concat();
        let lines = lines(&input);
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0].as_ref().map(String::len), Ok(LONGEST));
        assert_eq!(lines[1..], [Err("y".repeat(LONGEST)), Ok("next".to_owned())]);
    }
}
