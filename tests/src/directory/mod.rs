//! A real OpenLDAP server for one test.

mod bind_audit;
pub(crate) mod certificates;
mod counters;
pub(crate) mod data;
pub(crate) mod people;
pub(crate) mod place;
mod request_log;
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;

pub use certificates::ServerCertificate;
pub use counters::Counters;
pub use data::bulk_login;
pub use people::{HARD_NAMES, PEOPLE, Person, password_of};
pub use request_log::Requests;

use bind_audit::ClearText;
use certificates::Certificates;
use server::Server;

/// The directory's suffix.
pub const SUFFIX: &str = "dc=example,dc=com";
/// The service account: it may read everything but passwords.
pub const READER_DN: &str = "cn=reader,dc=example,dc=com";
/// The service account's password.
pub const READER_PASSWORD: &str = "canary: the reader's own password";
/// An account that may bind and see nothing.
pub const BLIND_DN: &str = "cn=blind,dc=example,dc=com";
/// The password of [`BLIND_DN`].
pub const BLIND_PASSWORD: &str = "canary: the blind account's password";
/// Where the bulk users are.
pub const BULK_DN: &str = "ou=bulk,dc=example,dc=com";

/// Where the overlay ppolicy looks for policies; there are none at first.
pub(crate) const POLICIES_DN: &str = "ou=policies,dc=example,dc=com";
pub(crate) const ADMIN_DN: &str = "cn=admin,dc=example,dc=com";
pub(crate) const ADMIN_PASSWORD: &str = "canary: the administrator's password";

/// How a client reaches the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `ldap://` without TLS.
    Plain,
    /// `ldap://`, then StartTLS.
    StartTls,
    /// `ldaps://`.
    Ldaps,
}

/// How the server treats paged searches (RFC 2696).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// As many entries in all as there are.
    Unlimited,
    /// So many in all; then size limit exceeded (result 4).
    Total(usize),
    /// Not at all (result 11, `pagedResults control not allowed`).
    Refused,
}

/// What kind of directory to start; see [`Directory::builder`].
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub struct DirectoryBuilder {
    certificate: ServerCertificate,
    bulk_users: usize,
    paging: Paging,
    tls_demanded: bool,
    measured: bool,
    replica: bool,
    overlays: bool,
}

impl DirectoryBuilder {
    /// The certificate that the server shows. Default: a good one.
    #[must_use]
    pub fn certificate(mut self, certificate: ServerCertificate) -> Self {
        self.certificate = certificate;
        self
    }

    /// So many users `user00001` and on, under `ou=bulk`. Default: none.
    #[must_use]
    pub fn bulk_users(mut self, count: usize) -> Self {
        self.bulk_users = count;
        self
    }

    /// How the server pages. Default: without a limit.
    #[must_use]
    pub fn paging(mut self, paging: Paging) -> Self {
        self.paging = paging;
        self
    }

    /// The server refuses binds without TLS (result 13).
    #[must_use]
    pub fn demanding_tls(mut self) -> Self {
        self.tls_demanded = true;
        self
    }

    /// A server to measure clients with: it writes no log, which would slow it down, so [`Directory::requests`] is
    /// empty and no bind is looked at; it counts what it does under `cn=monitor` instead. The bulk users have
    /// passwords, in the clear: the cost of a hash would hide the client's.
    #[must_use]
    pub fn for_measuring(mut self) -> Self {
        self.measured = true;
        self
    }

    /// The entries have the ids that they have in every other replica. Default: ids of their own.
    #[must_use]
    pub fn replica(mut self) -> Self {
        self.replica = true;
        self
    }

    /// The server keeps `memberOf` and the members of groups up to date (overlays memberof and refint), and the states of
    /// accounts and passwords (ppolicy, telling of locks). Default: it does neither.
    #[must_use]
    pub fn overlays(mut self) -> Self {
        self.overlays = true;
        self
    }

    /// Loads the data and starts the server. Panics with what to do when it cannot.
    pub fn start(self) -> Directory {
        let folder = TempDir::new().expect("a temporary folder for the directory");
        let certificates = Certificates::make(self.certificate, folder.path());
        let server = Server::start(folder.path(), data::ldif(self.bulk_users, self.measured, self.replica), &self);
        Directory { server, certificates, clear_text_expected: AtomicBool::new(false), folder }
    }
}

/// A running slapd with the test people in it. Dropping it stops the server and removes its folder; it panics if the
/// server's log shows a bind with an empty password, or a password in the clear where TLS was configured.
///
/// Unpaged searches are limited to 500 entries, paged ones are not; anonymous clients may bind and nothing else.
pub struct Directory {
    server: Server,
    certificates: Certificates,
    clear_text_expected: AtomicBool,
    // Declared last: the folder goes after the server that uses it.
    folder: TempDir,
}

impl Directory {
    /// The people and a good certificate.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A directory with wishes.
    pub fn builder() -> DirectoryBuilder {
        DirectoryBuilder {
            certificate: ServerCertificate::Good,
            bulk_users: 0,
            paging: Paging::Unlimited,
            tls_demanded: false,
            measured: false,
            replica: false,
            overlays: false,
        }
    }

