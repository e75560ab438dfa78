use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use provider_api::Description;
use provider_api::host::TrustProfile;
use serde_json::json;
use tempfile::TempDir;

use super::{Configuration, ProviderEntry, SettingsResolver};

fn read(text: &str) -> Result<Configuration, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = written(&folder, "harness.toml", text);
    Configuration::read(&file).map_err(|error| error.to_string())
}

fn written(folder: &TempDir, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let file = folder.path().join(name);
    fs::write(&file, text).expect("written");
    file
}

/// A plugin with a secret, as it would describe itself.
fn description() -> Description {
    let schema = json!({"properties": {
        "host": {"type": "string"},
        "ca_file": {"type": "string"},
        "bind_password": {"type": "string", "writeOnly": true},
    }});
    let description = json!({"id": "ldap", "version": "1", "interface_version": "1.0.0", "settings_schema": schema});
    serde_json::from_value(description).expect("a description")
}

fn entry(settings: &str) -> Result<ProviderEntry, String> {
    let text = format!("[[providers]]\npath = \"x.so\"\n[providers.settings]\n{settings}\n");
    Ok(read(&text)?.providers.remove(0))
}

/// The settings that the plugin gets, or the fault, with relative paths leading to `folder`.
fn resolve(folder: &Path, settings: &str) -> Result<(serde_json::Value, Vec<String>), String> {
    resolve_as(TrustProfile::Developer, folder, settings)
}

fn resolve_as(trust: TrustProfile, folder: &Path, settings: &str) -> Result<(serde_json::Value, Vec<String>), String> {
    let folders = super::Folders::new(folder);
    let resolved = SettingsResolver::new(&folders, &description(), trust).resolve(&entry(settings)?);
    resolved.map(|resolved| (resolved.settings, resolved.warnings)).map_err(|fault| fault.to_string())
}

#[test]
fn a_file_is_read_with_its_defaults() {
    let configuration = read(
        "[[providers]]\npath = \"a.so\"\n[[providers]]\ninstance = \"corp\"\npath = \"b.so\"\n\
         [providers.settings]\nport = 0x10\nlist = [\"a\", \"b\"]\nyes = true\nratio = 1.5\n",
    )
    .expect("a configuration");
    assert_eq!(configuration.store_url, "sqlite:users.db");
    assert_eq!(configuration.providers[0].instance, None);
    let corp = &configuration.providers[1];
    assert_eq!((corp.instance.as_deref(), corp.path.as_path()), (Some("corp"), Path::new("b.so")));
    let expected = json!({"port": 16, "list": ["a", "b"], "yes": true, "ratio": 1.5});
    assert_eq!(serde_json::Value::Object(corp.settings.clone()), expected);
    assert!(read("").expect("an empty file is a host without providers").providers.is_empty());
}

#[test]
fn what_does_not_belong_is_refused_with_line_and_key() {
    for (text, line, key) in [
        ("\nprovider = 1\n", 2, "provider"),
        ("[[providers]]\npath = \"a\"\nsetings = 1\n", 3, "setings"),
        ("[[providers]]\ninstance = \"a\"\n", 1, "path"),
        ("[[providers]]\npath = 3\n", 2, "path"),
        ("[providers]\npath = \"a\"\n", 1, "[[providers]]"),
        ("[store]\nurl = \"sqlite:x\"\nuri = \"\"\n", 3, "uri"),
        ("[[providers]]\npath = \"a\"\ninstance = \"a b\"\n", 3, "instance"),
        ("[[providers]]\npath = \"a\"\n[providers.settings]\nx = nan\n", 4, "x"),
    ] {
        let error = read(text).expect_err(text);
        assert!(error.contains(&format!("harness.toml:{line}: ")) && error.contains(key), "{text:?}: {error}");
    }
}

#[test]
fn two_providers_of_one_name_are_refused() {
    let twice = "[[providers]]\ninstance = \"corp\"\npath = \"a\"\n";
    let error = read(&format!("{twice}{twice}")).expect_err("a key of accounts must be unique");
    assert!(error.contains(":4:") && error.contains(":1 ") && error.contains("corp"), "{error}");
}

