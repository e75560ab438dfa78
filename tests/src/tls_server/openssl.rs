//! What rustls cannot do, done by the `openssl` program: old versions, short keys, weak hashes, weak ciphers.

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{KeyPair, PKCS_RSA_SHA256, PublicKeyData, SignatureAlgorithm};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional, join};
use tokio::net::UnixStream;
use tokio::process::{Child, Command as AsyncCommand};
use tokio::time::{Instant, sleep};

use super::authority::{ca, pem};
use super::behaviour::relay;
use super::{Authority, Identity, Record, Way};

/// How long `openssl s_server` may take to listen.
const STARTING_TIME: Duration = Duration::from_mins(1);
const CERTIFICATE_FILE: &str = "certificate.pem";
const KEY_FILE: &str = "key.pem";
const SOCKET_FILE: &str = "socket";

/// An RSA key of any length; rustls has none of less than 2,048 bits.
pub struct RsaKey {
    private_pem: String,
    /// `RSAPublicKey` of RFC 8017.
    public: Vec<u8>,
}

impl RsaKey {
    /// A new key.
    pub fn generate(bits: u16) -> Self {
        let bits = format!("rsa_keygen_bits:{bits}");
        let private = openssl(&["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", &bits], b"");
        let public = openssl(&["rsa", "-RSAPublicKey_out", "-outform", "DER"], &private);
        Self { private_pem: String::from_utf8(private).expect("PEM is text"), public }
    }
}

impl PublicKeyData for RsaKey {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

/// An authority that signs as rcgen cannot: with other digests, and with short keys.
pub struct OpensslAuthority {
    folder: TempDir,
    chain: Vec<CertificateDer<'static>>,
}

impl OpensslAuthority {
    /// The same authority.
    pub fn same_as(authority: &Authority) -> Self {
        Self::of(authority.certificate(), &authority.key_pem(), Vec::new())
    }

    /// One for whom that one vouches, with an RSA key of so many bits.
    pub fn below(authority: &Authority, bits: u16) -> Self {
        let key = RsaKey::generate(bits);
        let certificate = authority.sign(&ca("Intermediate with RSA"), &key);
        Self::of(&certificate, &key.private_pem, vec![certificate.clone()])
    }

    fn of(certificate: &CertificateDer<'_>, key_pem: &str, chain: Vec<CertificateDer<'static>>) -> Self {
        Self { folder: folder_with(certificate, key_pem), chain }
    }

    /// A server's certificate, with a digest such as `sha1`. Without extensions (in the words of OpenSSL's
    /// configuration) it has the first version of X.509, and no names.
    pub fn issue(&self, digest: &str, extensions: Option<&str>) -> Identity {
        let key = KeyPair::generate().expect("a key for a server");
        let file = |name| self.folder.path().join(name).to_str().expect("a folder's name that is text").to_owned();
        let (digest, certificate_file, key_file) = (format!("-{digest}"), file(CERTIFICATE_FILE), file(KEY_FILE));
        let extension_file = file("extensions");
        let mut arguments = vec!["x509", "-new", "-subj", "/CN=server of the tests", "-days", "30"];
        arguments.extend(["-set_serial", "77", "-force_pubkey", "/dev/stdin", &digest]);
        arguments.extend(["-CA", &certificate_file, "-CAkey", &key_file]);
        if let Some(extensions) = extensions {
            fs::write(&extension_file, extensions).expect("the file with the extensions");
            arguments.extend(["-extfile", &extension_file]);
        }
        let certificate = openssl(&arguments, key.public_key_pem().as_bytes());
        let certificate = CertificateDer::from_pem_slice(&certificate).expect("a certificate in PEM");
        Identity { chain: [vec![certificate], self.chain.clone()].concat(), key: Arc::new(key) }
    }
}

/// `openssl s_server`, one process for each connection.
pub struct OpensslServer {
    folder: TempDir,
    arguments: Vec<String>,
}

impl OpensslServer {
    /// Shows this. The arguments are those of `s_server`.
    pub fn showing(identity: &Identity, arguments: &[&str]) -> Self {
        Self::of(&identity.chain[0], &identity.key.serialize_pem(), arguments)
    }

