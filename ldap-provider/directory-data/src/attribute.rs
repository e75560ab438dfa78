use std::borrow::Cow;
use std::sync::LazyLock;
use std::{fmt, iter};

/// The name of an attribute (RFC 4512 section 2.5): a keyword such as `uid` or an object identifier, without options.
#[derive(Clone, Debug)]
pub struct AttributeName {
    text: String,
    key: Cow<'static, str>,
}

impl AttributeName {
    /// The longest name, in characters. The longest of Active Directory's own has 59.
    const LONGEST: usize = 128;

    /// Checks a name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let quoted = || provider_api::one_line(text);
        let is_keyword = text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_number = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) && (part == "0" || !part.starts_with('0'))
        };
        let is_oid = text.contains('.') && text.split('.').all(is_number);
        if text.eq_ignore_ascii_case("dn") {
            return Err(
                "dn is not an attribute that can be searched for; Active Directory has distinguishedName".to_owned()
            );
        }
        if text.len() > Self::LONGEST || !(is_keyword || is_oid) {
            return Err(format!("`{}` is not the name of an attribute, such as uid or sAMAccountName", quoted()));
        }
        Ok(Self { text: text.to_owned(), key: key(text) })
    }

    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What all of the attribute's names have in common, see [`key`].
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether `other` names the same attribute: servers answer in their own spelling, 389-DS in the request's.
    pub fn is(&self, other: &str) -> bool {
        known_key(other).map_or_else(|| self.key.eq_ignore_ascii_case(other), |key| self.key == key)
    }
}

/// The attributes that names and DNs are made of (RFC 4519, RFC 4524): the name that stands for all of an attribute's, in
/// lower case, and the others.
const SYNONYMS: [(&str, &[&str]); 14] = [
    ("cn", &["commonName", "2.5.4.3"]),
    ("sn", &["surname", "2.5.4.4"]),
    ("c", &["countryName", "2.5.4.6"]),
    ("l", &["localityName", "2.5.4.7"]),
    ("st", &["stateOrProvinceName", "2.5.4.8"]),
    ("o", &["organizationName", "2.5.4.10"]),
    ("ou", &["organizationalUnitName", "2.5.4.11"]),
    ("telephonenumber", &["2.5.4.20"]),
    ("givenname", &["gn", "2.5.4.42"]),
    ("dc", &["domainComponent", "0.9.2342.19200300.100.1.25"]),
    ("mail", &["rfc822Mailbox", "0.9.2342.19200300.100.1.3"]),
    ("mobile", &["mobileTelephoneNumber", "0.9.2342.19200300.100.1.41"]),
    ("uid", &["userid", "0.9.2342.19200300.100.1.1"]),
    ("displayname", &["2.16.840.1.113730.3.1.241"]),
];

/// What all names of an attribute have in common: one of them, in lower case. A name that is not known is the only
/// one that the attribute has.
pub fn key(name: &str) -> Cow<'static, str> {
    known_key(name).map_or_else(|| Cow::Owned(name.to_ascii_lowercase()), Cow::Borrowed)
}

fn known_key(name: &str) -> Option<&'static str> {
    let alike = BY_LENGTH.get(name.len())?;
    alike.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, key)| *key)
}

/// All names of [`SYNONYMS`] with their keys, by their length: every attribute of every entry is looked up.
static BY_LENGTH: LazyLock<Vec<Vec<(&str, &str)>>> = LazyLock::new(|| {
    let names = |(key, others): (&'static str, &'static [&'static str])| {
        iter::once(key).chain(others.iter().copied()).map(move |name| (name, key))
    };
    let all: Vec<_> = SYNONYMS.into_iter().flat_map(names).collect();
    let longest = all.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let of_length = |length| all.iter().copied().filter(|(name, _)| name.len() == length).collect();
    (0..=longest).map(of_length).collect()
});

impl fmt::Display for AttributeName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::AttributeName;

    #[test]
    fn keywords_and_object_identifiers_are_names() {
        for name in ["uid", "cn", "sAMAccountName", "msDS-User-Account-Control-Computed", "0.9.2342.19200300.100.1.1"] {
            assert_eq!(AttributeName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn an_attribute_is_known_by_each_of_its_names_and_by_no_others() {
        for (key, others) in super::SYNONYMS {
            assert_eq!(key, key.to_ascii_lowercase());
            let names: Vec<_> = std::iter::once(key).chain(others.iter().copied()).collect();
            for (one, other) in names.iter().flat_map(|one| names.iter().map(move |other| (one, other))) {
                assert!(AttributeName::parse(one).unwrap().is(&other.to_uppercase()), "{one} {other}");
            }
        }
        for (one, other) in [("uid", "cn"), ("uid", "uidNumber"), ("mail", "email"), ("ou", "o")] {
            assert!(!AttributeName::parse(one).unwrap().is(other), "{one} {other}");
        }
    }

    #[test]
    fn what_could_change_a_filter_is_no_name() {
        for name in [
            "",
            " uid",
            "uid ",
            "uid=*)(x",
            "u*d",
            "cn;lang-de",
            "1",
            "1..2",
            "1.02",
            "-uid",
            "ü",
            "dn",
            "DN",
            "uid\0",
            "*",
        ] {
            assert!(AttributeName::parse(name).is_err(), "{name:?}");
        }
        assert!(AttributeName::parse(&"a".repeat(129)).is_err());
    }
}
