use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::arguments::Common;
use crate::failure::{Failure, Outcome, cannot};
use crate::process::{self, Process};
use crate::progress::say;

/// Where the other clients' sources are.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");
/// Where Debian keeps the sources of packages in Go.
const GO_PATH: &str = "/usr/share/gocode";

/// The programs of the clients.
pub struct Programs {
    /// This program itself, which has the clients of the plugin and of saslauthd in it.
    pub own: PathBuf,
    /// The one in C.
    pub libldap: PathBuf,
    /// The one in Go.
    pub go_ldap: PathBuf,
    /// How many processes saslauthd has.
    pub saslauthd_processes: u32,
    plugin: PathBuf,
    _folder: TempDir,
}

impl Programs {
    /// Builds what is needed of them: that in C, that in Go.
    pub fn build(common: &Common, saslauthd_processes: u32, c: bool, go: bool) -> Outcome<Self> {
        let plugin = common.plugin.canonicalize().map_err(|error| {
            let plugin = common.plugin.display();
            Failure(format!("{plugin}: {error}: run `cargo build --release -p ldap-provider` first"))
        })?;
        let own = env::current_exe().map_err(cannot("find this program's own file"))?;
        let folder = TempDir::new().map_err(cannot("make a temporary folder"))?;
        let (libldap, go_ldap) = (folder.path().join("libldap"), folder.path().join("go-ldap"));
        if c {
            say("building the client in C");
            let mut compiler = Command::new("cc");
            compiler.args(["-O2", "-Wall", "-Wextra", "-pthread", "-o"]).arg(&libldap);
            build(compiler.arg(format!("{SOURCES}/libldap.c")).args(["-lldap", "-llber"]), "cc")?;
        }
        if go {
            say("building the client in Go");
            let mut compiler = Command::new("go");
            // By the distribution's packages alone: nothing is fetched.
            compiler.envs([("GO111MODULE", "off"), ("GOPATH", GO_PATH), ("GOPROXY", "off"), ("GOFLAGS", "")]);
            compiler.args(["build", "-o"]).arg(&go_ldap).arg(format!("{SOURCES}/go-ldap/main.go"));
            build(&mut compiler, "go")?;
        }
        Ok(Self { own, libldap, go_ldap, saslauthd_processes, plugin, _folder: folder })
    }

    /// The command of a process that loads the plugin.
    pub fn plugin_client(&self, callers: u32, users: u32) -> Command {
        let mut command = process::tethered(&self.own);
        command.args(["client", "plugin"]).args([callers, users].map(|count| count.to_string())).arg(&self.plugin);
        command
    }
}

fn build(command: &mut Command, name: &str) -> Outcome<()> {
    let advice = "run `tests/setup login-bench`, which installs what the clients are built with";
    let process = Process::start(name, command.stdin(Stdio::null()))
        .map_err(|failure| Failure(format!("{failure}: {advice}")))?;
    loop {
        if let Some(status) = process.wait(std::time::Duration::from_secs(1))? {
            return if status.success() { Ok(()) } else { Err(Failure(format!("{name} failed ({status}): {advice}"))) };
        }
    }
}

/// A program that may be in a folder which is not on everybody's path.
pub fn in_system_folders(name: &str) -> PathBuf {
    let folders = ["/usr/sbin", "/usr/local/sbin", "/sbin"];
    let found = folders.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| PathBuf::from(name))
}
