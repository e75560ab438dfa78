//! The slapd process: its configuration, its ports, its life.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::certificates::{CERTIFICATE_FILE, KEY_FILE};
use super::place::Place;
use super::{ADMIN_DN, ADMIN_PASSWORD, DirectoryBuilder, POLICIES_DN, Paging, READER_DN, SUFFIX};
use crate::daemon::Daemon;

/// How long a server may take to come up on a busy machine.
const STARTING_TIME: Duration = Duration::from_mins(1);
/// How long a server may take to end.
const STOPPING_TIME: Duration = Duration::from_secs(20);
/// The level at which nothing is written, not even that it starts: at `none`, some lines are written for each login.
const SILENT: &str = "0";
/// How many sets of ports are tried.
const ATTEMPTS: usize = 20;

pub(super) struct Server {
    pub(super) host: &'static str,
    pub(super) port: u16,
    pub(super) start_tls_port: u16,
    pub(super) tls_port: u16,
    pub(super) log_file: PathBuf,
    start: Start,
    process: Mutex<Process>,
}

/// What it takes to start the server, the first time and again.
struct Start {
    slapd: PathBuf,
    configuration: PathBuf,
    listeners: String,
    log_level: &'static str,
}

struct Process {
    daemon: Daemon,
    /// How long the log was when it started.
    log_begins: u64,
}

impl Server {
    pub(super) fn start(folder: &Path, ldif: impl Iterator<Item = String>, wishes: &DirectoryBuilder) -> Self {
        let installation = Installation::find();
        let configuration = folder.join("slapd.conf");
        fs::write(&configuration, installation.configuration(folder, wishes)).unwrap();
        fs::create_dir(folder.join("data")).unwrap();
        installation.load(&configuration, ldif);
        let place = Place::find();
        let host = place.host;
        for attempt in 0..ATTEMPTS {
            let [port, start_tls_port, tls_port] = std::array::from_fn(|_| place.free_port());
            let listeners = place.listeners(&[("ldap", port), ("ldap", start_tls_port), ("ldaps", tls_port)]);
            let log_file = folder.join(format!("slapd-{attempt}.log"));
            let start = Start {
                slapd: installation.slapd.clone(),
                configuration: configuration.clone(),
                listeners,
                log_level: if wishes.measured { SILENT } else { "stats" },
            };
            let process = Mutex::new(start.spawn(&log_file));
            let server = Self { host, port, start_tls_port, tls_port, log_file, start, process };
            if server.comes_up() {
                return server;
            }
        }
        panic!("slapd found no free ports in {ATTEMPTS} attempts");
    }

