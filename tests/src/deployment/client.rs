use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::NamedTempFile;

use super::{BindAnswer, Ldif};
use crate::directory::data;

/// The result code (RFC 4511 appendix A), which `ldapsearch` ends with.
const NO_SUCH_OBJECT: i32 = 32;

/// OpenLDAP's programs, at one server.
pub struct Client {
    url: String,
    dn: String,
    /// A file, not an argument: arguments are for everybody to see.
    password_file: PathBuf,
    ca_file: Option<PathBuf>,
    folder: PathBuf,
}

impl Client {
    /// As the server's administrator. What it needs of files lies in this folder.
    pub(super) fn new(url: String, dn: &str, password: &str, ca_file: Option<&Path>, folder: &Path) -> Self {
        let password_file = folder.join("administrator");
        write_privately(&password_file, password);
        Self { url, dn: dn.to_owned(), password_file, ca_file: ca_file.map(Path::to_owned), folder: folder.to_owned() }
    }

    /// Changes entries.
    pub fn change(&self, ldif: &Ldif) {
        self.change_with(ldif, &[]);
    }

    /// The same with further arguments for `ldapmodify`.
    pub(super) fn change_with(&self, ldif: &Ldif, arguments: &[&str]) {
        let mut input = NamedTempFile::new_in(&self.folder).expect("a file for the changes");
        input.write_all(ldif.text().as_bytes()).expect("a folder that can be written to");
        let mut command = self.command("ldapmodify", &self.dn, &self.password_file);
        command.args(arguments).stdin(File::open(input.path()).expect("the file just written"));
        succeeded("ldapmodify", &run(command));
    }

    /// The values of an attribute of an entry. Panics when there is no such entry.
    pub fn read(&self, dn: &str, attribute: &str) -> Vec<String> {
        self.read_if_there(dn, attribute).unwrap_or_else(|| panic!("no entry {dn}"))
    }

    /// The same; nothing when there is no such entry.
    pub fn read_if_there(&self, dn: &str, attribute: &str) -> Option<Vec<String>> {
        let mut command = self.command("ldapsearch", &self.dn, &self.password_file);
        command.args(["-LLL", "-o", "ldif-wrap=no", "-s", "base", "-b", dn, "(objectClass=*)", attribute]);
        let output = run(command);
        if output.status.code() == Some(NO_SUCH_OBJECT) {
            return None;
        }
        Some(data::values(&succeeded("ldapsearch", &output), attribute))
    }

    /// The one value of an attribute, as octets, of an entry that has it.
    pub(super) fn read_octets(&self, dn: &str, attribute: &str) -> Vec<u8> {
        let mut command = self.command("ldapsearch", &self.dn, &self.password_file);
        command.args(["-LLL", "-o", "ldif-wrap=no", "-s", "base", "-b", dn, "(objectClass=*)", attribute]);
        let output = succeeded("ldapsearch", &run(command));
        data::octets(&output, attribute).unwrap_or_else(|| panic!("{dn} has no {attribute}"))
    }

    /// What the server says to a bind, asked with the control of password policies.
    pub(super) fn bind(&self, dn: &str, password: &str) -> BindAnswer {
        let password_file = NamedTempFile::new_in(&self.folder).expect("a file for the password");
        write_privately(password_file.path(), password);
        // A search of the root DSE, which every server answers, and not `ldapwhoami`, which Samba does not know.
        let mut command = self.command("ldapsearch", dn, password_file.path());
        command.args(["-e", "ppolicy", "-LLL", "-s", "base", "-b", "", "(objectClass=*)", "1.1"]);
        let output = run(command);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!errors.contains("Can't contact"), "{errors}");
        BindAnswer::read(&errors)
    }

    fn command(&self, program: &str, dn: &str, password_file: &Path) -> Command {
        let mut command = Command::new(program);
        command.args(["-x", "-H", &self.url, "-D", dn, "-y"]).arg(password_file).stdin(Stdio::null());
        // The machine's own configuration of these programs is not for here.
        command.env("LDAPNOINIT", "1");
        if let Some(ca_file) = &self.ca_file {
            command.env_remove("LDAPNOINIT").env("LDAPCONF", "/dev/null").env("LDAPTLS_CACERT", ca_file);
        }
        command
    }
}

fn run(mut command: Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} does not start ({error}): install ldap-utils, or run tests/setup"))
}

fn succeeded(program: &str, output: &Output) -> String {
    assert!(output.status.success(), "{program} failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// OpenLDAP's programs take a password from a file as it is, and warn of one that others may read.
fn write_privately(file: &Path, password: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(file, "").and_then(|()| fs::set_permissions(file, fs::Permissions::from_mode(0o600))).expect("a file");
    fs::write(file, password).expect("a file of ours");
}