#[test]
fn an_error_never_quotes_what_could_be_a_secret() {
    for text in [
        "[[providers]]\npath = \"a\"\n[providers.settings]\nbind_password = hunter2\n",
        "[[providers]]\npath = \"a\"\n[providers.settings]\nbind_password = \"hunter2\n",
        "[[providers]]\npath = \"a\"\n[providers.settings]\nbind_password = \"hunter2\" hunter2\n",
        "[[providers]]\npath = \"a\"\n[providers.settings]\nbind_password = \"hunter2\\q\"\n",
        "[[providers]]\npath = \"a\"\nsettings = \"hunter2\"\n",
        "[[providers]]\npath = [\"hunter2\"]\n",
        "[store]\nurl = { x = \"hunter2\" }\n",
        "store = \"hunter2\"\n",
    ] {
        let error = read(text).expect_err(text);
        assert!(!error.contains("hunter2") && !error.contains('\n'), "{error}");
    }
}

#[test]
fn a_backslash_in_double_quotes_is_told_how_to_be_written() {
    for value in [r#""CORP\alice""#, r#""C:\Users""#, r#""uid=\2c""#] {
        let error = entry(&format!("host = {value}")).expect_err(value);
        assert!(error.contains("harness.toml:4: ") && error.contains("single quotes"), "{error}");
        assert!(!error.contains('…'), "{error}");
    }
    assert_eq!(entry(r"host = 'CORP\alice'").expect("sound").settings["host"], r"CORP\alice");
}

#[test]
fn debug_shows_the_keys_of_settings_and_not_their_values() {
    let configuration =
        read("[[providers]]\npath = \"a\"\n[providers.settings]\nbind_password = \"hunter2\"\n").expect("sound");
    let shown = format!("{configuration:?} {:?}", configuration.providers[0]);
    assert!(shown.contains("bind_password") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_missing_file_says_what_to_do() {
    let error = Configuration::read(Path::new("/nowhere/harness.toml")).expect_err("missing").to_string();
    assert!(error.starts_with("/nowhere/harness.toml: ") && error.contains("--config"), "{error}");
}

#[test]
fn a_secret_comes_from_a_file_with_one_newline_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = written(&folder, "secret", " s3cret \n\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("mode");
    let (settings, warnings) = resolve(folder.path(), "bind_password_file = \"secret\"").expect("resolved");
    assert_eq!(settings, json!({"bind_password": " s3cret \n"}));
    assert_eq!(warnings, [""; 0]);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("mode");
    let (_, warnings) = resolve(folder.path(), "bind_password_file = \"secret\"").expect("resolved");
    assert!(warnings[0].contains("chmod 600") && !warnings[0].contains("s3cret"), "{warnings:?}");
}

#[test]
fn a_secret_comes_from_the_environment() {
    let path = std::env::var("PATH").expect("every process has one");
    let (settings, _) = resolve(Path::new("/"), "bind_password_env = \"PATH\"").expect("resolved");
    assert_eq!(settings, json!({ "bind_password": path }));
}

#[test]
fn a_secret_that_is_not_to_be_had_is_refused_naming_the_key() {
    let folder = tempfile::tempdir().expect("a folder");
    written(&folder, "latin1", b"p\xe4ssword");
    for (settings, key) in [
        ("bind_password_file = \"absent\"", "bind_password_file"),
        ("bind_password_file = \"latin1\"", "bind_password_file"),
        ("bind_password_file = 7", "bind_password_file"),
        ("bind_password_env = \"NO_SUCH_VARIABLE_HERE\"", "bind_password_env"),
        ("bind_password = \"a\"\nbind_password_file = \"latin1\"", "bind_password_file"),
        ("bind_password_env = \"PATH\"\nbind_password_file = \"latin1\"", "bind_password_"),
    ] {
        let fault = resolve(folder.path(), settings).expect_err(settings);
        assert!(fault.starts_with(&format!("setting_invalid: setting {key}")), "{fault}");
    }
}

#[test]
fn relative_files_lie_beside_the_configuration_file_and_other_values_are_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let ca = written(&folder, "ca.pem", "");
    let (settings, _) = resolve(folder.path(), "ca_file = \"ca.pem\"\nhost = \"ca.pem\"\nusers_file = \"/etc/passwd\"")
        .expect("resolved");
    assert_eq!(settings, json!({"ca_file": ca, "host": "ca.pem", "users_file": "/etc/passwd"}));
    let (settings, _) = resolve(folder.path(), "ca_file = \"absent.pem\"").expect("resolved");
    assert_eq!(settings, json!({"ca_file": folder.path().join("absent.pem")}));
}

#[test]
fn a_secret_file_that_is_a_pipe_or_a_device_is_refused_instead_of_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().expect("mkfifo runs");
    assert!(made.success());
    for file in ["pipe", "/dev/zero", "."] {
        let fault = resolve(folder.path(), &format!("bind_password_file = \"{file}\"")).expect_err(file);
        assert!(fault.contains("setting bind_password_file") && fault.contains("no regular file"), "{file}: {fault}");
    }
}

