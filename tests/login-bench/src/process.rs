//! The processes that the bench starts: each ends with the value that stands for it, and all of them when the bench is
//! interrupted or killed.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::failure::{Failure, Outcome, cannot};
use crate::interruption;

static RUNNING: Mutex<Vec<Weak<Running>>> = Mutex::new(Vec::new());

/// A process, or one with those that it has started.
pub struct Process(Arc<Running>);

struct Running {
    name: String,
    child: Mutex<Child>,
    leads_a_group: bool,
}

/// A command whose process the kernel ends when the bench is gone, however that went.
pub fn tethered(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

impl Process {
    /// Starts one.
    pub fn start(name: &str, command: &mut Command) -> Outcome<Self> {
        Self::spawn(name, command, false)
    }

    /// Starts one that starts others, which end with it.
    pub fn start_group(name: &str, command: &mut Command) -> Outcome<Self> {
        Self::spawn(name, command.process_group(0), true)
    }

    fn spawn(name: &str, command: &mut Command, leads_a_group: bool) -> Outcome<Self> {
        let child = command.spawn().map_err(cannot(format_args!("start {name}")))?;
        let running = Arc::new(Running { name: name.to_owned(), child: Mutex::new(child), leads_a_group });
        let process = Self(running);
        let mut all = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| one.strong_count() > 0);
        all.push(Arc::downgrade(&process.0));
        drop(all);
        // Whoever ended all processes did not know of this one yet.
        if interruption::is_under_way() { Err(Failure("interrupted".to_owned())) } else { Ok(process) }
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.0.child().id()
    }

    /// Its input and its output, once, if they are pipes.
    pub fn pipes(&self) -> (Option<ChildStdin>, Option<ChildStdout>) {
        let mut child = self.0.child();
        (child.stdin.take(), child.stdout.take())
    }

    /// Whether it has ended, and how.
    pub fn ended(&self) -> Outcome<Option<ExitStatus>> {
        self.0.child().try_wait().map_err(cannot(format_args!("wait for {}", self.0.name)))
    }

    /// Waits for its end, so long at most.
    pub fn wait(&self, patience: Duration) -> Outcome<Option<ExitStatus>> {
        let deadline = Instant::now() + patience;
        loop {
            let ended = self.ended()?;
            if ended.is_some() || Instant::now() >= deadline {
                return Ok(ended);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Running {
    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        let mut child = self.child();
        // Errors mean that it has ended already. As long as nobody has waited for it, its number is its own, and so is
        // that of the group.
        if self.leads_a_group {
            let group = Pid::from_child(&child);
            let _ = kill_process_group(group, Signal::TERM);
            thread::sleep(Duration::from_millis(200));
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Ends all of them.
pub fn end_all() {
    let all: Vec<_> = RUNNING.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect();
    for running in all {
        running.end();
    }
}

/// What a process has in memory now, in MiB (proc(5)).
pub fn resident(process: u32) -> Option<f64> {
    memory(process, "VmRSS:")
}

/// The most that it ever had, in MiB.
pub fn peak(process: u32) -> Option<f64> {
    memory(process, "VmHWM:")
}

fn memory(process: u32, name: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?;
    kibibytes.parse::<f64>().ok().map(|kibibytes| kibibytes / 1024.0)
}

/// How long a process of one thread has been on a core. Exact, where `stat` has hundredths of a second.
pub fn time_on_core(process: u32) -> Option<Duration> {
    let times = fs::read_to_string(format!("/proc/{process}/schedstat")).ok()?;
    times.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// The processes of a group.
pub fn members(group: u32) -> Vec<u32> {
    let group = group.to_string();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes
        .filter(|process: &u32| {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            // After the name, which may be anything and stands in parentheses: state, parent, group.
            stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(2)) == Some(&group)
        })
        .collect()
}
