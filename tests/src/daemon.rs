//! A process that ends with the value that stands for it, and with the test program, however that ends.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// A process in the foreground, which is ours to end. Dropping it kills it.
pub(crate) struct Daemon {
    child: Child,
    // Dropped with the process: lets the thread go that started it.
    _keeper: mpsc::Sender<()>,
}

impl Daemon {
    /// The beginning of a command for [`Self::spawn`]: the program's arguments come behind it.
    ///
    /// `setpriv --pdeathsig` ends the program even when the test program is killed. It becomes the program, so the
    /// process that is held is the server itself.
    pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
    }

    /// Starts a command of [`Self::command`].
    ///
    /// The signal of `--pdeathsig` comes when the *thread* that started the process ends, and a test's thread is
    /// short-lived; so a thread of its own starts it and stays until the process is let go.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let (keeper, gone) = mpsc::channel::<()>();
        let (started, child) = mpsc::channel::<io::Result<Child>>();
        thread::spawn(move || {
            if started.send(command.spawn()).is_ok() {
                // Nothing is ever sent: this returns when the process is let go.
                let _ = gone.recv();
            }
        });
        let child = child
            .recv()
            .unwrap()
            .unwrap_or_else(|error| panic!("setpriv (package util-linux) does not start: {error}"));
        Self { child, _keeper: keeper }
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child process can be waited for")
    }

    /// Waits for its end. `None`: it goes on for longer than that.
    pub(crate) fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            match self.ended() {
                None if Instant::now() < deadline => thread::sleep(Duration::from_millis(2)),
                ended => return ended,
            }
        }
    }

    /// Lets it end what it is doing (SIGTERM); with force if it does not in time. Returns when it is gone.
    pub(crate) fn stop(&mut self, patience: Duration) {
        if self.ended().is_none() {
            // It was not waited for, so the number is still its own.
            let _ = rustix::process::kill_process(Pid::from_child(&self.child), Signal::TERM);
        }
        let _ = self.wait(patience);
        self.kill();
    }

    /// Ends it at once (SIGKILL). Returns when it is gone.
    pub(crate) fn kill(&mut self) {
        // An error means that it has already ended, which is what was wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}
