//! The domain controller: its files, its address, its process, its log.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{DNS_DOMAIN, NETBIOS_DOMAIN};
use crate::daemon::Daemon;
use crate::deployment::Requests;
use crate::directory::certificates::{CERTIFICATE_FILE, Certificates, KEY_FILE};

/// How long it may take to come up, or to end, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// How many addresses are tried.
const ATTEMPTS: u32 = 100;
/// Samba's ports cannot be chosen: `ldap`, `ldaps`, and those of the global catalogue.
const PORTS: [u16; 4] = [389, 636, 3268, 3269];
const LDAPS: u16 = 636;

pub(super) struct DomainController {
    address: Ipv4Addr,
    certificates: Certificates,
    administrator_password: String,
    daemon: Daemon,
    folder: TempDir,
}

impl DomainController {
    pub(super) fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder for the domain");
        let address = free_address();
        let certificates = Certificates::for_address(&address.to_string(), folder.path());
        // Samba takes no key that others may read.
        fs::set_permissions(folder.path().join(KEY_FILE), fs::Permissions::from_mode(0o600)).expect("a file of ours");
        let administrator_password = provision(folder.path(), address);
        let configuration = configuration(folder.path());
        fs::write(&configuration, own_configuration(folder.path(), address)).expect("a file");
        let log = File::create(log_file(folder.path())).expect("a file for its log");
        let mut command = Daemon::command(first_that_exists("samba"));
        // One process for everything, in the foreground, so that it is the one we hold.
        command.args(["--foreground", "--no-process-group", "--model=single", "--debug-stdout", "--configfile"]);
        command.arg(&configuration).stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
        let daemon = Daemon::spawn(command);
        let mut controller = Self { address, certificates, administrator_password, daemon, folder };
        controller.wait_until_up();
        controller
    }

    pub(super) fn url(&self) -> String {
        format!("ldaps://{}", self.address)
    }

    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::from((self.address, LDAPS))
    }

    pub(super) fn ca_file(&self) -> &Path {
        &self.certificates.ca
    }

    pub(super) fn administrator_password(&self) -> &str {
        &self.administrator_password
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What its log tells; a line is there before the answer.
    pub(super) fn requests(&self) -> Requests {
        let mut requests = Requests::default();
        for line in read(&log_file(self.folder.path())).lines() {
            let line = line.trim_start();
            requests.searches += usize::from(
                ["BASE", "ONE", "SUB"].iter().any(|scope| line.starts_with(&format!("ldb_request {scope} dn="))),
            );
            requests.binds += usize::from(line.starts_with("Auth: [LDAP,simple bind"));
        }
        requests
    }

    /// Writes down that a password was set at some time, in units of 100 ns since 1601.
    pub(super) fn back_date_password(&self, dn: &str, time: &str) {
        // The Python that has Samba's modules is the one of Samba's own program.
        let program = read(&first_that_exists("samba-tool"));
        let interpreter = program.lines().next().and_then(|line| line.strip_prefix("#!")).unwrap_or("/usr/bin/python3");
        let script = self.folder.path().join("back_date.py");
        fs::write(&script, include_str!("back_date.py")).expect("a file");
        let output = Command::new(interpreter.trim())
            .arg(&script)
            .arg(configuration(self.folder.path()))
            .args([dn, time])
            .stdin(Stdio::null())
            .output()
            .expect("Python can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn wait_until_up(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        // The address was nobody's, so whoever listens there is ours.
        while TcpStream::connect(self.address()).is_err() {
            let log = || read(&log_file(self.folder.path()));
            let ended = self.daemon.ended();
            assert!(ended.is_none(), "samba ended while starting ({ended:?}):\n{}", log());
            assert!(Instant::now() < deadline, "samba did not come up within {PATIENCE:?}:\n{}", log());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for DomainController {
    fn drop(&mut self) {
        self.daemon.stop(PATIENCE);
    }
}

/// Makes the domain's data bases, all of them in this folder. Gives the administrator's password.
fn provision(folder: &Path, address: Ipv4Addr) -> String {
    // The machine's own configuration would be taken over otherwise.
    let empty = folder.join("empty.conf");
    fs::write(&empty, "[global]\n").expect("a file");
    let words = folder.join("provision.log");
    let log = File::create(&words).expect("a file for what it says");
    // It tells a password.
    fs::set_permissions(&words, fs::Permissions::from_mode(0o600)).expect("a file of ours");
    let mut command = Daemon::command(first_that_exists("samba-tool"));
    command.args(["domain", "provision", "--configfile"]).arg(&empty);
    command.arg(format!("--targetdir={}", domain(folder).display()));
    command.arg(format!("--realm={}", DNS_DOMAIN.to_uppercase()));
    command.arg(format!("--domain={NETBIOS_DOMAIN}"));
    command.arg(format!("--host-ip={address}"));
    command.args(["--server-role=dc", "--dns-backend=NONE", "--host-name=dc1", "--option=ldb:nosync=true"]);
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
    let status = Daemon::spawn(command).wait(PATIENCE);
    let told = read(&words);
    assert!(
        status.is_some_and(|status| status.success()),
        "samba-tool failed ({status:?}; it needs to be root):\n{told}"
    );
    // One that is given would be an argument, for everybody to see; one that is not is made up and told.
    let password = told.lines().find_map(|line| line.split_once("Admin password:"));
    password.unwrap_or_else(|| panic!("samba-tool tells no password:\n{told}")).1.trim().to_owned()
}

/// What the controller is, where it listens and where its files are. It needs none of the shares, and serves LDAP alone.
fn own_configuration(folder: &Path, address: Ipv4Addr) -> String {
    let domain = domain(folder);
    for below in ["run", "cache"] {
        fs::create_dir_all(domain.join(below)).expect("a folder");
    }
    let (domain, folder) = (domain.display(), folder.display());
    let realm = DNS_DOMAIN.to_uppercase();
    format!(
        "[global]\n\
         realm = {realm}\n\
         workgroup = {NETBIOS_DOMAIN}\n\
         netbios name = DC1\n\
         server role = active directory domain controller\n\
         server services = ldap\n\
         interfaces = {address}/8\n\
         bind interfaces only = yes\n\
         lock directory = {domain}\n\
         state directory = {domain}/state\n\
         cache directory = {domain}/cache\n\
         private dir = {domain}/private\n\
         pid directory = {domain}/run\n\
         ncalrpc dir = {domain}/run/ncalrpc\n\
         ntp signd socket directory = {domain}/run/ntp_signd\n\
         winbindd socket directory = {domain}/run/winbindd\n\
         tls certfile = {folder}/{CERTIFICATE_FILE}\n\
         tls keyfile = {folder}/{KEY_FILE}\n\
         tls cafile = {folder}/ca.pem\n\
         log level = 5 ldb:1 tdb:1 auth_json_audit:0 dsdb_audit:0 dsdb_json_audit:0\n\
         ldb:nosync = true\n"
    )
}

/// An address of this machine's loopback interface at which nobody listens on Samba's ports.
fn free_address() -> Ipv4Addr {
    for attempt in 0..ATTEMPTS {
        // Processes start far apart, so that two that run at once seldom meet. 127.0.0.0/16 is for others.
        let number = std::process::id().wrapping_mul(7919).wrapping_add(attempt.wrapping_mul(104_729)) % (250 << 16);
        let [_, second, third, fourth] = number.to_be_bytes();
        let address = Ipv4Addr::new(127, second + 1, third, fourth.clamp(1, 254));
        if PORTS.iter().all(|&port| TcpListener::bind((address, port)).is_ok()) {
            return address;
        }
    }
    panic!("no address of the loopback interface has the ports {PORTS:?} free for this user: run this as root")
}

fn domain(folder: &Path) -> PathBuf {
    folder.join("domain")
}

fn configuration(folder: &Path) -> PathBuf {
    folder.join("smb.conf")
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("log")
}

/// What is in a file, or nothing if it is not there yet.
fn read(file: &Path) -> String {
    fs::read(file).map(|octets| String::from_utf8_lossy(&octets).into_owned()).unwrap_or_default()
}

fn first_that_exists(name: &str) -> PathBuf {
    let folders = ["/usr/sbin", "/usr/bin", "/usr/local/samba/sbin", "/usr/local/samba/bin", "/usr/local/sbin"];
    folders.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists()).unwrap_or_else(|| {
        panic!("Samba's {name} is in none of {folders:?}: run tests/setup directories, which installs it")
    })
}
