use ldap3::asn1::{ASNTag, PL, StructureTag, TagClass};
use wire_guard::ber::{self, CONSTRUCTED, OCTET_STRING};

use crate::name::CarriedName;
use directory_data::AttributeName;

/// The deepest nesting of parentheses in an administrator's filter. The library that parses it recurses, and the
/// request must stay below the depth that the guard lets through.
const DEEPEST: usize = 16;

/// The longest filter of an administrator, in octets.
const LONGEST: usize = 16 * 1024;

/// A whole filter as a text (RFC 4515), as it is written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SearchFilter(&'static str);

impl SearchFilter {
    /// Every entry, whatever it is.
    pub(crate) const ANY_ENTRY: Self = Self("(objectClass=*)");

    /// Every group in which somebody is.
    pub(crate) const ANY_GROUP_WITH_MEMBERS: Self = Self("(|(member=*)(uniqueMember=*)(memberUid=*))");

    /// The filter's text.
    pub(crate) fn as_str(self) -> &'static str {
        self.0
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

/// How users are found: what they have to match, and the attributes that a name may stand in.
#[derive(Clone, Debug)]
pub(crate) struct UserFilter {
    restriction: Option<Restriction>,
    attributes: Vec<AttributeName>,
}

/// An administrator's filter.
#[derive(Clone, Debug)]
pub(crate) struct Restriction {
    /// With its outer parentheses.
    text: String,
    encoded: Vec<u8>,
}

/// `and [0]`, `or [1]` and `equalityMatch [3]` of a filter.
const AND: u8 = 0xa0;
const OR: u8 = 0xa1;
const EQUALITY_MATCH: u8 = 0xa3;

/// `extensibleMatch [9]`, and within it `matchingRule [1]`, `type [2]` and `matchValue [3]`; `present [7]`.
const EXTENSIBLE_MATCH: u8 = 0xa9;
const MATCHING_RULE: u8 = 0x81;
const MATCHING_TYPE: u8 = 0x82;
const MATCHING_VALUE: u8 = 0x83;
const PRESENT: u8 = 0x87;

impl EncodedFilter {
    /// Entries with this value. It is never part of a text: each of its octets means itself.
    pub(crate) fn equals(attribute: &str, value: &[u8]) -> Self {
        let assertion = ber::element_length(attribute.len()) + ber::element_length(value.len());
        let mut filter = Vec::with_capacity(ber::element_length(assertion));
        ber::push_header(&mut filter, EQUALITY_MATCH, assertion);
        ber::push_octets(&mut filter, OCTET_STRING, attribute.as_bytes());
        ber::push_octets(&mut filter, OCTET_STRING, value);
        Self(filter)
    }

    /// Entries with this attribute.
    pub(crate) fn has(attribute: &str) -> Self {
        Self(ber::wrap(PRESENT, attribute.as_bytes()))
    }

    /// Entries with an attribute that matches by a rule of this number.
    pub(crate) fn matches(attribute: &str, rule: &str, value: &[u8]) -> Self {
        let mut assertion = ber::wrap(MATCHING_RULE, rule.as_bytes());
        ber::push_octets(&mut assertion, MATCHING_TYPE, attribute.as_bytes());
        ber::push_octets(&mut assertion, MATCHING_VALUE, value);
        Self(ber::wrap(EXTENSIBLE_MATCH, &assertion))
    }

    /// Entries that match one of these, of which there is at least one.
    pub(crate) fn any(filters: &[Self]) -> Self {
        Self::joined(OR, filters)
    }

    /// Entries that match all of these, of which there is at least one.
    pub(crate) fn all(filters: &[Self]) -> Self {
        Self::joined(AND, filters)
    }

    fn joined(operation: u8, filters: &[Self]) -> Self {
        match filters {
            [one] => one.clone(),
            several => {
                let parts: Vec<&[u8]> = several.iter().map(Self::as_bytes).collect();
                Self(ber::wrap(operation, &parts.concat()))
            }
        }
    }
}

impl Restriction {
    /// The filter's text.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Checks an administrator's filter, which may come without its outer parentheses. A blank one is none.
    pub(crate) fn parse(restriction: &str) -> Result<Option<Self>, String> {
        let restriction = restriction.trim();
        if restriction.is_empty() {
            return Ok(None);
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
        Ok(Some(Self { text, encoded }))
    }
}

impl UserFilter {
    /// Users match the restriction, if there is one, and have a name in one of the attributes.
    pub(crate) fn new(restriction: Option<Restriction>, attributes: Vec<AttributeName>) -> Self {
        Self { restriction, attributes }
    }

