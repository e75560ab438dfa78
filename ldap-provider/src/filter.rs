use std::fmt::Write as _;

use crate::attribute::AttributeName;

/// The deepest nesting of parentheses in an administrator's filter. The library that parses it recurses, and the
/// request must stay below the depth that the guard lets through.
const DEEPEST: usize = 16;

/// The longest filter of an administrator, in octets.
const LONGEST: usize = 16 * 1024;

/// A value as it stands in the text of a filter (RFC 4515 section 3): none of its octets means anything but itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EscapedFilterValue(String);

impl EscapedFilterValue {
    /// Escapes what has a meaning in a filter, and nothing else.
    pub(crate) fn of(value: &str) -> Self {
        let mut escaped = String::with_capacity(value.len() + 8);
        for character in value.chars() {
            match character {
                '*' | '(' | ')' | '\\' | '\0' => {
                    // Writing to a String cannot fail.
                    let _ = write!(escaped, "\\{:02x}", u32::from(character));
                }
                _ => escaped.push(character),
            }
        }
        Self(escaped)
    }
}

/// A whole filter, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SearchFilter(String);

impl SearchFilter {
    /// The filter's text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Every entry, whatever it is.
    pub(crate) fn any_entry() -> Self {
        Self("(objectClass=*)".to_owned())
    }
}

/// How users are found: the administrator's filter, if there is one, and the attributes that a name may stand in.
#[derive(Clone, Debug)]
pub(crate) struct UserFilter {
    /// With its outer parentheses.
    restriction: Option<String>,
    attributes: Vec<AttributeName>,
}

impl UserFilter {
    /// Checks an administrator's filter, which may come without its outer parentheses. A blank one is none.
    pub(crate) fn parse(restriction: &str, attributes: Vec<AttributeName>) -> Result<Self, String> {
        let restriction = restriction.trim();
        if restriction.is_empty() {
            return Ok(Self { restriction: None, attributes });
        }
        let whole = if restriction.starts_with('(') { restriction.to_owned() } else { format!("({restriction})") };
        if whole.len() > LONGEST {
            return Err(format!("is longer than {LONGEST} octets"));
        }
        if depth(&whole) > DEEPEST {
            return Err(format!("has parentheses nested deeper than {DEEPEST}"));
        }
        ldap3::parse_filter(&whole).map_err(|()| {
            "is not a filter such as (objectClass=person) or (&(objectClass=person)(!(description=guest))): \
                check parentheses and spaces, and that two conditions stand within (&...) or (|...)"
                .to_owned()
        })?;
        Ok(Self { restriction: Some(whole), attributes })
    }

    /// Whoever carries this name.
    pub(crate) fn for_name(&self, name: &str) -> SearchFilter {
        self.matching(Some(&EscapedFilterValue::of(name)))
    }

    /// Whoever carries any name: the users that a login could find.
    pub(crate) fn for_anybody(&self) -> SearchFilter {
        self.matching(None)
    }

    /// Without a value, any will do.
    fn matching(&self, value: Option<&EscapedFilterValue>) -> SearchFilter {
        let value = value.map_or("*", |value| &value.0);
        let mut names = String::new();
        for attribute in &self.attributes {
            // Writing to a String cannot fail.
            let _ = write!(names, "({attribute}={value})");
        }
        let names = if self.attributes.len() == 1 { names } else { format!("(|{names})") };
        SearchFilter(match &self.restriction {
            Some(restriction) => format!("(&{restriction}{names})"),
            None => names,
        })
    }
}

