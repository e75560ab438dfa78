use crate::entry::Entry;
use directory_data::AttributeName;
use directory_data::fold_dn_value;

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

/// The entry's own login name: of the first attribute that it has, the value that its DN is made of, else the
/// smallest, since values are a set, which a server may send in another order each time. Never the typed name, and
/// nothing that depends on it: the same person would have another name with every way of typing it.
pub(crate) fn login(entry: &Entry, attributes: &[AttributeName]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let naming = entry.dn.naming_values(attribute);
        let in_dn = shown(entry, attribute)
            .filter(|value| !naming.is_empty() && naming.contains(&fold_dn_value(value).as_slice()));
        smallest(in_dn).or_else(|| smallest(shown(entry, attribute))).map(ToOwned::to_owned)
    })
}

fn first(entry: &Entry, names: &[&str]) -> Option<String> {
    let mut attributes = names.iter().filter_map(|name| AttributeName::parse(name).ok());
    attributes.find_map(|name| smallest(shown(entry, &name)).map(ToOwned::to_owned))
}

/// The values that can be shown to a person.
fn shown<'a>(entry: &'a Entry, name: &AttributeName) -> impl Iterator<Item = &'a str> {
    entry.texts(name).filter(|text| text.chars().nth(LONGEST).is_none() && !text.chars().any(is_deceptive))
}

/// Control characters, line and paragraph separators, and what overrides the direction of writing.
fn is_deceptive(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The first in the order of the alphabet, without regard to case as long as that decides.
fn smallest<'a>(values: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    values.min_by_key(|value| (value.to_lowercase(), *value))
}

#[cfg(test)]
mod tests {
    use super::{Profile, login};
    use crate::entry::Entry;
    use directory_data::AttributeName;

    fn names(names: &[&str]) -> Vec<AttributeName> {
        names.iter().map(|name| AttributeName::parse(name).unwrap()).collect()
    }

    #[test]
    fn the_login_is_the_entrys_own_and_the_same_however_it_was_typed() {
        let attributes: &[(&str, &[&[u8]])] =
            &[("uid", &[b"zoe", b"bsmith", b"Asmith", b"Alice"]), ("cn", &[b"Alice Smith"])];
        let both = names(&["uid", "cn"]);
        assert_eq!(login(&Entry::of("uid=alice,dc=x", attributes), &both).as_deref(), Some("Alice"));
        assert_eq!(login(&Entry::of("cn=Alice Smith,dc=x", attributes), &both).as_deref(), Some("Alice"));
        assert_eq!(login(&Entry::of("uid=alice", attributes), &names(&["mail", "cn"])).as_deref(), Some("Alice Smith"));
        assert_eq!(login(&Entry::of("uid=alice", attributes), &names(&["mail"])), None);
    }

    #[test]
    fn the_order_in_which_a_server_sends_values_changes_nothing() {
        let mut values: [&[u8]; 3] = [b"b@x", b"C@x", b"a@x"];
        for _ in 0..3 {
            values.rotate_left(1);
            let entry = Entry::of("cn=x", &[("uid", &values), ("mail", &values)]);
            assert_eq!(login(&entry, &names(&["uid"])).as_deref(), Some("a@x"));
            assert_eq!(Profile::of(&entry).email.as_deref(), Some("a@x"));
        }
    }

    #[test]
    fn values_with_control_characters_or_changes_of_direction_are_not_taken() {
        let entry =
            Entry::of("uid=a\\0a,dc=x", &[("uid", &[b"a\n", "\u{202e}a".as_bytes(), b"b"]), ("mail", &[b"\0"])]);
        assert_eq!(login(&entry, &names(&["uid"])).as_deref(), Some("b"));
        assert_eq!(Profile::of(&entry).email, None);
    }

    #[test]
    fn the_login_is_found_by_each_name_of_its_attribute() {
        let entry = Entry::of("uid=alice,dc=x", &[("uid", &[b"a", b"alice"])]);
        assert_eq!(login(&entry, &names(&["userid"])).as_deref(), Some("alice"));
    }

    #[test]
    fn the_profile_takes_the_first_attribute_that_is_there() {
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