#[test]
fn a_configuration_that_others_could_have_changed_is_none_for_a_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = written(&folder, "harness.toml", "");
    let read = || Configuration::read(&file).expect("a configuration");
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    set(&file, 0o600);
    assert_eq!(read().exposed, Vec::<String>::new());
    assert_eq!(read().for_a_server().expect("for a server").default_trust, TrustProfile::Strict);
    for (path, mode, said) in [
        (&*file, 0o620, "harness.toml may be written by its group (mode 620); chmod go-w it"),
        (&*file, 0o602, "harness.toml may be written by others (mode 602)"),
        (folder.path(), 0o777, "may be written by others (mode 777)"),
        (folder.path(), 0o770, "may be written by its group (mode 770)"),
    ] {
        set(path, mode);
        let refused = read().for_a_server().expect_err("not for a server").to_string();
        assert!(refused.contains(said) && refused.contains("chooses what the host loads"), "{refused}");
        assert!(!refused.contains('\n') && read().exposed.len() == 1, "{refused}");
        set(&file, 0o600);
        set(folder.path(), 0o700);
    }
    // By way of a link: of root's or the host's user's own it is gone by, and what it leads to is asked about.
    let link = folder.path().join("link.toml");
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    assert_eq!(Configuration::read(&link).expect("a configuration").exposed, Vec::<String>::new());
    set(&file, 0o666);
    assert_eq!(Configuration::read(&link).expect("a configuration").exposed.len(), 1);
    if rustix::process::geteuid().is_root() {
        set(&file, 0o600);
        std::os::unix::fs::lchown(&link, Some(54_321), None).expect("root may");
        let exposed = Configuration::read(&link).expect("a configuration").exposed;
        assert!(exposed[0].contains("link.toml belongs to user 54321"), "{exposed:?}");
    }
}

#[test]
fn a_configuration_out_of_a_pipe_is_read_once_and_is_none_for_a_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, "[[providers]]\npath = \"x.so\"\n").expect("somebody reads all of it")
    });
    let configuration = Configuration::read(&pipe).expect("a configuration");
    writer.join().expect("no panic");
    assert_eq!(configuration.providers.len(), 1);
    let refused = configuration.for_a_server().expect_err("nobody knows who writes").to_string();
    assert!(refused.contains("no regular file"), "{refused}");
}

#[test]
fn a_secret_file_that_others_could_have_changed_is_refused_where_trust_is_strict() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = written(&folder, "secret", "hunter2");
    let set = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("a mode");
    let settings = "bind_password_file = \"secret\"";
    set(0o600);
    let (_, warnings) = resolve_as(TrustProfile::Strict, folder.path(), settings).expect("settings");
    assert_eq!(warnings, Vec::<String>::new());
    for (mode, who) in [(0o620, "its group"), (0o602, "others")] {
        set(mode);
        let fault = resolve_as(TrustProfile::Strict, folder.path(), settings).expect_err("refused");
        let said = format!("may be written by {who}");
        assert!(fault.contains("setting bind_password_file") && fault.contains(&said), "{fault}");
        assert!(!fault.contains("hunter2"), "{fault}");
        let (settings, warnings) = resolve_as(TrustProfile::Developer, folder.path(), settings).expect("settings");
        assert_eq!(settings, json!({ "bind_password": "hunter2" }));
        assert!(warnings.iter().any(|warning| warning.contains(&said)), "{warnings:?}");
    }
}

#[test]
fn a_file_that_decides_whom_to_believe_is_as_trustworthy_as_a_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = written(&folder, "ca.pem", "whatever the plugin makes of it");
    let set = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("a mode");
    let resolve = |trust| resolve_as(trust, folder.path(), "ca_file = \"ca.pem\"");
    set(0o644);
    assert_eq!(resolve(TrustProfile::Strict).expect("settings").1, Vec::<String>::new());
    set(0o664);
    let fault = resolve(TrustProfile::Strict).expect_err("refused");
    assert!(fault.contains("setting ca_file") && fault.contains("may be written by its group"), "{fault}");
    let (_, warnings) = resolve(TrustProfile::Developer).expect("settings");
    assert!(warnings.iter().any(|warning| warning.contains("may be written by its group")), "{warnings:?}");
    // One that is not there is the plugin's to tell of.
    fs::remove_file(&file).expect("removed");
    assert!(resolve(TrustProfile::Strict).is_ok());
}