fn depth(filter: &str) -> usize {
    let mut open = 0_usize;
    let mut deepest = 0;
    for byte in filter.bytes() {
        match byte {
            b'(' => open += 1,
            b')' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::{EscapedFilterValue, UserFilter};
    use crate::attribute::AttributeName;

    fn filter(restriction: &str, attributes: &[&str]) -> Result<UserFilter, String> {
        UserFilter::parse(restriction, attributes.iter().map(|name| AttributeName::parse(name).unwrap()).collect())
    }

    #[test]
    fn values_are_escaped_as_rfc_4515_has_it_and_no_further() {
        for (value, escaped) in [
            ("*", r"\2a"),
            ("a*", r"a\2a"),
            ("*)(uid=*))(|(uid=*", r"\2a\29\28uid=\2a\29\29\28|\28uid=\2a"),
            ("admin)(&)", r"admin\29\28&\29"),
            (r"\2a", r"\5c2a"),
            (r"x\00y", r"x\5c00y"),
            ("\0", r"\00"),
            ("admin)(userPassword=a*", r"admin\29\28userPassword=a\2a"),
            ("((((", r"\28\28\28\28"),
            ("%2a", "%2a"),
            ("（＊）", "（＊）"),
            (r"\\", r"\5c\5c"),
            (r"a\", r"a\5c"),
            ("é", "é"),
            ("Parens R Us (for all your parenthetical needs)", r"Parens R Us \28for all your parenthetical needs\29"),
            (r#"&|!=~<>,+";# /"#, r#"&|!=~<>,+";# /"#),
        ] {
            assert_eq!(EscapedFilterValue::of(value).0, escaped);
        }
    }

    /// What the library makes of the text is what goes over the wire, so it is asked, and its answer searched for the
    /// octets.
    #[test]
    fn each_single_byte_character_arrives_as_itself_at_start_middle_and_end() {
        use ldap3::asn1::{ASNTag, PL};
        for character in (0_u8..=0x7f).map(char::from) {
            for name in [format!("{character}xy"), format!("x{character}y"), format!("xy{character}")] {
                let text = filter("", &["uid"]).unwrap().for_name(&name);
                let tag = ldap3::parse_filter(text.as_str()).unwrap().into_structure();
                let parts = match tag.payload {
                    PL::C(parts) => parts,
                    PL::P(_) => panic!("{name:?} became a presence filter"),
                };
                assert_eq!((tag.id, parts.len()), (3, 2), "{name:?} is an equality match");
                assert_eq!(parts[0].payload, PL::P(b"uid".to_vec()));
                assert_eq!(parts[1].payload, PL::P(name.into_bytes()));
            }
        }
    }

    #[test]
    fn the_restriction_may_come_with_or_without_its_outer_parentheses() {
        for restriction in ["(&(age=28)(!(name=Bob)))", "&(age=28)(!(name=Bob))", "  (&(age=28)(!(name=Bob))) "] {
            let users = filter(restriction, &["uid", "cn"]).unwrap();
            assert_eq!(users.for_name("al*ce").as_str(), r"(&(&(age=28)(!(name=Bob)))(|(uid=al\2ace)(cn=al\2ace)))");
        }
        assert_eq!(
            filter("objectClass=person", &["uid"]).unwrap().for_name("x").as_str(),
            "(&(objectClass=person)(uid=x))"
        );
        assert_eq!(filter(" ", &["uid"]).unwrap().for_anybody().as_str(), "(uid=*)");
    }

    #[test]
    fn every_filter_that_is_built_is_one() {
        for restriction in ["", "(userAccountControl:1.2.840.113556.1.4.803:=2)", "(!(uid=x))", "(cn=a*b*c)", "(&)"] {
            for attributes in [&["uid"][..], &["uid", "cn", "mail"]] {
                let users = filter(restriction, attributes).unwrap();
                for built in [users.for_name("a(b)*"), users.for_anybody()] {
                    assert!(ldap3::parse_filter(built.as_str()).is_ok(), "{built:?}");
                }
            }
        }
    }

    #[test]
    fn parentheses_nest_to_a_limit() {
        let nested = |depth: usize| format!("{}(uid=x){}", "(!".repeat(depth - 1), ")".repeat(depth - 1));
        assert!(filter(&nested(16), &["uid"]).is_ok());
        assert!(filter(&nested(17), &["uid"]).is_err());
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        let deep = format!("{}uid=x{}", "(!".repeat(5_000), ")".repeat(5_000));
        for restriction in [
            "(",
            "(uid=x",
            "uid=x)",
            "(uid=x)(cn=y)",
            "uid",
            "(uid=x))",
            "(uid=(x))",
            "(&(a=b) (c=d))",
            r"(uid=\zz)",
            "(=x)",
            &deep,
        ] {
            assert!(filter(restriction, &["uid"]).is_err(), "{restriction:.40}");
        }
    }
}
