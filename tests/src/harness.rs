//! The harness's own program, with a configuration, a store and a folder of its own.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::plugin;
use crate::serving::Serving;

/// No command of the tests takes longer, unless it hangs.
const LONGEST: Duration = Duration::from_mins(2);

/// A provider in the harness's configuration.
#[derive(Clone, Debug)]
pub struct Instance {
    name: String,
    plugin: PathBuf,
    settings: Value,
}

impl Instance {
    /// An instance of the LDAP provider.
    pub fn ldap(name: &str, settings: Value) -> Self {
        Self::of(name, plugin::ldap_provider(), settings)
    }

    /// An instance of the file provider.
    pub fn file(name: &str, settings: Value) -> Self {
        Self::of(name, plugin::file_provider(), settings)
    }

    /// An instance of any plugin file, there or not.
    pub fn of(name: &str, plugin: impl Into<PathBuf>, settings: Value) -> Self {
        Self { name: name.to_owned(), plugin: plugin.into(), settings }
    }
}

/// A harness that is configured and can be run.
pub struct Harness {
    folder: TempDir,
    program: PathBuf,
    runs: AtomicUsize,
}

impl Harness {
    /// A harness with these providers, asked in this order, and an empty store.
    pub fn new(providers: &[Instance]) -> Self {
        let providers: Vec<Value> = providers
            .iter()
            .map(|provider| json!({"instance": provider.name, "path": provider.plugin, "settings": provider.settings}))
            .collect();
        let harness = Self::unconfigured();
        let configuration = json!({"providers": providers, "store": {"url": "sqlite:users.db"}});
        harness.configure(&toml::to_string(&configuration).expect("a configuration that TOML can say"));
        harness
    }

    /// A harness with a folder and nothing in it.
    pub fn unconfigured() -> Self {
        let folder = TempDir::new().expect("a temporary folder for the harness");
        Self { folder, program: plugin::host_harness(), runs: AtomicUsize::new(0) }
    }

    /// Writes the configuration file, in place of what was there.
    pub fn configure(&self, toml: &str) {
        let _ = fs::remove_file(self.configuration_file());
        write_private(&self.configuration_file(), toml.as_bytes());
    }

    /// The same harness with another program file: a copy in another folder, say.
    #[must_use]
    pub fn with_program(mut self, program: PathBuf) -> Self {
        self.program = program;
        self
    }

    /// The folder of the configuration file, which relative paths start from.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration file.
    pub fn configuration_file(&self) -> PathBuf {
        self.folder().join("harness.toml")
    }

    /// The SQLite file of the store.
    pub fn store_file(&self) -> PathBuf {
        self.folder().join("users.db")
    }

    /// A new file with these bytes that only its owner may read.
    pub fn secret_file(&self, bytes: impl AsRef<[u8]>) -> PathBuf {
        let file = self.folder().join(format!("secret-{}", self.runs.fetch_add(1, Ordering::Relaxed)));
        write_private(&file, bytes.as_ref());
        file
    }

    /// `login`, with the password from a file, as JSON.
    pub fn login(&self, name: &str, password: &str) -> Outcome {
        self.login_with(&[], name, password.as_bytes())
    }

    /// `login` with further options and any bytes for a password.
    pub fn login_with(&self, options: &[&str], name: &str, password: &[u8]) -> Outcome {
        let file = self.secret_file(password);
        let file = file.to_str().expect("a temporary path in UTF-8");
        let mut arguments = vec!["--format", "json", "login", "--password-file", file];
        arguments.extend_from_slice(options);
        arguments.extend_from_slice(&["--", name]);
        self.run(&arguments)
    }

    /// `users add`, which must succeed.
    pub fn add_local_user(&self, name: &str, password: &str) {
        let file = self.secret_file(password);
        let outcome =
            self.run(&["users", "add", name, "--password-file", file.to_str().expect("a temporary path in UTF-8")]);
        assert_eq!(outcome.code, 0, "users add {name}: {outcome:?}");
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.start(arguments).wait()
    }

    /// Runs a command to its end, with further environment variables.
    pub fn run_in(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Outcome {
        self.start_in(environment, arguments).wait()
    }

    /// Starts a command.
    pub fn start(&self, arguments: &[&str]) -> Running {
        self.start_in(&[], arguments)
    }

    /// Starts a command whose input and output the test holds. Standard error goes where the test's goes.
    pub fn serve(&self, arguments: &[&str]) -> Serving {
        self.serve_in(&[], arguments)
    }

    /// The same, with further environment variables.
    pub fn serve_in(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Serving {
        let process = Command::new(&self.program)
            .arg("--config")
            .arg(self.configuration_file())
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        Serving::of(process)
    }

    fn start_in(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Running {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let stdout = self.folder().join(format!("stdout-{run}"));
        let stderr = self.folder().join(format!("stderr-{run}"));
        let process = Command::new(&self.program)
            .arg("--config")
            .arg(self.configuration_file())
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        Running { process, stdout, stderr }
    }
}

/// A command under way. Dropping it ends it.
pub struct Running {
    process: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Running {
    /// The process's id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits for the end. Panics when the command hangs.
    pub fn wait(mut self) -> Outcome {
        let deadline = Instant::now() + LONGEST;
        let status = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the harness has not ended within {LONGEST:?}: {}", read(&self.stderr));
            thread::sleep(Duration::from_millis(5));
        };
        let code = status
            .code()
            .unwrap_or_else(|| panic!("the harness was ended by a signal ({status}): {}", read(&self.stderr)));
        Outcome { code, stdout: read(&self.stdout), stderr: read(&self.stderr) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The exit code.
    pub code: i32,
    /// What it wrote for programs.
    pub stdout: String,
    /// What it wrote for people.
    pub stderr: String,
}

impl Outcome {
    /// Standard output as one JSON value.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// Standard output as one JSON value a line.
    pub fn json_lines(&self) -> Vec<Value> {
        let parsed = self.stdout.lines().map(serde_json::from_str).collect::<Result<_, _>>();
        parsed.unwrap_or_else(|error| panic!("not one JSON value a line ({error}): {}", self.stderr))
    }
}

fn write_private(path: &Path, bytes: &[u8]) {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(bytes)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