    /// The address of the server, on this machine alone.
    pub fn host(&self) -> &'static str {
        self.server.host
    }

    /// The port of `ldap://`.
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// Another port of `ldap://`, on which nothing but StartTLS may be said in the clear. It is the one in the settings
    /// for StartTLS.
    pub fn start_tls_port(&self) -> u16 {
        self.server.start_tls_port
    }

    /// The port of `ldaps://`.
    pub fn tls_port(&self) -> u16 {
        self.server.tls_port
    }

    /// The file with the CA certificate that signed the server's own.
    pub fn ca_file(&self) -> &Path {
        &self.certificates.ca
    }

    /// The file with the certificate that the server shows.
    pub fn certificate_file(&self) -> &Path {
        &self.certificates.own
    }

    /// The file with the certificate of a CA that has signed nothing here.
    pub fn strange_ca_file(&self) -> &Path {
        &self.certificates.strange
    }

    /// Settings of the LDAP provider that are right for this server, over plain LDAP, for everybody below
    /// `ou=people`.
    pub fn settings(&self) -> Value {
        self.settings_over(Transport::Plain)
    }

    /// The same over another transport.
    pub fn settings_over(&self, transport: Transport) -> Value {
        let mut settings = json!({
            "host": self.host(),
            "port": self.port(),
            "base_dn": format!("ou=people,{SUFFIX}"),
            // What it is, other tests find out; these count requests.
            "directory": "openldap",
            "scope": "sub",
            "bind_dn": READER_DN,
            "bind_password": READER_PASSWORD,
        });
        match transport {
            Transport::Plain => self.clear_text_expected.store(true, Ordering::Relaxed),
            Transport::StartTls => {
                settings["port"] = json!(self.start_tls_port());
                settings["start_tls"] = json!(true);
                settings["ca_file"] = json!(self.ca_file());
            }
            Transport::Ldaps => {
                settings["host"] = json!(format!("ldaps://{}", self.host()));
                settings["port"] = json!(self.tls_port());
                settings["ca_file"] = json!(self.ca_file());
            }
        }
        settings
    }

    /// What the server has been asked since it started, as its own log tells.
    pub fn requests(&self) -> Requests {
        Requests::read(&self.server.log_file)
    }

    /// What the server's log says that must never be; empty, or this panics when it is dropped. slapd writes an answer
    /// down after it was sent: only after [`Self::stop`] the last one is certain to be in the log.
    pub fn forbidden_binds(&self) -> Vec<String> {
        let rule = ClearText {
            start_tls_port: self.start_tls_port(),
            expected: self.clear_text_expected.load(Ordering::Relaxed),
        };
        let log = fs::read(&self.server.log_file).unwrap_or_default();
        rule.violations(&String::from_utf8_lossy(&log), self.tls_port())
    }

    /// Ends the server as an administrator would (SIGTERM). Returns when it is gone; its log is whole then.
    pub fn stop(&self) {
        self.server.stop();
    }

    /// Ends the server at once (SIGKILL), as a power cut would. Returns when it is gone.
    pub fn kill(&self) {
        self.server.kill();
    }

    /// Starts the server again after its end, on the same ports and with the same data. Returns when it takes
    /// connections.
    pub fn restart(&self) {
        self.server.restart();
    }

    /// The values of an attribute of an entry, read by OpenLDAP's own client.
    pub fn read(&self, dn: &str, attribute: &str) -> Vec<String> {
        let output = self.client(
            "ldapsearch",
            &["-LLL", "-o", "ldif-wrap=no", "-s", "base", "-b", dn, "(objectClass=*)", attribute],
            "",
        );
        data::values(&output, attribute)
    }

    /// What a server [for measuring](DirectoryBuilder::for_measuring) has counted since it started.
    ///
    /// Each reading is itself a connection, a bind and a search; the search is counted only after its own answer.
    pub fn counters(&self) -> Counters {
        let entries = self.client(
            "ldapsearch",
            &[
                "-LLL",
                "-o",
                "ldif-wrap=no",
                "-b",
                "cn=monitor",
                "(objectClass=*)",
                "monitorOpCompleted",
                "monitorCounter",
            ],
            "",
        );
        Counters::read(&entries)
    }

    /// Changes entries with an LDIF of changes (RFC 2849), as the directory's administrator.
    pub fn change(&self, ldif: &str) {
        self.client("ldapmodify", &[], ldif);
    }

    fn client(&self, program: &str, arguments: &[&str], input: &str) -> String {
        // A file, not `-w`: arguments are for everybody to see, and the tests check that of ours.
        let password_file: PathBuf = self.folder.path().join("admin-password");
        fs::write(&password_file, ADMIN_PASSWORD).unwrap();
        let input_file = self.folder.path().join("client-input");
        fs::write(&input_file, input).unwrap();
        let output = Command::new(program)
            .args(["-x", "-H", &format!("ldap://{}:{}", self.host(), self.port()), "-D", ADMIN_DN, "-y"])
            .arg(&password_file)
            .args(arguments)
            .stdin(Stdio::from(fs::File::open(&input_file).unwrap()))
            .output()
            .unwrap_or_else(|error| {
                panic!("{program} does not start ({error}): install ldap-utils, or run tests/setup")
            });
        assert!(output.status.success(), "{program} failed: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("LDIF is text")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        self.stop();
        let forbidden = self.forbidden_binds();
        // A second panic would end the process, and with it what the first one has to say.
        if !std::thread::panicking() {
            assert!(forbidden.is_empty(), "a server of this test was sent what must never be sent: {forbidden:#?}");
        }
    }
}
