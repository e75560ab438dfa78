use crate::entry::Entry;
use directory_data::{AttributeName, identifier};

/// Which attribute holds the immutable id of a person, in the order in which they are looked for: the first that an
/// entry has decides. The order is part of every account's key and never changes.
///
/// - `entryUUID`: OpenLDAP, 389-DS since 2.0, lldap, `ApacheDS` (RFC 4530)
/// - `objectGUID`: Active Directory, Samba
/// - `nsUniqueId`: 389-DS, FreeIPA
/// - `ipaUniqueID`: FreeIPA
/// - `GUID`: eDirectory
pub(crate) const KNOWN: &[&str] = &["entryUUID", "objectGUID", "nsUniqueId", "ipaUniqueID", "GUID"];

/// The longest id that is taken, in characters.
const LONGEST: usize = 256;

/// How an entry's immutable id is found.
#[derive(Clone, Debug)]
pub(crate) struct SubjectRule(Vec<AttributeName>);

/// An immutable id and the attribute that it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) attribute: String,
    pub(crate) id: String,
}

/// Why an entry has no id that could be an account's key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoSubject {
    #[error(
        "the entry has none of the attributes {0} that could identify the person, or the service account may \
            not read them; let it read one, or set subject_attribute"
    )]
    Missing(String),
    #[error(
        "the entry has several values of {0}, so that none of them identifies the person; set subject_attribute \
            to an attribute with one value"
    )]
    Several(String),
    #[error("the entry's {0} is not an id that could identify a person: {1}")]
    Unusable(String, &'static str),
}

impl SubjectRule {
    /// The first of these that an entry has.
    pub(crate) fn first_of(names: &[&str]) -> Self {
        Self(names.iter().filter_map(|name| AttributeName::parse(name).ok()).collect())
    }

    /// One attribute that the administrator chose, in the spelling of [`KNOWN`] if it is one of them: the name is
    /// stored with each account.
    pub(crate) fn only(name: &AttributeName) -> Self {
        let known = KNOWN.iter().find(|known| name.is(known)).and_then(|known| AttributeName::parse(known).ok());
        Self(vec![known.unwrap_or_else(|| name.clone())])
    }

    /// The attributes to ask the server for.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = &AttributeName> {
        self.0.iter()
    }

    /// The id of an entry.
    pub(crate) fn of(&self, entry: &Entry) -> Result<Subject, NoSubject> {
        for attribute in &self.0 {
            let mut values = entry.values(attribute);
            let Some(value) = values.next() else { continue };
            let name = attribute.as_str().to_owned();
            if values.next().is_some() {
                return Err(NoSubject::Several(name));
            }
            return match decode(attribute, value) {
                Ok(id) => Ok(Subject { attribute: name, id }),
                Err(why) => Err(NoSubject::Unusable(name, why)),
            };
        }
        let names: Vec<_> = self.0.iter().map(AttributeName::as_str).collect();
        Err(NoSubject::Missing(names.join(", ")))
    }
}

/// The one form in which an id is kept.
fn decode(attribute: &AttributeName, value: &[u8]) -> Result<String, &'static str> {
    if attribute.is("objectGUID") {
        return identifier::guid_mixed_endian(value).map_err(|error| error.why());
    }
    if attribute.is("GUID") {
        return identifier::guid_in_order(value).map_err(|error| error.why());
    }
    let text = str::from_utf8(value).map_err(|_| "it is not a text")?;
    let is_id = !text.trim().is_empty() && !text.chars().any(char::is_control) && text.chars().nth(LONGEST).is_none();
    if !is_id {
        return Err("it is empty, too long or has control characters");
    }
    if attribute.is("entryUUID") {
        return identifier::entry_uuid(value).map_err(|error| error.why());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{KNOWN, NoSubject, SubjectRule};
    use crate::entry::Entry;
    use directory_data::AttributeName;

    fn id(attributes: &[(&str, &[&[u8]])]) -> Result<(String, String), NoSubject> {
        SubjectRule::first_of(KNOWN).of(&Entry::of("cn=x", attributes)).map(|subject| (subject.attribute, subject.id))
    }

    fn assert_id(attributes: &[(&str, &[&[u8]])], attribute: &str, expected: &str) {
        assert_eq!(id(attributes), Ok((attribute.to_owned(), expected.to_owned())));
    }

    /// Pins the form in which accounts are keyed: a change here would orphan every account of an Active Directory.
    #[test]
    fn an_object_guid_is_kept_in_its_canonical_mixed_endian_form() {
        let wire = [0xc9, 0x80, 0x34, 0xbd, 0xaf, 0x58, 0xd8, 0x4c, 0x92, 0xdf, 0xbc, 0x4a, 0x18, 0xb6, 0xe4, 0x4d];
        assert_id(&[("objectGUID", &[&wire])], "objectGUID", "bd3480c9-58af-4cd8-92df-bc4a18b6e44d");
        let wire = [0x33, 0x22, 0x11, 0, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];
        assert_id(&[("OBJECTguid", &[&wire])], "objectGUID", "00112233-4455-6677-8899-aabbccddeeff");
    }

    #[test]
    fn an_entry_uuid_is_kept_in_lower_case() {
        let uuid = b"BD3480C9-58AF-4CD8-92DF-BC4A18B6E44D";
        assert_id(&[("entryUUID", &[uuid])], "entryUUID", "bd3480c9-58af-4cd8-92df-bc4a18b6e44d");
    }

    #[test]
    fn the_first_attribute_of_the_fixed_order_decides() {
        assert_id(&[("ipaUniqueID", &[b"ipa"]), ("nsUniqueId", &[b"ns"])], "nsUniqueId", "ns");
        let guid: Vec<u8> = (1..=16).collect();
        assert_id(&[("guid", &[&guid])], "GUID", "01020304-0506-0708-090a-0b0c0d0e0f10");
    }

    #[test]
    fn no_id_several_ids_and_unusable_ids_are_no_stable_id() {
        assert!(matches!(id(&[("uid", &[b"x"])]), Err(NoSubject::Missing(_))));
        assert!(matches!(id(&[("nsUniqueId", &[b"a", b"b"])]), Err(NoSubject::Several(_))));
        let unusable: [(&str, &[u8]); 8] = [
            ("objectGUID", &[1; 15]),
            ("objectGUID", &[0; 16]),
            ("GUID", &[]),
            ("entryUUID", b""),
            ("entryUUID", b"not-a-uuid"),
            ("entryUUID", b"00000000-0000-0000-0000-000000000000"),
            ("nsUniqueId", b" "),
            ("nsUniqueId", &[0xff]),
        ];
        for (attribute, value) in unusable {
            assert!(matches!(id(&[(attribute, &[value])]), Err(NoSubject::Unusable(..))), "{attribute} {value:?}");
        }
    }

    #[test]
    fn a_chosen_attribute_is_the_only_one_that_counts() {
        let rule = SubjectRule::only(&AttributeName::parse("employeeNumber").unwrap());
        let entry = Entry::of("cn=x", &[("entryUUID", &[b"x"]), ("employeenumber", &[b"4711"])]);
        assert_eq!(rule.of(&entry).unwrap().id, "4711");
        assert_eq!(SubjectRule::only(&AttributeName::parse("OBJECTGUID").unwrap()).0[0].as_str(), "objectGUID");
    }
}
