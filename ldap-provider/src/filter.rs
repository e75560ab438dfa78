use std::fmt::Write as _;

use ldap3::asn1::{ASNTag, PL, StructureTag, TagClass};
use wire_guard::ber::{self, CONSTRUCTED, OCTET_STRING};

use directory_data::AttributeName;

/// The deepest nesting of parentheses in an administrator's filter. The library that parses it recurses, and the
/// request must stay below the depth that the guard lets through.
const DEEPEST: usize = 16;

/// The longest filter of an administrator, in octets.
const LONGEST: usize = 16 * 1024;

/// A whole filter as a text (RFC 4515). No name that somebody typed is ever in one.
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

/// A whole filter as it is sent (RFC 4511 section 4.5.1.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EncodedFilter(Vec<u8>);

impl EncodedFilter {
    /// The filter's octets.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// How users are found: the administrator's filter, if there is one, and the attributes that a name may stand in.
#[derive(Clone, Debug)]
pub(crate) struct UserFilter {
    restriction: Option<Restriction>,
    attributes: Vec<AttributeName>,
}

/// The administrator's filter.
#[derive(Clone, Debug)]
struct Restriction {
    /// With its outer parentheses.
    text: String,
    encoded: Vec<u8>,
}

/// `and [0]`, `or [1]` and `equalityMatch [3]` of a filter.
const AND: u8 = 0xa0;
const OR: u8 = 0xa1;
const EQUALITY_MATCH: u8 = 0xa3;

impl UserFilter {
    /// Checks an administrator's filter, which may come without its outer parentheses. A blank one is none.
    pub(crate) fn parse(restriction: &str, attributes: Vec<AttributeName>) -> Result<Self, String> {
        let restriction = restriction.trim();
        if restriction.is_empty() {
            return Ok(Self { restriction: None, attributes });
        }
        let text = if restriction.starts_with('(') { restriction.to_owned() } else { format!("({restriction})") };
        if text.len() > LONGEST {
            return Err(format!("is longer than {LONGEST} octets"));
        }
        if depth(&text) > DEEPEST {
            return Err(format!("has parentheses nested deeper than {DEEPEST}"));
        }
        let tree = ldap3::parse_filter(&text).map_err(|()| {
            "is not a filter such as (objectClass=person) or (&(objectClass=person)(!(description=guest))): \
                check parentheses and spaces, and that two conditions stand within (&...) or (|...)"
                .to_owned()
        })?;
        let mut encoded = Vec::new();
        encode(&tree.into_structure(), &mut encoded);
        Ok(Self { restriction: Some(Restriction { text, encoded }), attributes })
    }

    /// Whoever carries this name. It is never part of a text: each of its octets means itself.
    pub(crate) fn for_name(&self, name: &str) -> EncodedFilter {
        let mut names = Vec::new();
        for attribute in &self.attributes {
            let mut assertion = ber::wrap(OCTET_STRING, attribute.as_str().as_bytes());
            ber::push_octets(&mut assertion, OCTET_STRING, name.as_bytes());
            ber::push_octets(&mut names, EQUALITY_MATCH, &assertion);
        }
        if self.attributes.len() > 1 {
            names = ber::wrap(OR, &names);
        }
        EncodedFilter(match &self.restriction {
            Some(restriction) => ber::wrap(AND, &[restriction.encoded.as_slice(), &names].concat()),
            None => names,
        })
    }

