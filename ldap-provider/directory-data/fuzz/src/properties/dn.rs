use std::collections::HashSet;

use directory_data::{AttributeName, Dn, attribute_key, fold_dn_value};

/// DNs are read, compared, and values are escaped for them.
///
/// The input is two DNs with a line feed between them, and also a value. A text is a DN exactly where a second opinion
/// sees one, which takes it apart from the outside; written anew from those parts it is the same DN. Two DNs are the
/// same, have the same key, exactly if those parts are the same. A value that is escaped stays one value and comes back.
pub fn dn(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let dns: Vec<_> = text.splitn(2, '\n').filter_map(check).collect();
    for (one, its_parts) in &dns {
        for (other, other_parts) in &dns {
            check_pair(one, other, its_parts == other_parts);
        }
    }
    check_escaped(text);
    check_member(text);
}

/// Checks a text alone. Returns the DN and what has to be equal.
fn check(text: &str) -> Option<(Dn, Vec<Vec<Part>>)> {
    let read = Dn::parse(text).ok();
    let levels = levels(text);
    assert_eq!(read.is_some(), levels.is_some(), "{text:?}");
    let (Some(read), Some(levels)) = (read, levels) else {
        assert!(Dn::parse(&text.to_ascii_uppercase()).is_err(), "{text:?}");
        return None;
    };
    assert_eq!(read.as_str(), text);
    assert_eq!(read.is_empty(), levels.is_empty());
    assert_eq!(read.levels_below(&Dn::root()), Some(levels.len()));
    let first = levels.first().and_then(|level| level.first());
    let first_value = first.and_then(|(_, value)| value.clone().ok()).filter(|value| !value.is_empty());
    assert_eq!(read.first_value(), first_value, "{text:?}");
    if let Some((name, Ok(value))) = first
        && let Ok(name) = AttributeName::parse(name)
    {
        assert!(read.naming_values(&name).any(|naming| naming == fold_dn_value(value).as_slice()), "{text:?}");
    }

    assert_eq!(read.domain().is_some(), read.dns_name().is_some(), "{text:?}");
    if let Some(domain) = read.domain() {
        assert_eq!(domain.dns_name(), read.dns_name(), "{text:?}");
        assert!(read.levels_below(&domain).is_some(), "{text:?}");
    }

    let written = Dn::parse(&written(&levels)).expect("written as a DN");
    check_pair(&read, &written, true);
    assert_eq!(written.first_value(), read.first_value());
    let upper = Dn::parse(&text.to_ascii_uppercase()).expect("in another case");
    check_pair(&read, &upper, true);
    Some((read, canonical(&levels)))
}

fn check_pair(one: &Dn, other: &Dn, is_same: bool) {
    assert_eq!(one.is_same(other), is_same, "{one:?} {other:?}");
    assert_eq!(other.is_same(one), is_same, "{one:?} {other:?}");
    assert_eq!(one.key() == other.key(), is_same, "{one:?} {other:?}");
    assert_eq!(one.key().cmp(&other.key()).is_eq(), is_same, "{one:?} {other:?}");
    assert_eq!(HashSet::from([one.key(), other.key()]).len() == 1, is_same, "{one:?} {other:?}");
    if one.levels_below(other) == Some(0) {
        assert_eq!(one.generous_key(), other.generous_key(), "{one:?} {other:?}");
    }
    if is_same {
        // What is the same strictly, is the same for a generous server.
        assert_eq!(one.levels_below(other), Some(0), "{one:?} {other:?}");
    }
}

fn check_escaped(value: &str) {
    let escaped = Dn::escape_value(value);
    assert!(!escaped.contains(|character: char| character.is_ascii_control() || "\"+,;<>".contains(character)));
    for (before, behind) in [("cn=", ",dc=x"), ("a=1+cn=", ""), (" cn = ", " + b=2 ; dc=x")] {
        let read = Dn::parse(&format!("{before}{escaped}{behind}")).expect("an escaped value is one");
        let name = AttributeName::parse("cn").expect("a name");
        assert!(read.naming_values(&name).eq([fold_dn_value(value).as_slice()]), "{value:?}");
        if before.trim_start().starts_with("cn") {
            assert_eq!(read.first_value().unwrap_or_default(), value);
        }
    }
}