    /// Whoever carries one of these names, each in its attribute.
    pub(crate) fn for_names(&self, names: &[CarriedName<'_>]) -> EncodedFilter {
        let equals = |name: &CarriedName<'_>| EncodedFilter::equals(name.attribute.as_str(), name.value.as_bytes());
        self.restricted(match names {
            [one] => equals(one),
            several => EncodedFilter::any(&several.iter().map(equals).collect::<Vec<_>>()),
        })
    }

    /// Whoever carries any name: the users that a login could find.
    pub(crate) fn for_anybody(&self) -> EncodedFilter {
        let names: Vec<_> = self.attributes.iter().map(|attribute| EncodedFilter::has(attribute.as_str())).collect();
        self.restricted(EncodedFilter::any(&names))
    }

    fn restricted(&self, names: EncodedFilter) -> EncodedFilter {
        match &self.restriction {
            Some(restriction) => EncodedFilter(ber::wrap_all(AND, &[&restriction.encoded, names.as_bytes()])),
            None => names,
        }
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

    use super::{CarriedName, EncodedFilter, Restriction, SearchFilter, UserFilter};
    use directory_data::AttributeName;

    fn filter(restriction: &str, attributes: &[&str]) -> Result<UserFilter, String> {
        let attributes = attributes.iter().map(|name| AttributeName::parse(name).unwrap()).collect();
        Ok(UserFilter::new(Restriction::parse(restriction)?, attributes))
    }

    fn for_name(filter: &UserFilter, name: &str) -> Vec<u8> {
        let names: Vec<_> = filter.attributes.iter().map(|attribute| CarriedName { attribute, value: name }).collect();
        filter.for_names(&names).as_bytes().to_vec()
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
            assert_eq!(for_name(&filter("", &["uid"]).unwrap(), &name), expected, "{name:?}");
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
            assert_eq!(for_name(&filter(restriction, &["uid", "cn"]).unwrap(), "x"), whole, "{restriction}");
        }
    }

    #[test]
    fn the_restriction_may_come_with_or_without_its_outer_parentheses() {
        for restriction in ["(&(age=28)(!(name=Bob)))", "&(age=28)(!(name=Bob))", "  (&(age=28)(!(name=Bob))) "] {
            let users = filter(restriction, &["uid", "cn"]).unwrap();
            let expected = encoded("(&(&(age=28)(!(name=Bob)))(|(uid=*)(cn=*)))");
            assert_eq!(users.for_anybody().as_bytes(), expected);
            let expected = encoded(r"(&(&(age=28)(!(name=Bob)))(|(uid=al\2ace)(cn=al\2ace)))");
            assert_eq!(for_name(&users, "al*ce"), expected);
        }
        let users = filter("objectClass=person", &["uid"]).unwrap();
        assert_eq!(for_name(&users, "x"), encoded("(&(objectClass=person)(uid=x))"));
        assert_eq!(filter(" ", &["uid"]).unwrap().for_anybody().as_bytes(), encoded("(uid=*)"));
    }

    #[test]
    fn filters_for_groups_are_encoded_as_the_library_encodes_their_text() {
        for (built, text) in [
            (EncodedFilter::equals("member", b"cn=a,dc=x"), "(member=cn=a,dc=x)"),
            (EncodedFilter::has("memberOf"), "(memberOf=*)"),
            (
                EncodedFilter::matches("member", "1.2.840.113556.1.4.1941", b"cn=(a),dc=x"),
                r"(member:1.2.840.113556.1.4.1941:=cn=\28a\29,dc=x)",
            ),
            (
                EncodedFilter::all(&[
                    EncodedFilter::any(&[EncodedFilter::has("a"), EncodedFilter::equals("b", &[0xff])]),
                    EncodedFilter::any(&[EncodedFilter::has("c")]),
                ]),
                r"(&(|(a=*)(b=\ff))(c=*))",
            ),
        ] {
            assert_eq!(built.as_bytes(), encoded(text), "{text}");
        }
    }

    #[test]
    fn the_filters_that_are_written_here_are_filters() {
        for written in [SearchFilter::ANY_ENTRY, SearchFilter::ANY_GROUP_WITH_MEMBERS] {
            assert!(ldap3::parse_filter(written.as_str()).is_ok(), "{written:?}");
        }
    }

    #[test]
    fn everybody_is_looked_for_by_the_filter_and_any_name() {
        for restriction in ["(userAccountControl:1.2.840.113556.1.4.803:=2)", "(!(uid=x))", "(cn=a*b*c)", "(&)"] {
            for (attributes, any) in [(&["uid"][..], "(uid=*)"), (&["uid", "cn"], "(|(uid=*)(cn=*))")] {
                let built = filter(restriction, attributes).unwrap().for_anybody();
                assert_eq!(built.as_bytes(), encoded(&format!("(&{restriction}{any})")), "{restriction}");
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
