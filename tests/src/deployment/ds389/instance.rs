//! The instance: its files, its process, its log.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::deployment::Requests;
use crate::directory::place::Place;

pub(super) const MANAGER_DN: &str = "cn=Directory Manager";
pub(super) const MANAGER_PASSWORD: &str = "canary: the directory manager's password";

/// How long a server may take to come up, or to end, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// How many ports are tried.
const ATTEMPTS: usize = 5;

/// Where a machine has what is not the instance's own.
const DEFAULTS: &[&str] = &["/usr/share/dirsrv/inf/defaults.inf", "/usr/local/share/dirsrv/inf/defaults.inf"];
const TEMPLATES: &[&str] =
    &["/usr/share/dirsrv/data/template-dse.ldif", "/usr/local/share/dirsrv/data/template-dse.ldif"];

/// Settings that the template does not have: the entry, the attribute, the value.
const OWN_SETTINGS: &[(&str, &str, &str)] = &[
    ("cn=config", "nsslapd-accesslog-logbuffering", "off"),
    ("cn=config", "nsslapd-pwpolicy-local", "on"),
    ("cn=config", "passwordLockout", "on"),
    ("cn=config", "passwordMaxFailure", "3"),
    // The default takes 30 ms a bind.
    ("cn=config", "passwordStorageScheme", "SSHA512"),
    // Accounts under an account policy are good for so long after they were made.
    (ACCOUNT_POLICIES, "stateattrname", "createTimestamp"),
    (ACCOUNT_POLICIES, "altstateattrname", "createTimestamp"),
    (ACCOUNT_POLICIES, "specattrname", "acctPolicySubentry"),
    (ACCOUNT_POLICIES, "limitattrname", "accountInactivityLimit"),
];
const ACCOUNT_POLICIES: &str = "cn=config,cn=Account Policy Plugin,cn=plugins,cn=config";

/// The plugins that are not as they come.
const PLUGINS: &[(&str, &str)] = &[
    ("MemberOf Plugin", "on"),
    ("referential integrity postoperation", "on"),
    ("Account Policy Plugin", "on"),
    // It refuses logins and passwords that are not ASCII.
    ("7-bit check", "off"),
];

pub(super) struct Instance {
    host: &'static str,
    port: u16,
    daemon: Daemon,
    folder: TempDir,
}

impl Instance {
    pub(super) fn start(suffix: &str) -> Self {
        let place = Place::find();
        let mut words = String::new();
        for _ in 0..ATTEMPTS {
            let port = place.free_port();
            let folder = TempDir::new().expect("a temporary folder for the directory");
            create(folder.path(), place.host, port, suffix);
            let log = File::create(folder.path().join("output")).expect("a file for its output");
            let mut command = Daemon::command(first_that_exists(
                &["/usr/sbin/ns-slapd", "/usr/bin/ns-slapd", "/usr/local/sbin/ns-slapd"],
                "ns-slapd",
            ));
            // A debug level keeps it in the foreground, so that its process is the one we hold; 0 adds nothing else.
            command.arg("-D").arg(configuration(folder.path())).arg("-i").arg(process_file(folder.path()));
            command.args(["-d", "0"]).stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
            let mut instance = Self { host: place.host, port, daemon: Daemon::spawn(command), folder };
            if instance.comes_up() {
                return instance;
            }
            words = instance.words();
        }
        panic!("ns-slapd ended while starting, on {ATTEMPTS} different ports: {words}");
    }

    pub(super) fn url(&self) -> String {
        format!("ldap://{}:{}", self.host, self.port)
    }

    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host.parse().expect("an IP address"), self.port)
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What its log of accesses tells; without buffering, a line is there before the answer.
    pub(super) fn requests(&self) -> Requests {
        let mut requests = Requests::default();
        for line in read(&logs(self.folder.path()).join("access")).lines() {
            requests.searches += usize::from(line.contains(" SRCH base="));
            requests.binds += usize::from(line.contains(" BIND dn="));
        }
        requests
    }

    /// Waits for the server. False when it ended instead, which it does when somebody else has its port.
    fn comes_up(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        // It writes its number down when it takes connections.
        while read(&process_file(self.folder.path())).is_empty() {
            if self.daemon.ended().is_some() {
                return false;
            }
            assert!(Instant::now() < deadline, "ns-slapd did not come up within {PATIENCE:?}: {}", self.words());
            thread::sleep(Duration::from_millis(10));
        }
        true
    }

    /// What it has to say of its troubles.
    fn words(&self) -> String {
        let folder = self.folder.path();
        read(&logs(folder).join("errors")) + &read(&folder.join("output"))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.daemon.stop(PATIENCE);
    }
}

