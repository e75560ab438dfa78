use ldap3_proto::proto::{LdapFilter, LdapSubstringFilter};

use super::entry::Entry;

/// The attributes that the directory knows. What compares another one is neither true nor false.
const KNOWN: &[&str] = &[
    "objectClass",
    "dc",
    "ou",
    "o",
    "uid",
    "cn",
    "sn",
    "givenName",
    "displayName",
    "mail",
    "telephoneNumber",
    "title",
    "description",
    "entryUUID",
];

/// Whether an entry matches a filter: RFC 4511 section 4.5.1.7. `None` is "undefined", which matches nothing, and of
/// which the opposite matches nothing either.
pub(super) fn matches(filter: &LdapFilter, entry: &Entry) -> Option<bool> {
    match filter {
        LdapFilter::And(parts) => all(parts.iter().map(|part| matches(part, entry))),
        LdapFilter::Or(parts) => {
            all(parts.iter().map(|part| matches(part, entry).map(|truth| !truth))).map(|truth| !truth)
        }
        LdapFilter::Not(part) => matches(part, entry).map(|truth| !truth),
        LdapFilter::Present(name) => Some(entry.values(name).is_some()),
        LdapFilter::Equality(name, value) | LdapFilter::Approx(name, value) => {
            let value = folded(value);
            any_value(entry, name, |candidate| candidate == value)
        }
        LdapFilter::Substring(name, parts) => {
            let parts = Substrings::of(parts);
            any_value(entry, name, |candidate| parts.occur_in(candidate))
        }
        // No attribute here has an order or a matching rule of its own.
        LdapFilter::GreaterOrEqual(..) | LdapFilter::LessOrEqual(..) | LdapFilter::Extensible(_) => None,
    }
}

/// False if any is false, otherwise undefined if any is undefined, otherwise true (RFC 4526: so is none at all).
fn all(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(true);
    for truth in truths {
        match truth {
            Some(true) => {}
            Some(false) => return Some(false),
            None => result = None,
        }
    }
    result
}

fn any_value(entry: &Entry, name: &str, test: impl Fn(&str) -> bool) -> Option<bool> {
    match entry.values(name) {
        Some(values) => Some(values.iter().any(|value| test(&folded(value)))),
        None => KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name)).then_some(false),
    }
}

/// A value as `caseIgnoreMatch` sees it: without case, and with runs of spaces as one (RFC 4518).
fn folded(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

struct Substrings {
    initial: String,
    any: Vec<String>,
    last: String,
}

impl Substrings {
    fn of(filter: &LdapSubstringFilter) -> Self {
        let lower = |part: &Option<String>| part.as_deref().unwrap_or_default().to_lowercase();
        Self {
            initial: lower(&filter.initial),
            any: filter.any.iter().map(|part| part.to_lowercase()).collect(),
            last: lower(&filter.final_),
        }
    }

    /// Whether the parts occur in this order and without overlapping.
    fn occur_in(&self, candidate: &str) -> bool {
        let Some(mut rest) = candidate.strip_prefix(self.initial.as_str()) else { return false };
        for part in &self.any {
            match rest.split_once(part.as_str()) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        rest.ends_with(self.last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use ldap3_proto::parse_ldap_filter_str;
    use ldap3_proto::proto::LdapFilter;

    use super::{Entry, matches};

    fn truth(filter: &str) -> Option<bool> {
        truth_of(&parse_ldap_filter_str(filter).unwrap())
    }

    fn truth_of(filter: &LdapFilter) -> Option<bool> {
        let ada = Entry::new("uid=ada,dc=example")
            .unwrap()
            .with("uid", "ada")
            .with("cn", "Ada  Lovelace")
            .with("mail", "ada@example.com");
        matches(filter, &ada)
    }

    #[test]
    fn values_are_compared_without_case_and_with_spaces_squeezed() {
        // The parser of filters for tests knows no spaces in values.
        let spaced = LdapFilter::Equality("CN".to_owned(), " ADA lovelace ".to_owned());
        assert_eq!(truth_of(&spaced), Some(true));
        assert_eq!(truth("(cn=ada)"), Some(false));
        assert_eq!(truth("(mail=*)"), Some(true));
        assert_eq!(truth("(title=*)"), Some(false));
    }

    #[test]
    fn substrings_occur_in_order_and_do_not_overlap() {
        for (filter, expected) in [
            ("(cn=ADA*)", true),
            ("(cn=*lace)", true),
            ("(cn=a*a*love*ce)", true),
            ("(cn=*love*ada*)", false),
            ("(uid=ad*da)", false),
            ("(uid=ada*a)", false),
        ] {
            assert_eq!(truth(filter), Some(expected), "{filter}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_undefined_and_so_is_its_opposite() {
        assert_eq!(truth("(shoeSize=44)"), None);
        assert_eq!(truth("(!(shoeSize=44))"), None);
        assert_eq!(truth("(title=x)"), Some(false));
        assert_eq!(truth("(&(uid=ada)(!(title=x)))"), Some(true));
        assert_eq!(truth("(|(shoeSize=44)(uid=ada))"), Some(true));
        assert_eq!(truth("(|(shoeSize=44)(uid=bob))"), None);
        assert_eq!(truth("(&(shoeSize=44)(uid=bob))"), Some(false));
    }
}