    /// Shows a certificate for an RSA key.
    pub fn showing_rsa(key: &RsaKey, certificate: &CertificateDer<'_>, arguments: &[&str]) -> Self {
        Self::of(certificate, &key.private_pem, arguments)
    }

    fn of(certificate: &CertificateDer<'_>, key_pem: &str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { folder: folder_with(certificate, key_pem), arguments }
    }

    pub(super) async fn serve(
        &self,
        mut client: impl AsyncRead + AsyncWrite + Unpin,
        directory: SocketAddr,
        record: Record,
    ) {
        let folder = TempDir::new().expect("a temporary folder for a connection");
        let (socket, log) = (folder.path().join(SOCKET_FILE), folder.path().join("log"));
        // `-quiet`: nothing goes to standard output but what the client says, and no command is taken from standard
        // input. setpriv: the process ends with this one, whatever ends that.
        let mut process = AsyncCommand::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", "openssl", "s_server", "-quiet", "-naccept", "1", "-unix"])
            // Relative: openssl gives up at the name of a socket of 32 octets and more.
            .arg(SOCKET_FILE)
            .current_dir(folder.path())
            .arg("-cert")
            .arg(self.folder.path().join(CERTIFICATE_FILE))
            .arg("-key")
            .arg(self.folder.path().join(KEY_FILE))
            .args(&self.arguments)
            .env("OPENSSL_CONF", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).expect("the server's log"))
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("setpriv (package util-linux) does not start: {error}"));
        let mut outside = connect(&mut process, &socket, &log).await;
        let said = process.stdout.take().expect("standard output is a pipe");
        let answers = process.stdin.take().expect("standard input is a pipe");
        let copying = async move {
            // Either side may go at any time. A client that is gone by a reset leaves the other half open, and the
            // process waiting for it: so both go when the copying ends.
            let _ = copy_bidirectional(&mut client, &mut outside).await;
        };
        tokio::join!(copying, relay(join(said, answers), directory, record));
        // It ends by itself after one connection; dropping it sees to it.
    }
}

/// Connects as soon as the server listens.
async fn connect(process: &mut Child, socket: &Path, log: &Path) -> UnixStream {
    let deadline = Instant::now() + STARTING_TIME;
    loop {
        if let Ok(connected) = UnixStream::connect(socket).await {
            return connected;
        }
        let ended = process.try_wait().expect("a process that was started can be waited for");
        assert!(ended.is_none(), "openssl s_server does not run: {}", fs::read_to_string(log).unwrap_or_default());
        assert!(Instant::now() < deadline, "openssl s_server does not listen");
        sleep(Duration::from_millis(2)).await;
    }
}

/// Connects as a client that takes any version and cipher which OpenSSL still has, and any certificate. What it says
/// about the connection, if there was one: `Protocol version: TLSv1` and so on.
pub async fn handshake_of_a_lax_client(way: Way, port: u16) -> Result<String, String> {
    let address = format!("127.0.0.1:{port}");
    let mut arguments = vec!["s_client", "-brief", "-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0", "-connect", &address];
    if way == Way::StartTls {
        arguments.extend(["-starttls", "ldap"]);
    }
    let output = AsyncCommand::new("openssl")
        .args(arguments)
        .env("OPENSSL_CONF", "/dev/null")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("openssl starts");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if output.status.success() && said.contains("CONNECTION ESTABLISHED") { Ok(said) } else { Err(said) }
}

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut process = Command::new("openssl")
        .args(arguments)
        .env("OPENSSL_CONF", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("openssl does not start ({error}): install openssl, or run tests/setup"));
    // A failure closes the pipe, and its message is shown below.
    let _ = process.stdin.take().expect("standard input is a pipe").write_all(input);
    let output = process.wait_with_output().expect("openssl ends");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn folder_with(certificate: &CertificateDer<'_>, key_pem: &str) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder for a certificate");
    fs::write(folder.path().join(CERTIFICATE_FILE), pem(certificate)).expect("the certificate's file");
    fs::write(folder.path().join(KEY_FILE), key_pem).expect("the key's file");
    folder
}
