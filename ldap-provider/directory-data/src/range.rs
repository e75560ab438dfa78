//! Values that a server hands out in parts: Active Directory gives at most 1500 members at a time (MS-ADTS section
//! 3.1.1.3.1.3.3).

use crate::Malformed;

/// Which values of an attribute an answer holds, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub first: u32,
    /// The last, which is not below the first; `None` if no more follow.
    pub last: Option<u32>,
}

/// The attribute's name and its range, of a description such as `member;range=0-1499` or `member;Range=1500-*`; `None`
/// if it has no range. Other options may stand beside it (RFC 4512 section 2.5).
///
/// A range that is not of this form is an error, and so are two of them, and an option that no description may have:
/// values may be missing then that nothing tells of.
pub fn range_option(attribute_description: &str) -> Result<Option<(&str, Range)>, Malformed> {
    let mut parts = attribute_description.split(';');
    let name = parts.next().unwrap_or_default();
    let mut found = None;
    for option in parts {
        let is_range = option.split('=').next().is_some_and(|key| key.eq_ignore_ascii_case("range"));
        if is_range {
            let range = option.split_once('=').and_then(|(_, range)| Range::parse(range));
            let range = range.ok_or_else(|| malformed("its range is not of the form 0-1499 or 1500-*"))?;
            if found.replace(range).is_some() {
                return Err(malformed("it has two ranges"));
            }
        } else if option.is_empty() || !option.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(malformed("an option of it has other characters than letters, digits and hyphens, or none"));
        }
    }
    match found {
        Some(_) if name.is_empty() => Err(malformed("it has no name")),
        found => Ok(found.map(|range| (name, range))),
    }
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        let first = number(first)?;
        let last = if last == "*" { None } else { Some(number(last)?) };
        last.is_none_or(|last| first <= last).then_some(Self { first, last })
    }
}

/// Digits alone, without zeros before others.
fn number(digits: &str) -> Option<u32> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    digits.parse().ok().filter(|_| is_number)
}

fn malformed(why: &'static str) -> Malformed {
    Malformed::new("the description of an attribute", why)
}

#[cfg(test)]
mod tests {
    use super::{Range, range_option};

    #[test]
    fn a_range_is_found_among_the_options() {
        for (description, name, first, last) in [
            ("member;range=0-1499", "member", 0, Some(1499)),
            ("member;range=1500-*", "member", 1500, None),
            ("member;Range=0-*", "member", 0, None),
            ("MEMBER;RANGE=7-7", "MEMBER", 7, Some(7)),
            ("member;lang-de;range=0-1", "member", 0, Some(1)),
            ("member;range=0-1;binary", "member", 0, Some(1)),
            ("1.2.840.113556.1.2.102;range=0-4294967295", "1.2.840.113556.1.2.102", 0, Some(u32::MAX)),
        ] {
            assert_eq!(range_option(description), Ok(Some((name, Range { first, last }))), "{description}");
        }
    }

    #[test]
    fn a_description_without_a_range_has_none() {
        for description in ["member", "userCertificate;binary", "member;range-x", "member;ranges", "", "range=0-1"] {
            assert_eq!(range_option(description), Ok(None), "{description}");
        }
    }

    #[test]
    fn a_garbled_range_is_not_none() {
        for description in [
            "member;range",
            "member;range=",
            "member;range=-",
            "member;range=0",
            "member;range=0-",
            "member;range=-1",
            "member;range=*-0",
            "member;range=*",
            "member;range=*-*",
            "member;range=5-4",
            "member;range=0-1499-2",
            "member;range=0 - 1",
            "member; range=0-1",
            "member;range =0-1",
            "member;range=0-1 ",
            "member;range=+0-1",
            "member;range=00-1",
            "member;range=0-01",
            "member;range=0-4294967296",
            "member;range=0-1;range=0-1",
            "member;range=0-1;range=2-*",
            "member;range=0-1;",
            "member;;range=0-1",
            "member;range=0-1;a=b",
            "member;range=٠-١",
            "member;rängé=0-1",
            ";range=0-1",
            "member;",
        ] {
            assert!(range_option(description).is_err(), "{description}");
        }
    }
}
