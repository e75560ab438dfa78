//! The users file: who there is, and the hash of each one's password.
//!
//! ```toml
//! [[users]]
//! id = "8f1c2d3e-0001"              # never changes and is never given to anybody else
//! name = "ada"                      # what is typed at the login, in any case
//! password_hash = "$argon2id$v=19$m=19456,t=2,p=1$..."
//! display_name = "Ada Lovelace"     # this and what follows may be left out
//! email = "ada@example.com"
//! phone = "+44 20 7946 0001"
//! groups = ["engineers"]
//! disabled = false
//! ```
//!
//! The file is parsed into [`Users`] once and checked as a whole, so that a login meets no surprise.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::{fmt, fs};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Params, PasswordVerifier};
use provider_api::{Secret, one_line};
use serde::Deserialize;

/// The largest users file that is read, in bytes: some 50,000 users.
const LARGEST: u64 = 16 * 1024 * 1024;

/// All users of one file, checked: names and ids are unique, every hash can be verified.
#[derive(PartialEq, Eq)]
pub(crate) struct Users {
    in_order: Vec<User>,
    /// The position of each folded name.
    by_name: HashMap<String, usize>,
    /// The hash that takes longest to verify, for names that are not there.
    decoy: Option<PasswordHash>,
}

/// One user.
#[derive(PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) display_name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) disabled: bool,
    hash: PasswordHash,
}

impl Users {
    /// Reads and checks a users file.
    ///
    /// # Errors
    ///
    /// One line that says what is wrong and where, fit for a log: it never holds a line of the file, since that could
    /// be one with a hash.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let unreadable = |error| format!("{} cannot be read: {error}", path.display());
        let metadata = fs::metadata(path).map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(format!("{} is not a file; name a TOML file with the users", path.display()));
        }
        if metadata.len() > LARGEST {
            return Err(format!(
                "{} is larger than {LARGEST} bytes; so many users belong in a directory",
                path.display()
            ));
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(&text).map_err(|wrong| format!("{}: {wrong}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| without_the_source(&error, text))?;
        let mut users = Self { in_order: Vec::with_capacity(file.users.len()), by_name: HashMap::new(), decoy: None };
        let mut ids = HashSet::new();
        let mut highest_cost = 0;
        for (position, entry) in file.users.into_iter().enumerate() {
            // An error names the user by its number: a name may be what is wrong.
            let number = position + 1;
            let (user, cost) = User::check(entry).map_err(|wrong| format!("user {number}: {wrong}"))?;
            if users.by_name.insert(fold(&user.name), position).is_some() {
                return Err(format!(
                    "user {number}: the name {} is there twice (case does not count)",
                    one_line(&user.name)
                ));
            }
            if !ids.insert(user.id.clone()) {
                return Err(format!(
                    "user {number}: the id {} is there twice; ids are never reused",
                    one_line(&user.id)
                ));
            }
            if cost > highest_cost {
                highest_cost = cost;
                users.decoy = Some(user.hash.clone());
            }
            users.in_order.push(user);
        }
        Ok(users)
    }

    /// All users in the order of the file.
    pub(crate) fn all(&self) -> &[User] {
        &self.in_order
    }

    /// The user of that name, if the password is that user's; what it costs is the same for every name.
    ///
    /// Computes for some 20 to 500 ms, as the hash demands: not for a thread that serves others.
    pub(crate) fn verify(&self, typed_name: &str, password: &Secret) -> Verified<'_> {
        let user = self.by_name.get(&fold(typed_name)).and_then(|&position| self.in_order.get(position));
        // Whoever is not there is checked against somebody's hash all the same and refused whatever comes out.
        // Otherwise the time of the answer would tell a stranger which names exist.
        let Some(hash) = user.map(|user| &user.hash).or(self.decoy.as_ref()) else { return Verified::NoSuchUser };
        let matches = Argon2::default().verify_password(password.expose().as_bytes(), hash).is_ok();
        match user {
            None => Verified::NoSuchUser,
            Some(user) if matches => Verified::Right(user),
            Some(_) => Verified::Wrong,
        }
    }
}

/// What a name and a password turned out to be.
pub(crate) enum Verified<'users> {
    NoSuchUser,
    Wrong,
    Right(&'users User),
}

/// Without the hashes.
impl fmt::Debug for Users {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} users", self.in_order.len())
    }
}

