use std::collections::BTreeMap;

use directory_data::AttributeName;
use directory_data::fold_dn_value;

use crate::entry::Entry;
use crate::plan::named;
use crate::settings::ProfileChoices;

/// A longer value, in characters, is taken for something else than what it should be, and left out.
const LONGEST: usize = 512;

/// The most values of one further attribute that are handed on.
const MOST_VALUES: usize = 64;

/// Which attributes tell what of a person; of several, the first that is there counts.
#[derive(Clone, Debug)]
pub(crate) struct ProfileMap {
    display_name: Vec<AttributeName>,
    given_name: Vec<AttributeName>,
    family_name: Vec<AttributeName>,
    email: Vec<AttributeName>,
    phone: Vec<AttributeName>,
    extra: Vec<AttributeName>,
}

/// What an entry says of a person, apart from the id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) display_name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    /// The given and the family name under names that no attribute can have, and the further attributes under theirs.
    pub(crate) attributes: BTreeMap<String, Vec<String>>,
}

const GIVEN_NAME: &str = "given_name";
const FAMILY_NAME: &str = "family_name";

impl ProfileMap {
    /// The administrator's choices, and what is usual.
    pub(crate) fn new(choices: &ProfileChoices, display_name: &[&str]) -> Self {
        let or = |choice: &Option<Vec<AttributeName>>, usual: &[&str]| choice.clone().unwrap_or_else(|| named(usual));
        Self {
            display_name: or(&choices.display_name, display_name),
            given_name: or(&choices.given_name, &["givenName"]),
            family_name: or(&choices.family_name, &["sn"]),
            email: or(&choices.email, &["mail"]),
            phone: or(&choices.phone, &["telephoneNumber", "mobile"]),
            extra: choices.extra.clone(),
        }
    }

    /// The attributes that a login shows beside those of a [listing](Self::listed_attributes).
    pub(crate) fn unlisted_attributes(&self) -> impl Iterator<Item = &AttributeName> {
        [&self.given_name, &self.family_name, &self.extra].into_iter().flatten()
    }

    /// The attributes that a listing shows, and a login too.
    pub(crate) fn listed_attributes(&self) -> impl Iterator<Item = &AttributeName> {
        [&self.display_name, &self.email, &self.phone].into_iter().flatten()
    }

    /// The name to show.
    pub(crate) fn display_name(&self, entry: &Entry) -> Option<String> {
        first(entry, &self.display_name)
    }

    /// The mail address.
    pub(crate) fn email(&self, entry: &Entry) -> Option<String> {
        first(entry, &self.email)
    }

    /// The telephone number.
    pub(crate) fn phone(&self, entry: &Entry) -> Option<String> {
        first(entry, &self.phone)
    }

    /// Reads an entry.
    pub(crate) fn of(&self, entry: &Entry) -> Profile {
        let mut attributes = BTreeMap::new();
        for (key, names) in [(GIVEN_NAME, &self.given_name), (FAMILY_NAME, &self.family_name)] {
            if let Some(name) = first(entry, names) {
                attributes.insert(key.to_owned(), vec![name]);
            }
        }
        for name in &self.extra {
            let mut values: Vec<_> = shown(entry, name).map(ToOwned::to_owned).collect();
            values.sort();
            values.truncate(MOST_VALUES);
            if !values.is_empty() {
                attributes.insert(name.as_str().to_owned(), values);
            }
        }
        Profile {
            display_name: self.display_name(entry),
            email: self.email(entry),
            phone: self.phone(entry),
            attributes,
        }
    }
}

/// The entry's own login name: of the first attribute that it has, the value that its DN is made of, else the
/// smallest, since values are a set, which a server may send in another order each time. Never the typed name, and
/// nothing that depends on it: the same person would have another name with every way of typing it.
pub(crate) fn login(entry: &Entry, attributes: &[AttributeName]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let is_in_dn = |value: &&str| {
            let mut naming = entry.dn.naming_values(attribute).peekable();
            // Folded once, and only if there is something to compare with: a server decides how many there are of both.
            naming.peek().is_some() && {
                let value = fold_dn_value(value);
                naming.any(|naming| naming == value.as_slice())
            }
        };
        let in_dn = shown(entry, attribute).filter(is_in_dn);
        smallest(in_dn).or_else(|| smallest(shown(entry, attribute))).map(ToOwned::to_owned)
    })
}

