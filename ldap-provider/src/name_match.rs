//! Whether an entry carries the name that was searched for.
//!
//! Not to narrow what a server finds, but to notice an answer to somebody else's question: a proxy or a pool that
//! mixes answers up would log one person in as another.

use std::cell::LazyCell;

use crate::entry::Entry;
use crate::name::CarriedName;
use directory_data::AttributeName;
use directory_data::folding::fold;

/// A longer value, in octets, cannot be a name of the 256 characters that are let through.
const LONGEST: usize = 2 * 1024;

/// How many octets of values are looked at: folding takes its time, and real entries have some dozens.
const MOST: usize = 64 * 1024;

/// Whether the entry carries one of the names that were searched for.
pub(crate) fn carries(entry: &Entry, names: &[CarriedName<'_>]) -> bool {
    let mut left = MOST;
    names.iter().any(|CarriedName { attribute: name, value: typed }| {
        let folded = LazyCell::new(|| fold(typed));
        let values = entry.values_with_options(name).filter(|value| value.len() <= LONGEST);
        let values = values.take_while(|value| {
            let (rest, is_over) = left.overflowing_sub(value.len());
            left = if is_over { 0 } else { rest };
            !is_over
        });
        values.filter_map(|value| str::from_utf8(value).ok()).any(|value| {
            // What is equal but for the case of ASCII letters folds to the same.
            value.eq_ignore_ascii_case(typed) || {
                let value = fold(value);
                value == **folded
                    || (is_telephone_number(name) && without_separators(&value) == without_separators(&folded))
            }
        })
    })
}

/// Telephone numbers compare without spaces and hyphens (RFC 4517 section 4.2.29).
fn is_telephone_number(name: &AttributeName) -> bool {
    ["telephoneNumber", "mobile", "homePhone", "pager"].into_iter().any(|known| name.is(known))
}

/// RFC 4518 section 2.6.3.
fn without_separators(number: &str) -> String {
    let is_separator =
        |character: &char| matches!(character, ' ' | '-' | '\u{58a}' | '\u{2010}'..='\u{2012}' | '\u{2212}');
    number.chars().filter(|character| !is_separator(character)).collect()
}

#[cfg(test)]
mod tests {
    use super::{CarriedName, carries};
    use crate::entry::Entry;
    use directory_data::AttributeName;

    fn found(typed: &str, attribute: &str, value: &str) -> bool {
        let entry = Entry::of("cn=x", &[(attribute, &[b"other", value.as_bytes()])]);
        let names = ["uid", "cn", "telephoneNumber"].map(|name| AttributeName::parse(name).unwrap());
        let names: Vec<_> = names.iter().map(|attribute| CarriedName { attribute, value: typed }).collect();
        carries(&entry, &names)
    }

    #[test]
    fn a_value_of_any_of_the_attributes_will_do() {
        for (typed, attribute, value) in [
            ("ALICE", "uid", "Alice"),
            ("alice", "USERID", "Alice"),
            ("alice", "uid;lang-en", "Alice"), // a server looks into subtypes too
            ("josé", "cn", "jose\u{301}"),
            ("+49 30-12", "telephoneNumber", "+4930 12"),
            ("*", "cn", "*"),
        ] {
            assert!(found(typed, attribute, value), "{typed:?} {value:?}");
        }
    }

    #[test]
    fn an_entry_of_endless_names_is_not_looked_through_to_its_end() {
        let many = vec![&[b'x'; 1024][..]; 65];
        let with = |first: &'static [u8]| Entry::of("cn=x", &[("uid", &[&[first][..], &many].concat())]);
        let uid = AttributeName::parse("uid").unwrap();
        let names = [CarriedName { attribute: &uid, value: "alice" }];
        assert!(carries(&with(b"alice"), &names));
        assert!(!carries(&with(&[b'y'; 1024]), &names));
    }

    #[test]
    fn somebody_else_is_noticed() {
        for (typed, attribute, value) in [
            ("alice", "uid", "alicia"),
            ("alice", "uid", "bob"),
            ("alice", "mail", "alice"),
            ("al-ice", "uid", "alice"),
            ("alice", "uid", ""),
        ] {
            assert!(!found(typed, attribute, value), "{typed:?} {value:?}");
        }
    }
}