fn check_member(text: &str) {
    let is_open = (text.len() - text.trim_end_matches('\\').len()) % 2 == 1;
    for bits in ["#''B", "#'0'B", "#'0101'B"] {
        let member = Dn::parse_member(&format!("{text}{bits}"));
        let expected = if is_open { Dn::parse(&format!("{text}{bits}")) } else { Dn::parse(text) };
        assert_eq!(member.map(|dn| dn.as_str().to_owned()), expected.map(|dn| dn.as_str().to_owned()), "{text:?}");
    }
    if !text.ends_with("'B") {
        let (member, dn) = (Dn::parse_member(text), Dn::parse(text));
        assert_eq!(member.map(|dn| dn.key()), dn.map(|dn| dn.key()), "{text:?}");
    }
}

/// The name of an attribute, and its value: text, or the octets of a value in BER.
type Part = (String, Result<String, Vec<u8>>);

/// A character as it is written, or an octet that was escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Plain(char),
    Escaped(u8),
}

/// Undoes the escapes, then splits what is left at `,` and `;`, then at `+`, then at the first `=`.
fn levels(text: &str) -> Option<Vec<Vec<Part>>> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    let tokens = tokens(text)?;
    let split = |tokens: &[Token], at: &'static [char]| -> Vec<Vec<Token>> {
        let is_separator = |token: &Token| matches!(token, Token::Plain(character) if at.contains(character));
        tokens.split(is_separator).map(<[Token]>::to_vec).collect()
    };
    let levels = split(&tokens, &[',', ';']).into_iter().map(|level| {
        let parts = split(&level, &['+']);
        (parts.len() <= 16).then_some(())?;
        parts.iter().map(|part| self::part(part)).collect()
    });
    levels.collect()
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        if first != '\\' {
            tokens.push(Token::Plain(first));
            continue;
        }
        let next = rest.chars().next()?;
        if " \"#+,;<=>\\".contains(next) {
            tokens.push(Token::Escaped(next as u8));
            rest = &rest[1..];
        } else {
            let pair = rest.get(..2).filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
            tokens.push(Token::Escaped(u8::from_str_radix(pair, 16).ok()?));
            rest = &rest[2..];
        }
    }
    Some(tokens)
}

fn part(tokens: &[Token]) -> Option<Part> {
    let middle = tokens.iter().position(|token| *token == Token::Plain('='))?;
    let (name, value) = (trimmed(&tokens[..middle]), trimmed(&tokens[middle + 1..]));
    let name = plain(name)?;
    let is_name = !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-.".contains(&octet));
    is_name.then_some(())?;
    if let Some((Token::Plain('#'), digits)) = value.split_first() {
        let digits = plain(digits)?;
        let is_sound =
            !digits.is_empty() && digits.len() % 2 == 0 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_sound.then_some(())?;
        let octets = digits.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
        return Some((name, Err(octets.collect::<Option<_>>()?)));
    }
    let mut octets = Vec::new();
    for token in value {
        match token {
            Token::Plain('"' | '<' | '>' | '\0') => return None,
            Token::Plain(character) => octets.extend(character.to_string().bytes()),
            Token::Escaped(octet) => octets.push(*octet),
        }
    }
    Some((name, Ok(String::from_utf8(octets).ok()?)))
}

fn plain(tokens: &[Token]) -> Option<String> {
    let characters = tokens.iter().map(|token| match token {
        Token::Plain(character) => Some(*character),
        Token::Escaped(_) => None,
    });
    characters.collect()
}

/// Without the spaces around it that nothing escapes.
fn trimmed(mut tokens: &[Token]) -> &[Token] {
    while let Some((Token::Plain(' '), rest)) = tokens.split_first() {
        tokens = rest;
    }
    while let Some((Token::Plain(' '), rest)) = tokens.split_last() {
        tokens = rest;
    }
    tokens
}

/// What has to be equal: names by their key, text in lower case and with single spaces, parts in any order.
fn canonical(levels: &[Vec<Part>]) -> Vec<Vec<Part>> {
    let value = |value: &Result<String, Vec<u8>>| {
        let text = value.as_ref().map_err(Clone::clone)?.to_lowercase();
        Ok(text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
    };
    let level = |level: &Vec<Part>| {
        let mut parts: Vec<Part> =
            level.iter().map(|part| (attribute_key(&part.0).into_owned(), value(&part.1))).collect();
        parts.sort();
        parts
    };
    levels.iter().map(level).collect()
}

fn written(levels: &[Vec<Part>]) -> String {
    let part = |(name, value): &Part| match value {
        Ok(text) => format!("{name}={}", Dn::escape_value(text)),
        Err(octets) => {
            let digits: Vec<String> = octets.iter().map(|octet| format!("{octet:02X}")).collect();
            format!("{name}=#{}", digits.concat())
        }
    };
    let level = |parts: &Vec<Part>| parts.iter().map(part).collect::<Vec<_>>().join("+");
    levels.iter().map(level).collect::<Vec<_>>().join(",")
}