/// Lets `dscreate` make an instance whose files are all in this folder.
///
/// dscreate takes the paths of an instance from a file of defaults and finds that, and the instance, by `PREFIX`; it is
/// how `dscreate ds-root` lets somebody without rights have instances. Without systemd it starts the server itself, to
/// make a data base in it, and ends it.
fn create(folder: &Path, host: &str, port: u16, suffix: &str) {
    let shared = folder.join("share/dirsrv");
    for below in ["inf", "data"] {
        fs::create_dir_all(shared.join(below)).expect("a folder");
    }
    for below in ["tmp", "run", "var", "etc"] {
        fs::create_dir(folder.join(below)).expect("a folder");
    }
    let defaults = read(&first_that_exists(DEFAULTS, "defaults.inf"));
    fs::write(shared.join("inf/defaults.inf"), own_defaults(&defaults, folder)).expect("a file");
    let template = read(&first_that_exists(TEMPLATES, "template-dse.ldif"));
    fs::write(shared.join("data/template-dse.ldif"), own_template(&template, host)).expect("a file");
    let answers = folder.join("answers.inf");
    fs::write(
        &answers,
        format!(
            "[general]\nconfig_version = 2\nfull_machine_name = localhost\nstrict_host_checking = False\n\
             selinux = False\nsystemd = False\nstart = False\n\
             [slapd]\ninstance_name = lab\nport = {port}\nself_sign_cert = False\nroot_dn = {MANAGER_DN}\n\
             root_password = {MANAGER_PASSWORD}\n\
             [backend-userroot]\nsuffix = {suffix}\ncreate_suffix_entry = True\n"
        ),
    )
    .expect("a file");
    let program =
        first_that_exists(&["/usr/sbin/dscreate", "/usr/bin/dscreate", "/usr/local/sbin/dscreate"], "dscreate");
    let words = folder.join("dscreate.log");
    let log = File::create(&words).expect("a file for what it says");
    let namespace = may_have_process_numbers_of_its_own();
    let mut command = if namespace {
        // The server that it starts goes into the background: whatever ends dscreate ends that as well.
        let mut command = Daemon::command("unshare");
        command.args(["--pid", "--fork", "--kill-child", "--"]).arg(program);
        command
    } else {
        Daemon::command(program)
    };
    command.arg("from-file").arg(&answers).env("PREFIX", folder);
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
    let status = Daemon::spawn(command).wait(PATIENCE);
    if !status.is_some_and(|status| status.success()) {
        if !namespace {
            end_what_is_left(folder);
        }
        panic!("dscreate failed ({status:?}; it needs to be root):\n{}", read(&words));
    }
}

/// Whether this process may start others in a namespace of process numbers (`pid_namespaces(7)`).
fn may_have_process_numbers_of_its_own() -> bool {
    let output = Command::new("unshare").args(["--pid", "--fork", "--kill-child", "--", "true"]).output();
    output.is_ok_and(|output| output.status.success())
}

/// The server that a dscreate has started and not ended, where it had no namespace to end with.
fn end_what_is_left(folder: &Path) {
    let number = read(&folder.join("run/dirsrv/slapd-lab.pid")).trim().parse().ok();
    if let Some(process) = number.and_then(Pid::from_raw) {
        // The file is in our folder alone, and the server removes it when it ends.
        let _ = rustix::process::kill_process(process, Signal::KILL);
    }
}

/// The machine's defaults with all paths of instances in our folder.
fn own_defaults(defaults: &str, folder: &Path) -> String {
    let folder = folder.display();
    let mut text = String::new();
    for line in defaults.lines() {
        let Some((name, value)) = line.split_once('=').map(|(name, value)| (name.trim(), value.trim())) else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        let own = match name {
            "with_systemd" => "0".to_owned(),
            "user" | "group" => "root".to_owned(),
            "data_dir" => format!("{folder}/share"),
            "config_dir" | "cert_dir" => format!("{folder}/etc/dirsrv/slapd-{{instance_name}}"),
            "schema_dir" => format!("{folder}/etc/dirsrv/slapd-{{instance_name}}/schema"),
            "initconfig_dir" | "tmpfiles_d" => format!("{folder}/etc"),
            "inst_dir" | "tmp_dir" => format!("{folder}/tmp"),
            "local_state_dir" => format!("{folder}/var"),
            "db_home_dir" => format!("{folder}/var/home"),
            _ if value.starts_with("/run") || value.starts_with("/var") => format!("{folder}{value}"),
            _ => value.to_owned(),
        };
        let _ = writeln!(text, "{name} = {own}");
    }
    text
}

/// The server's template with settings of ours, and plugins on or off.
fn own_template(template: &str, host: &str) -> String {
    let mut text = String::new();
    for entry in template.split("\n\n").map(str::trim) {
        let dn = entry.lines().next().and_then(|line| line.strip_prefix("dn: ")).unwrap_or_default();
        let switch = PLUGINS.iter().find(|(plugin, _)| dn == format!("cn={plugin},cn=plugins,cn=config"));
        for line in entry.lines() {
            match switch {
                Some((_, switch)) if line.to_ascii_lowercase().starts_with("nsslapd-pluginenabled:") => {
                    let _ = writeln!(text, "nsslapd-pluginenabled: {switch}");
                }
                _ => {
                    let _ = writeln!(text, "{line}");
                }
            }
        }
        for (of, name, value) in OWN_SETTINGS {
            if dn == *of {
                let _ = writeln!(text, "{name}: {value}");
            }
        }
        if dn == "cn=config" {
            // In the file with which it is started for the first time, so that it never listens anywhere else.
            let _ = writeln!(text, "nsslapd-listenhost: {host}\nnsslapd-securelistenhost: {host}");
        }
        text.push('\n');
    }
    text
}

fn configuration(folder: &Path) -> PathBuf {
    folder.join("etc/dirsrv/slapd-lab")
}

fn process_file(folder: &Path) -> PathBuf {
    folder.join("run/process")
}

fn logs(folder: &Path) -> PathBuf {
    folder.join("var/log/dirsrv/slapd-lab")
}

/// What is in a file, or nothing if it is not there yet.
fn read(file: &Path) -> String {
    fs::read(file).map(|octets| String::from_utf8_lossy(&octets).into_owned()).unwrap_or_default()
}

fn first_that_exists(files: &[&str], what: &str) -> PathBuf {
    files.iter().map(PathBuf::from).find(|file| file.exists()).unwrap_or_else(|| {
        panic!("389 Directory Server's {what} is at none of {files:?}: run tests/setup directories, which installs it")
    })
}