impl User {
    /// Checks an entry; the number is what its hash costs to verify, in KiB times passes.
    fn check(entry: Entry) -> Result<(Self, u64), String> {
        for (key, value) in [("id", &entry.id), ("name", &entry.name)] {
            if value.trim().is_empty() || value.chars().any(char::is_control) {
                return Err(format!("{key} is empty or has control characters"));
            }
        }
        let wrong = "password_hash is no argon2id hash in PHC form ($argon2id$v=19$m=..,t=..,p=..$salt$hash); \
                     make one with `argon2 SALT -id -e`";
        let hash = PasswordHash::new(entry.password_hash.expose()).map_err(|_| wrong)?;
        let params = Params::try_from(&hash).map_err(|_| wrong)?;
        if hash.algorithm.as_str() != "argon2id" || hash.salt.is_none() || hash.hash.is_none() {
            return Err(wrong.to_owned());
        }
        let cost = u64::from(params.m_cost()) * u64::from(params.t_cost());
        let Entry { id, name, display_name, email, phone, groups, disabled, password_hash: _ } = entry;
        Ok((Self { id, name, display_name, email, phone, groups, disabled, hash }, cost))
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    users: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    name: String,
    /// A hash is worth guessing at, so it is treated as the password itself.
    password_hash: Secret,
    display_name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    disabled: bool,
}

/// Names are the same whatever their case, as in most directories.
fn fold(name: &str) -> String {
    name.to_lowercase()
}

/// A TOML error in one line. `Display` of the error would print the line of the file, and serde quotes a value of a
/// wrong type: both could be a hash.
fn without_the_source(error: &toml::de::Error, text: &str) -> String {
    let message = error.message();
    let message = match message.split_once("expected ") {
        Some((quoting, expected)) if quoting.starts_with("invalid ") => format!("expected {expected}"),
        _ => message.to_owned(),
    };
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {}", before.matches('\n').count() + 1, one_line(&message)),
        None => one_line(&message),
    }
}

#[cfg(test)]
mod tests {
    use super::Users;
    use crate::tests::cheap_hash;

    fn refusal(text: &str) -> String {
        Users::parse(text).expect_err("this file must be refused")
    }

    fn user(id: &str, name: &str, hash: &str) -> String {
        format!("[[users]]\nid = \"{id}\"\nname = \"{name}\"\npassword_hash = \"{hash}\"\n")
    }

    #[test]
    fn names_and_ids_are_unique_and_case_does_not_make_a_name_another() {
        let hash = cheap_hash("x");
        let file = user("1", "ada", &hash) + &user("2", "ADA", &hash);
        assert!(refusal(&file).contains("user 2: the name ADA is there twice"), "{}", refusal(&file));
        let file = user("1", "ada", &hash) + &user("1", "grace", &hash);
        assert!(refusal(&file).contains("user 2: the id 1 is there twice"), "{}", refusal(&file));
    }

    #[test]
    fn only_argon2id_hashes_are_taken() {
        let good = cheap_hash("x");
        assert!(Users::parse(&user("1", "ada", &good)).is_ok());
        let argon2i = good.replace("argon2id", "argon2i");
        let without_hash = good.rsplit_once('$').unwrap().0;
        let bcrypt = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
        for bad in ["", "secret", argon2i.as_str(), without_hash, bcrypt] {
            let refusal = refusal(&user("1", "ada", bad));
            assert!(refusal.contains("user 1: password_hash is no argon2id hash"), "{refusal}");
        }
    }

    #[test]
    fn an_error_names_the_line_and_never_shows_what_is_on_it() {
        let hash = cheap_hash("x");
        let broken = [
            format!("[[users]]\nid = \"1\"\nname = \"ada\"\npassword_hash = {hash}\n"),
            format!("[[users]]\nid = \"1\"\nname = \"ada\"\ndisabled = \"{hash}\"\n"),
            format!("[[users]]\nid = \"1\"\nname = \"ada\"\ngroups = \"{hash}\"\n"),
            format!("[[users]]\nid = \"1\"\nname = \"ada\"\npassword_hash = \"{hash}\n"),
            format!("users = \"\"\"\n\n\n{hash}\"\"\"\n"),
        ];
        for (text, line) in broken.iter().zip([4, 4, 4, 4, 1]) {
            let refusal = refusal(text);
            assert!(refusal.starts_with(&format!("line {line}: ")), "{refusal}");
            assert!(!refusal.contains("argon2") && !refusal.contains('\n'), "{refusal}");
        }
    }

    #[test]
    fn a_mistyped_key_is_named() {
        let text = user("1", "ada", &cheap_hash("x")) + "mail = \"a@example.com\"\n";
        assert!(refusal(&text).contains("unknown field `mail`"), "{}", refusal(&text));
    }
}