    /// Starts it again after its end, where and with what it was.
    pub(super) fn restart(&self) {
        // Its port cannot go to a client, but to another server: as seldom as a port is taken twice at the first start.
        let deadline = Instant::now() + STARTING_TIME;
        loop {
            let process = self.start.spawn(&self.log_file);
            *self.lock() = process;
            if self.comes_up() {
                return;
            }
            assert!(Instant::now() < deadline, "somebody else has taken a port of the server that is started again");
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the server. False when it lost its port to somebody else.
    fn comes_up(&self) -> bool {
        let deadline = Instant::now() + STARTING_TIME;
        let log_begins = self.lock().log_begins;
        loop {
            let log = read_from(&self.log_file, log_begins);
            // slapd does not start unless it has all its listeners.
            let says_so = self.start.log_level == SILENT || log.contains("slapd starting");
            if says_so && self.listens() {
                return true;
            }
            let ended = self.lock().daemon.ended();
            if let Some(status) = ended {
                if log.contains("bind(") || log.contains("Address already in use") {
                    return false;
                }
                panic!("slapd ended while starting ({status}):\n{log}");
            }
            assert!(Instant::now() < deadline, "slapd did not come up within {STARTING_TIME:?}:\n{log}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether it takes connections on all its ports, itself and nobody else: slapd says that it starts a moment before.
    /// Seen in the kernel's tables (proc(5)), since a connection of ours would be counted with those of the test.
    fn listens(&self) -> bool {
        let sockets = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        let own = own_sockets(self.lock().daemon.id());
        let listening = |port: u16| {
            let end = format!(":{port:04X}");
            sockets.lines().any(|line| {
                let columns: Vec<_> = line.split_whitespace().collect();
                columns.get(1).is_some_and(|local| local.ends_with(&end))
                    && columns.get(3) == Some(&"0A")
                    && columns.get(9).is_some_and(|inode| own.contains(*inode))
            })
        };
        [self.port, self.start_tls_port, self.tls_port].into_iter().all(listening)
    }

    /// Lets the server end what it is doing; with force if it does not in time.
    pub(super) fn stop(&self) {
        self.lock().daemon.stop(STOPPING_TIME);
    }

    pub(super) fn kill(&self) {
        self.lock().daemon.kill();
    }
}

impl Start {
    /// Starts slapd in the foreground, so that its process is the one we hold. What it logs goes behind what is there.
    fn spawn(&self, log_file: &Path) -> Process {
        let log = File::options().create(true).append(true).open(log_file).unwrap();
        let log_begins = log.metadata().unwrap().len();
        let mut command = Daemon::command(&self.slapd);
        command
            .args(["-d", self.log_level, "-h", &self.listeners, "-f"])
            .arg(&self.configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        Process { daemon: Daemon::spawn(command), log_begins }
    }
}

/// The inodes of the sockets that a process has open.
fn own_sockets(process: u32) -> HashSet<String> {
    let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else { return HashSet::new() };
    let targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    let inode = |target: PathBuf| Some(target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned());
    targets.filter_map(inode).collect()
}

/// The end of a log, from an offset on.
fn read_from(log_file: &Path, offset: u64) -> String {
    let mut octets = Vec::new();
    if let Ok(mut log) = File::open(log_file)
        && log.seek(SeekFrom::Start(offset)).is_ok()
    {
        let _ = log.read_to_end(&mut octets);
    }
    String::from_utf8_lossy(&octets).into_owned()
}

/// Where this machine has OpenLDAP.
struct Installation {
    slapd: PathBuf,
    slapadd: PathBuf,
    schema: PathBuf,
    modules: PathBuf,
}

impl Installation {
    fn find() -> Self {
        // Debian's paths first, then Fedora's and Arch's, then a build from source.
        let program = |name| {
            first_that_exists(
                &["/usr/sbin", "/usr/lib/openldap", "/usr/bin", "/usr/local/libexec", "/usr/local/sbin"],
                name,
            )
        };
        Self {
            slapd: program("slapd"),
            slapadd: program("slapadd"),
            schema: parent(&first_that_exists(
                &["/etc/ldap/schema", "/etc/openldap/schema", "/usr/local/etc/openldap/schema"],
                "core.schema",
            )),
            modules: parent(&first_that_exists(
                &["/usr/lib/ldap", "/usr/lib64/openldap", "/usr/lib/openldap", "/usr/local/libexec/openldap"],
                "back_mdb.so",
            )),
        }
    }

    fn configuration(&self, folder: &Path, wishes: &DirectoryBuilder) -> String {
        let schema = self.schema.display();
        let folder = folder.display();
        let mut text = String::new();
        for name in ["core", "cosine", "inetorgperson"] {
            writeln!(text, "include {schema}/{name}.schema").unwrap();
        }
        // sAMAccountName has Microsoft's own number; the rest is from OpenLDAP's arc for experiments.
        text.push_str(
            "attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch \
             SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )\n\
             attributetype ( 1.3.6.1.4.1.4203.666.1.90001 NAME 'age' EQUALITY integerMatch ORDERING integerOrderingMatch \
             SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )\n\
             objectclass ( 1.3.6.1.4.1.4203.666.3.90001 NAME 'testPerson' AUXILIARY MAY ( sAMAccountName $ age ) )\n",
        );
        writeln!(text, "modulepath {}\nmoduleload back_mdb", self.modules.display()).unwrap();
        // Most builds have it in the program itself.
        if wishes.measured && self.modules.join("back_monitor.so").exists() {
            text.push_str("moduleload back_monitor\n");
        }
        if wishes.overlays {
            for overlay in ["memberof", "refint", "ppolicy"] {
                if self.modules.join(format!("{overlay}.so")).exists() {
                    writeln!(text, "moduleload {overlay}").unwrap();
                }
            }
        }
        writeln!(text, "pidfile {folder}/slapd.pid\nargsfile {folder}/slapd.args").unwrap();
        writeln!(text, "TLSCertificateFile {folder}/{CERTIFICATE_FILE}\nTLSCertificateKeyFile {folder}/{KEY_FILE}")
            .unwrap();
        if wishes.measured {
            // Without it slapd formats each line of its log for syslog(3) too, and where no daemon listens it makes a
            // socket for each: a third of its time.
            text.push_str("loglevel 0\n");
        }
        if wishes.tls_demanded {
            text.push_str("security simple_bind=112\n");
        }
        writeln!(text, "database mdb\nsuffix \"{SUFFIX}\"\nrootdn \"{ADMIN_DN}\"\nrootpw \"{ADMIN_PASSWORD}\"")
            .unwrap();
        // Sparse: the file is as large as its contents.
        let (gibibytes, indexed) = if wishes.measured {
            // A million users, whom nobody looks for by anything but their `uid`.
            (16_u64, "objectClass,uid")
        } else {
            (1, "objectClass,uid,cn,mail,sAMAccountName,entryUUID")
        };
        writeln!(text, "directory {folder}/data\nmaxsize {}\ndbnosync", gibibytes << 30).unwrap();
        writeln!(text, "index {indexed} eq").unwrap();
        // `prtotal`: without it the limit also caps the total of a paged search.
        let total = match wishes.paging {
            Paging::Unlimited => "unlimited".to_owned(),
            Paging::Total(total) => total.to_string(),
            Paging::Refused => "disabled".to_owned(),
        };
        writeln!(text, "limits * size.soft=500 size.hard=500 size.prtotal={total}").unwrap();
        text.push_str("access to attrs=userPassword by anonymous auth by * none\n");
        // Where groups are kept up to date, people may find and read their own entry.
        let people = if wishes.overlays { "by self read by users search" } else { "" };
        writeln!(text, "access to * by dn.exact=\"{READER_DN}\" read by anonymous auth {people} by * none").unwrap();
        if wishes.overlays {
            // ppolicy last: overlays answer in the opposite order, and what it refuses no other should have done.
            writeln!(
                text,
                "overlay memberof\noverlay refint\nrefint_attributes member memberOf\nrefint_nothing \"{ADMIN_DN}\"\n\
                 overlay ppolicy\nppolicy_default \"cn=default,{POLICIES_DN}\"\nppolicy_use_lockout"
            )
            .unwrap();
        }
        if wishes.measured {
            // For the administrator of the database above alone, whose password that database knows.
            writeln!(text, "database monitor\nrootdn \"{ADMIN_DN}\"\naccess to * by * none").unwrap();
        }
        text
    }

    fn load(&self, configuration: &Path, ldif: impl Iterator<Item = String>) {
        let mut process = Command::new(&self.slapadd)
            .arg("-q")
            .arg("-f")
            .arg(configuration)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.slapadd.display()));
        // slapadd says little before it has read all; a failure closes the pipe, and its message is shown below.
        let mut input = process.stdin.take().unwrap();
        let _ = ldif.map(|piece| input.write_all(piece.as_bytes())).find(Result::is_err);
        drop(input);
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "slapadd refused the test data:\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn first_that_exists(folders: &[&str], name: &str) -> PathBuf {
    folders
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("OpenLDAP's {name} is in none of {folders:?}: run tests/setup, which installs it"))
}

fn parent(file: &Path) -> PathBuf {
    file.parent().map(Path::to_path_buf).unwrap_or_default()
}