    /// Whoever carries any name: the users that a login could find.
    pub(crate) fn for_anybody(&self) -> SearchFilter {
        let mut names = String::new();
        for attribute in &self.attributes {
            // Writing to a String cannot fail.
            let _ = write!(names, "({attribute}=*)");
        }
        let names = if self.attributes.len() == 1 { names } else { format!("(|{names})") };
        SearchFilter(match &self.restriction {
            Some(restriction) => format!("(&{}{names})", restriction.text),
            None => names,
        })
    }
}

/// Encodes what the library made of a text. It is not deep: see [`DEEPEST`].
fn encode(tag: &StructureTag, out: &mut Vec<u8>) {
    // Filters have tags of their own kind, octet strings within, and for extensible matches a boolean: all below 31.
    let class = match tag.class {
        TagClass::Universal => 0,
        TagClass::Application => 0x40,
        TagClass::Context => 0x80,
        TagClass::Private => 0xc0,
    };
    let number = u8::try_from(tag.id & 0x1f).unwrap_or_default();
    match &tag.payload {
        PL::P(octets) => ber::push_octets(out, class | number, octets),
        PL::C(parts) => {
            let mut content = Vec::new();
            for part in parts {
                encode(part, &mut content);
            }
            ber::push_octets(out, class | CONSTRUCTED | number, &content);
        }
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
    use bytes::BytesMut;
    use ldap3::asn1::ASNTag;

    use super::UserFilter;
    use directory_data::AttributeName;

    fn filter(restriction: &str, attributes: &[&str]) -> Result<UserFilter, String> {
        UserFilter::parse(restriction, attributes.iter().map(|name| AttributeName::parse(name).unwrap()).collect())
    }

    /// The same text, parsed and encoded by the library.
    fn encoded(text: &str) -> Vec<u8> {
        let mut out = BytesMut::new();
        lber::write::encode_into(&mut out, ldap3::parse_filter(text).unwrap().into_structure()).unwrap();
        out.to_vec()
    }

    #[test]
    fn each_octet_of_a_name_means_itself() {
        let mut names: Vec<String> = [
            "*",
            "a*",
            "*)(uid=*))(|(uid=*",
            "admin)(&)",
            r"\2a",
            r"x\00y",
            "\0",
            "admin)(userPassword=a*",
            "((((",
            "%2a",
            "（＊）",
            r"\\",
            r"a\",
            "é",
            "Parens R Us (for all your parenthetical needs)",
            r#"&|!=~<>,+";# /"#,
        ]
        .map(ToOwned::to_owned)
        .into();
        for character in (0_u8..=0x7f).map(char::from) {
            names.extend([format!("{character}xy"), format!("x{character}y"), format!("xy{character}")]);
        }
        for name in names {
            let value = [&[4, u8::try_from(name.len()).unwrap()], name.as_bytes()].concat();
            let content = [&[4, 3, b'u', b'i', b'd'][..], &value].concat();
            let expected = [&[0xa3, u8::try_from(content.len()).unwrap()][..], &content].concat();
            assert_eq!(filter("", &["uid"]).unwrap().for_name(&name).as_bytes(), expected, "{name:?}");
        }
    }

    #[test]
    fn a_filter_is_encoded_as_the_library_encodes_its_text() {
        for restriction in [
            "(objectClass=person)",
            "(&(age=28)(!(name=Bob)))",
            "(userAccountControl:1.2.840.113556.1.4.803:=2)",
            "(cn:dn:caseExactMatch:=x)",
            "(|(a>=1)(b<=2)(c~=3)(d=*)(cn=a*b*c)(cn=*z))",
            r"(cn=\2a\28)",
            "(&)",
        ] {
            let whole = encoded(&format!("(&{restriction}(|(uid=x)(cn=x)))"));
            assert_eq!(filter(restriction, &["uid", "cn"]).unwrap().for_name("x").as_bytes(), whole, "{restriction}");
        }
    }

    #[test]
    fn the_restriction_may_come_with_or_without_its_outer_parentheses() {
        for restriction in ["(&(age=28)(!(name=Bob)))", "&(age=28)(!(name=Bob))", "  (&(age=28)(!(name=Bob))) "] {
            let users = filter(restriction, &["uid", "cn"]).unwrap();
            assert_eq!(users.for_anybody().as_str(), "(&(&(age=28)(!(name=Bob)))(|(uid=*)(cn=*)))");
            let expected = encoded(r"(&(&(age=28)(!(name=Bob)))(|(uid=al\2ace)(cn=al\2ace)))");
            assert_eq!(users.for_name("al*ce").as_bytes(), expected);
        }
        let users = filter("objectClass=person", &["uid"]).unwrap();
        assert_eq!(users.for_name("x").as_bytes(), encoded("(&(objectClass=person)(uid=x))"));
        assert_eq!(filter(" ", &["uid"]).unwrap().for_anybody().as_str(), "(uid=*)");
    }

    #[test]
    fn every_filter_that_is_built_is_one() {
        for restriction in ["", "(userAccountControl:1.2.840.113556.1.4.803:=2)", "(!(uid=x))", "(cn=a*b*c)", "(&)"] {
            for attributes in [&["uid"][..], &["uid", "cn", "mail"]] {
                let users = filter(restriction, attributes).unwrap();
                let built = users.for_anybody();
                assert!(ldap3::parse_filter(built.as_str()).is_ok(), "{built:?}");
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
