use std::fmt;

/// The name of an attribute (RFC 4512 section 2.5): a keyword such as `uid` or an object identifier, without options.
#[derive(Clone, Debug)]
pub(crate) struct AttributeName(String);

impl AttributeName {
    /// The longest name, in characters. The longest of Active Directory's own has 59.
    const LONGEST: usize = 128;

    /// Checks a name.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
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
        Ok(Self(text.to_owned()))
    }

    /// The name as it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` names the same attribute: servers answer in their own spelling, 389-DS in the request's.
    pub(crate) fn is(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}

impl fmt::Display for AttributeName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
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
