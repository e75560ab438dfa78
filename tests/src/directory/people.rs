use super::SUFFIX;

/// A person of the test directory.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// The value of `uid`, as the directory holds it.
    pub login: &'static str,
    /// The organisational unit, relative to [`SUFFIX`].
    pub unit: &'static str,
    /// Further attributes. `cn`, `sn` and `userPassword` are made when they are not here.
    pub attributes: &'static [(&'static str, &'static str)],
}

impl Person {
    const fn new(login: &'static str, unit: &'static str, attributes: &'static [(&'static str, &'static str)]) -> Self {
        Self { login, unit, attributes }
    }

    /// The entry's DN.
    pub fn dn(&self) -> String {
        format!("uid={},{},{SUFFIX}", escaped_in_a_dn(self.login), self.unit)
    }
}

/// The password of the person with this login. Each has its own, and each can be searched for in whatever must not
/// show it.
pub fn password_of(login: &str) -> String {
    format!("canary: secret of {login}")
}

/// The people of every test directory, beside [`HARD_NAMES`].
pub const PEOPLE: &[Person] = &[
    Person::new(
        "alice",
        "ou=people",
        &[
            ("cn", "Alice Archer"),
            ("displayName", "Alice A."),
            ("mail", "alice@example.com"),
            ("telephoneNumber", "+49 30 1234"),
            ("sAMAccountName", "AARCHER"),
            ("age", "28"),
        ],
    ),
    // `name` is the supertype of `cn` (RFC 4519 section 2.18): `(name=Bob)` finds this entry.
    Person::new("bob", "ou=people", &[("cn", "Bob"), ("mail", "bob@example.com"), ("age", "28")]),
    Person::new("carol", "ou=people", &[("cn", "Carol Carter"), ("mail", "carol@example.com"), ("age", "30")]),
    Person::new("deep", "ou=engineers,ou=people", &[("cn", "Deep Diver"), ("mail", "deep@example.com")]),
    // One name twice, below one base.
    Person::new("twin", "ou=people", &[("cn", "First Twin")]),
    Person::new("twin", "ou=engineers,ou=people", &[("cn", "Second Twin")]),
    // Outside `ou=people`; an alias and a referral below it point here.
    Person::new("outsider", "ou=partners", &[("cn", "Outside Orlando"), ("mail", "outsider@example.com")]),
];

/// Logins that break programs which paste them into filters, DNs or each other. All below `ou=people`.
pub const HARD_NAMES: &[&str] = &[
    "comma, name",
    "plus+name",
    "quote\"name",
    "back\\slash",
    "#leading hash",
    "josé ñandú",
    "李雷",
    "semi;colon",
    "angle<brackets>",
    "equals=name",
    "star*name",
    "paren(name)",
    "slash/name",
    "ampersand&bar|bang!",
    "\\2a",
    " leading space",
    "trailing space ",
];

/// A value as it is written in a DN (RFC 4514 section 2.4).
pub(crate) fn escaped_in_a_dn(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut escaped = String::new();
    for (index, character) in value.chars().enumerate() {
        let special = matches!(character, '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=');
        let at_the_edge = (index == 0 && matches!(character, ' ' | '#')) || (index == last && character == ' ');
        if special || at_the_edge {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped_in_a_dn;

    #[test]
    fn a_value_in_a_dn_is_escaped_as_rfc_4514_says() {
        assert_eq!(escaped_in_a_dn("#test"), "\\#test");
        assert_eq!(escaped_in_a_dn("test,hel+lo"), "test\\,hel\\+lo");
        assert_eq!(escaped_in_a_dn("  test  "), "\\  test \\ ");
        assert_eq!(escaped_in_a_dn("a#b"), "a#b");
        assert_eq!(escaped_in_a_dn("李雷"), "李雷");
    }
}