/// The name of whatever the entry is, if it has one that can be shown.
pub(crate) fn name_of(entry: &Entry) -> Option<String> {
    first(entry, &named(&["cn"]))
}

fn first(entry: &Entry, names: &[AttributeName]) -> Option<String> {
    names.iter().find_map(|name| smallest(shown(entry, name)).map(ToOwned::to_owned))
}

/// The values that can be shown to a person.
fn shown<'a>(entry: &'a Entry, name: &AttributeName) -> impl Iterator<Item = &'a str> {
    entry.texts(name).filter(|text| can_be_shown(text))
}

fn can_be_shown(text: &str) -> bool {
    // A character has at least one octet.
    let is_too_long = text.len() > LONGEST && text.chars().nth(LONGEST).is_some();
    !is_too_long && !text.chars().any(is_deceptive)
}

/// Control characters, line and paragraph separators, and what overrides the direction of writing.
fn is_deceptive(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The first in the order of the alphabet, without regard to case as long as that decides.
fn smallest<'a>(values: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let order = |value: &'a str| (value.to_lowercase(), value);
    // Most often there is one, and nothing to compare.
    values.reduce(|one, other| if order(other) < order(one) { other } else { one })
}

#[cfg(test)]
mod tests {
    use super::{Profile, ProfileMap, login};
    use crate::entry::Entry;
    use crate::settings::ProfileChoices;
    use directory_data::AttributeName;

    fn profile(entry: &Entry) -> Profile {
        ProfileMap::new(&ProfileChoices::default(), &["displayName", "cn"]).of(entry)
    }

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
            assert_eq!(profile(&entry).email.as_deref(), Some("a@x"));
        }
    }

    #[test]
    fn values_with_control_characters_or_changes_of_direction_are_not_taken() {
        let entry =
            Entry::of("uid=a\\0a,dc=x", &[("uid", &[b"a\n", "\u{202e}a".as_bytes(), b"b"]), ("mail", &[b"\0"])]);
        assert_eq!(login(&entry, &names(&["uid"])).as_deref(), Some("b"));
        assert_eq!(profile(&entry).email, None);
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
        let profile = profile(&entry);
        assert_eq!(profile.display_name.as_deref(), Some("Al"));
        assert_eq!(profile.phone.as_deref(), Some("+49 1"));
        assert_eq!(profile.email, None);
    }

    #[test]
    fn the_attributes_are_the_administrators_choice() {
        let choices = ProfileChoices {
            display_name: Some(names(&["description", "cn"])),
            extra: names(&["employeeNumber", "ou"]),
            ..ProfileChoices::default()
        };
        let map = ProfileMap::new(&choices, &["displayName"]);
        let entry = Entry::of(
            "cn=x",
            &[
                ("displayName", &[b"Not this"]),
                ("cn", &[b"Al"]),
                ("givenName", &[b"Alice"]),
                ("sn", &[b"Smith"]),
                ("ou", &[b"b", b"a", b"x\n"]),
                ("employeeNumber", &[&[0xff]]),
            ],
        );
        let profile = map.of(&entry);
        assert_eq!(profile.display_name.as_deref(), Some("Al"));
        let attributes: Vec<_> =
            profile.attributes.iter().map(|(name, values)| format!("{name}={}", values.join(","))).collect();
        assert_eq!(attributes, ["family_name=Smith", "given_name=Alice", "ou=a,b"]);
        let asked = map.listed_attributes().chain(map.unlisted_attributes());
        let asked: Vec<_> = asked.map(AttributeName::as_str).collect();
        assert!(asked.contains(&"description") && asked.contains(&"ou") && !asked.contains(&"displayName"));
    }
}
