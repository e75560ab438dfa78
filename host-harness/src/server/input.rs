//! Lines of standard input, in memory that is wiped.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::thread;

use tokio::sync::mpsc;
use zeroize::Zeroizing;

/// The longest line that is read, in bytes. A login with every character of the longest name and password escaped has
/// some 8,000.
const LONGEST: usize = 16 * 1024;
/// How many lines are read ahead.
const AHEAD: usize = 64;

/// A line without its end; `None` for one that is too long.
pub(crate) type Line = Option<Zeroizing<Vec<u8>>>;
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
                if !hand_over(Ok((!too_long).then_some(whole))) {
                    return;
                }
                too_long = false;
            } else if line.len() < LONGEST {
                line.push(*byte);
            } else {
                too_long = true;
            }
        }
    }
    if !line.is_empty() {
        hand_over(Ok((!too_long).then_some(line)));
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{LONGEST, read};

    fn lines(input: &[u8]) -> Vec<Option<String>> {
        let mut lines = Vec::new();
        read(input, |line| {
            lines.push(line.expect("no error").map(|line| String::from_utf8_lossy(&line).into_owned()));
            true
        });
        lines
    }

    #[test]
    fn lines_come_one_by_one_and_the_last_one_needs_no_end() {
        assert_eq!(lines(b"one\n\ntwo"), [Some("one".to_owned()), Some(String::new()), Some("two".to_owned())]);
        assert_eq!(lines(b"one\n"), [Some("one".to_owned())]);
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
            told.push(line.map(|line| line.map(|line| line.to_vec())).map_err(|error| error.to_string()));
            true
        });
        assert_eq!(told, [Ok(Some(b"one".to_vec())), Err("unplugged".to_owned())]);
    }

    #[test]
    fn a_line_that_is_too_long_is_told_of_and_the_next_one_is_whole() {
        let input = [vec![b'x'; LONGEST], b"\n".to_vec(), vec![b'y'; 3 * LONGEST], b"\nnext\n".to_vec()].concat();
        let lines = lines(&input);
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0].as_ref().map(String::len), Some(LONGEST));
        assert_eq!(lines[1..], [None, Some("next".to_owned())]);
    }
}
