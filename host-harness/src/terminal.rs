//! The terminal's modes, which must be put back when nobody waits for a prompt any more.

use std::fs::{File, OpenOptions};
use std::io::Write as _;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// The terminal as it was before a prompt.
///
/// A prompt turns the echo off and puts it back when it has its answer. A prompt that is abandoned stays on a thread
/// that cannot be ended, and the shell would get a terminal that shows nothing of what is typed.
pub(crate) struct Terminal(Option<(File, Termios)>);

impl Terminal {
    /// Remembers the modes of the terminal that the program was started from, if there is one.
    pub(crate) fn remember() -> Self {
        let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").ok();
        Self(terminal.and_then(|terminal| tcgetattr(&terminal).ok().map(|modes| (terminal, modes))))
    }

    /// Puts them back, and ends the line of the prompt.
    pub(crate) fn restore(self) {
        if let Some((mut terminal, modes)) = self.0 {
            // Whether it works or not, the program ends now.
            let _ = tcsetattr(&terminal, OptionalActions::Now, &modes);
            let _ = terminal.write_all(b"\n");
        }
    }
}
