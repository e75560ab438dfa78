use directory_data::range::{Range, range_option};

/// The description of an attribute is read for its range.
///
/// The input is the description. A range is found, none is found, or the description is refused exactly where a second
/// opinion has it so. A range that is written is found again as the same, whatever other option is beside it.
pub fn range(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let read = range_option(text);
    assert_eq!(read.clone().map_err(drop), second_opinion(text), "{text:?}");
    assert_eq!(range_option(&text.to_ascii_uppercase()).is_ok(), read.is_ok(), "{text:?}");

    let number = |octets: &[u8]| octets.iter().fold(0_u32, |sum, octet| sum.rotate_left(8) ^ u32::from(*octet));
    let (one, other) = input.split_at(input.len() / 2);
    let (first, last) = (number(one).min(number(other)), number(one).max(number(other)));
    for (last, written) in [(Some(last), last.to_string()), (None, "*".to_owned())] {
        let expected = Ok(Some(("member", Range { first, last })));
        for before in ["", ";binary", ";lang-de"] {
            assert_eq!(range_option(&format!("member{before};range={first}-{written}")), expected);
            assert_eq!(range_option(&format!("member;Range={first}-{written}{before}")), expected);
        }
    }
    if first != last {
        assert!(range_option(&format!("member;range={last}-{first}")).is_err());
    }
}

fn second_opinion(text: &str) -> Result<Option<(&str, Range)>, ()> {
    let options: Vec<&str> = text.split(';').collect();
    let (name, options) = options.split_first().ok_or(())?;
    let mut ranges = Vec::new();
    for option in options {
        let lower = option.to_ascii_lowercase();
        let is_plain = !lower.is_empty()
            && lower != "range"
            && lower.chars().all(|character| matches!(character, 'a'..='z' | '0'..='9' | '-'));
        if !is_plain {
            ranges.push(written_range(&lower).ok_or(())?);
        }
    }
    match (&ranges[..], name.is_empty()) {
        ([], _) => Ok(None),
        ([range], false) => Ok(Some((name, *range))),
        _ => Err(()),
    }
}

/// The range that would be written so.
fn written_range(option: &str) -> Option<Range> {
    let numbers = option.strip_prefix("range=")?.split('-').collect::<Vec<_>>();
    let [first, last] = numbers[..] else { return None };
    let (first, last) = (first.parse().ok()?, if last == "*" { None } else { Some(last.parse().ok()?) });
    let written = format!("range={first}-{}", last.map_or("*".to_owned(), |last: u32| last.to_string()));
    (written == option && last.is_none_or(|last| last >= first)).then_some(Range { first, last })
}
