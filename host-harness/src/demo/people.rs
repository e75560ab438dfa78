//! Who is in the demo: a dozen people in a directory, and three in a users file.

use std::path::{Path, PathBuf};

use argon2::password_hash::PasswordHasher as _;
use argon2::{Algorithm, Argon2, Params, Version};
use provider_api::Secret;
use serde_json::{Value, json};

use super::directory::Entry;

/// Everything of the directory is below this.
pub(super) const BASE: &str = "dc=example,dc=com";
/// The entry as which the provider searches.
pub(super) const SERVICE_ACCOUNT: &str = "cn=login-service,ou=services,dc=example,dc=com";
const SERVICE_PASSWORD: &str = "read people, nothing else";

/// The people: login, given name, surname. The last three are guests, in an organizational unit of their own.
const PEOPLE: [(&str, &str, &str); 12] = [
    ("ada", "Ada", "Lovelace"),
    ("alan", "Alan", "Turing"),
    ("annie", "Annie", "Easley"),
    ("charles", "Charles", "Babbage"),
    ("claude", "Claude", "Shannon"),
    ("edsger", "Edsger", "Dijkstra"),
    ("grace", "Grace", "Hopper"),
    ("hedy", "Hedy", "Lamarr"),
    ("jean", "Jean", "Bartik"),
    ("joan", "Joan", "Clarke"),
    ("john", "John", "McCarthy"),
    ("katherine", "Katherine", "Johnson"),
];
const GUESTS: usize = 3;

/// How many people the directory has.
pub(super) const COUNT: usize = PEOPLE.len();

/// The password of one of them. They exist for the second that the demo takes.
pub(super) fn password(login: &str) -> Secret {
    Secret::new(format!("{login} has a password"))
}

/// The directory's entries.
pub(super) fn entries() -> Vec<Entry> {
    let unit =
        |dn: &str, ou: &str| Entry::new(dn).map(|entry| entry.with("objectClass", "organizationalUnit").with("ou", ou));
    let mut entries = vec![
        Entry::new(BASE).map(|entry| entry.with("objectClass", "domain").with("dc", "example")),
        unit("ou=people,dc=example,dc=com", "people"),
        unit("ou=guests,ou=people,dc=example,dc=com", "guests"),
        unit("ou=services,dc=example,dc=com", "services"),
        Entry::new(SERVICE_ACCOUNT).map(|entry| {
            let entry = entry.with("objectClass", "applicationProcess").with("cn", "login-service");
            entry.with_password(Secret::new(SERVICE_PASSWORD))
        }),
    ];
    entries.extend(PEOPLE.iter().enumerate().map(|(number, &person)| entry(number, person)));
    entries.into_iter().flatten().collect()
}

fn entry(number: usize, (login, given_name, surname): (&str, &str, &str)) -> Option<Entry> {
    let unit = if number + GUESTS < PEOPLE.len() { "ou=people" } else { "ou=guests,ou=people" };
    let name = format!("{given_name} {surname}");
    let entry = Entry::new(format!("uid={login},{unit},{BASE}"))?
        .with("objectClass", "person")
        .with("objectClass", "inetOrgPerson")
        .with("uid", login)
        .with("cn", &name)
        .with("sn", surname)
        .with("displayName", name)
        .with("mail", format!("{login}@example.com"))
        .with("telephoneNumber", format!("+44 20 7946 {number:04}"))
        .with_operational("entryUUID", format!("5a1f6c1e-7d20-4b0e-9f00-{number:012x}"))
        .with_password(password(login));
    Some(entry)
}

/// The settings with which the LDAP provider finds these people on a port of this machine.
pub(super) fn ldap_settings(port: u16) -> Value {
    json!({
        "host": "127.0.0.1",
        "port": port,
        "base_dn": BASE,
        "scope": "sub",
        "bind_dn": SERVICE_ACCOUNT,
        "bind_password": SERVICE_PASSWORD,
        "filter": "(objectClass=inetOrgPerson)",
        "username_attribute": "uid",
    })
}

/// Writes the users file of the second provider into a folder: dorothy, mary who is disabled, and an ada who is not
/// the directory's.
pub(super) fn write_users_file(folder: &Path) -> std::io::Result<PathBuf> {
    let file = folder.join("users.toml");
    let people = [
        ("f-0001", "dorothy", "Dorothy Vaughan", false),
        ("f-0002", "mary", "Mary Jackson", true),
        ("f-0003", "ada", "Ada of Elsewhere", false),
    ];
    let mut users = Vec::new();
    for (id, login, name, disabled) in people {
        let hash = cheap_hash(&password(login)).map_err(std::io::Error::other)?;
        users.push(json!({
            "id": id,
            "name": login,
            "display_name": name,
            "password_hash": hash,
            "groups": ["computers"],
            "disabled": disabled,
        }));
    }
    let text = toml::to_string(&json!({ "users": users })).map_err(std::io::Error::other)?;
    std::fs::write(&file, text)?;
    Ok(file)
}

/// A hash at the lowest cost that argon2 has: it guards a password that everybody can read above.
fn cheap_hash(password: &Secret) -> Result<String, argon2::password_hash::Error> {
    let params = Params::new(Params::MIN_M_COST, Params::MIN_T_COST, Params::MIN_P_COST, None)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    Ok(argon2.hash_password(password.expose().as_bytes())?.to_string())
}
