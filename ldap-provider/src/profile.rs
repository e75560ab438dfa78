use crate::attribute::AttributeName;
use crate::entry::Entry;

/// What is shown of a person, by attribute, in the order in which they are looked for.
const DISPLAY_NAME: [&str; 2] = ["displayName", "cn"];
const EMAIL: [&str; 1] = ["mail"];
const PHONE: [&str; 2] = ["telephoneNumber", "mobile"];

/// A longer value, in characters, is taken for something else than what it should be, and left out.
const LONGEST: usize = 512;

/// What an entry says of a person, apart from the id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) display_name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
}

impl Profile {
    /// Reads an entry.
    pub(crate) fn of(entry: &Entry) -> Self {
        Self { display_name: first(entry, &DISPLAY_NAME), email: first(entry, &EMAIL), phone: first(entry, &PHONE) }
    }

    /// The attributes to ask the server for.
    pub(crate) fn attributes() -> impl Iterator<Item = &'static str> {
        DISPLAY_NAME.into_iter().chain(EMAIL).chain(PHONE)
    }
}

/// The entry's own login name: of the first attribute that it has, the value that its DN is made of, else the first.
/// Never the typed name, and nothing that depends on it: the same person would have another name with every way of
/// typing it.
pub(crate) fn login(entry: &Entry, attributes: &[AttributeName]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let values = || entry.texts(attribute).filter(|text| is_short(text));
        let in_dn = values().find(|value| entry.dn.is_named_by(attribute.as_str(), value));
        in_dn.or_else(|| values().next()).map(ToOwned::to_owned)
    })
}

fn first(entry: &Entry, names: &[&str]) -> Option<String> {
    let mut attributes = names.iter().filter_map(|name| AttributeName::parse(name).ok());
    attributes.find_map(|name| entry.texts(&name).find(|text| is_short(text)).map(ToOwned::to_owned))
}

fn is_short(text: &str) -> bool {
    text.chars().nth(LONGEST).is_none()
}

#[cfg(test)]
mod tests {
    use super::{Profile, login};
    use crate::attribute::AttributeName;
    use crate::entry::Entry;

    fn names(names: &[&str]) -> Vec<AttributeName> {
        names.iter().map(|name| AttributeName::parse(name).unwrap()).collect()
    }

    #[test]
    fn the_login_is_the_entrys_own_and_the_same_however_it_was_typed() {
        let attributes: &[(&str, &[&[u8]])] = &[("uid", &[b"asmith", b"Alice"]), ("cn", &[b"Alice Smith"])];
        let both = names(&["uid", "cn"]);
        assert_eq!(login(&Entry::of("uid=alice,dc=x", attributes), &both).as_deref(), Some("Alice"));
        assert_eq!(login(&Entry::of("cn=Alice Smith,dc=x", attributes), &both).as_deref(), Some("asmith"));
        assert_eq!(login(&Entry::of("uid=alice", attributes), &names(&["mail", "cn"])).as_deref(), Some("Alice Smith"));
        assert_eq!(login(&Entry::of("uid=alice", attributes), &names(&["mail"])), None);
    }

    #[test]
    fn the_profile_takes_the_first_value_that_is_there() {
        let entry = Entry::of(
            "cn=x",
            &[("cn", &[b"Al"]), ("displayname", &[b" "]), ("Mobile", &[b"+49 1"]), ("mail", &[&[0xff]])],
        );
        let profile = Profile::of(&entry);
        assert_eq!(profile.display_name.as_deref(), Some("Al"));
        assert_eq!(profile.phone.as_deref(), Some("+49 1"));
        assert_eq!(profile.email, None);
    }
}
