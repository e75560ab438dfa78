use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::programs::in_system_folders;
use crate::directory::{BULK_DN, READER_DN, READER_PASSWORD};
use crate::failure::{Failure, Outcome, cannot};
use crate::process::{self, Process};
use crate::target::{Target, Transport};

/// How long it may take to come up.
const STARTING_TIME: Duration = Duration::from_secs(20);

/// A saslauthd of our own, without its cache, in a temporary folder.
pub struct Saslauthd {
    process: Process,
    socket: PathBuf,
    // Declared last: the folder goes after the process that uses it.
    _folder: TempDir,
}

impl Saslauthd {
    /// Starts it with so many processes.
    pub fn start(target: &Target, processes: u32) -> Outcome<Self> {
        let folder = TempDir::new().map_err(cannot("make a temporary folder"))?;
        let configuration = folder.path().join("saslauthd.conf");
        fs::write(&configuration, "")
            .and_then(|()| fs::set_permissions(&configuration, fs::Permissions::from_mode(0o600)))
            .and_then(|()| fs::write(&configuration, configured(target)))
            .map_err(cannot("write the configuration of saslauthd"))?;
        // In the foreground, so that the process is the one we hold. What it says there of each login nobody reads.
        let mut command = process::tethered(&in_system_folders("saslauthd"));
        command.args(["-d", "-a", "ldap", "-n", &processes.to_string(), "-O"]).arg(&configuration);
        command.arg("-m").arg(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process::start_group("saslauthd", &mut command)?;
        let socket = folder.path().join("mux");
        let daemon = Self { process, socket, _folder: folder };
        let deadline = Instant::now() + STARTING_TIME;
        while !daemon.socket.exists() || daemon.members().len() < processes as usize {
            if let Some(status) = daemon.process.ended()? {
                let advice = "run `tests/setup login-bench`, which installs it";
                return Err(Failure(format!("saslauthd has ended while starting ({status}): {advice}")));
            }
            if Instant::now() >= deadline {
                return Err(Failure(format!("saslauthd did not come up within {STARTING_TIME:?}")));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(daemon)
    }

    /// Where it is asked.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The CPU time that its processes have spent.
    pub fn time_on_core(&self) -> Duration {
        self.members().into_iter().filter_map(process::time_on_core).sum()
    }

    /// The most memory that its processes had, in MiB, what they share counted for each.
    pub fn peak(&self) -> f64 {
        self.members().into_iter().filter_map(process::peak).sum()
    }

    fn members(&self) -> Vec<u32> {
        process::members(self.process.id())
    }
}

fn configured(target: &Target) -> String {
    let mut text = format!(
        "ldap_servers: {}/\nldap_version: 3\nldap_auth_method: bind\nldap_bind_dn: {READER_DN}\n\
         ldap_password: {READER_PASSWORD}\nldap_search_base: {BULK_DN}\nldap_scope: sub\nldap_filter: (uid=%u)\n",
        target.url()
    );
    if target.transport != Transport::Plain {
        text.push_str("ldap_tls_check_peer: yes\nldap_tls_cacert_file: ");
        text.push_str(&target.ca_file.to_string_lossy());
        text.push('\n');
    }
    if target.start_tls() {
        text.push_str("ldap_start_tls: yes\n");
    }
    text
}
