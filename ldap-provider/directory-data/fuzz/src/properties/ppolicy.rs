use std::time::Duration;

use directory_data::ppolicy::{PolicyError, PolicyResponse, Warning};

/// The value of a password policy's control is read.
///
/// The input is the value. It is a response exactly where a second opinion sees one, and says the same. Written anew in
/// the shortest form, it is the value again but for the form of its lengths, and is read again as the same.
pub fn ppolicy(input: &[u8]) {
    let read = PolicyResponse::parse(input).ok();
    assert_eq!(read, second_opinion(input), "{input:02x?}");
    let Some(read) = read else { return };
    let written = written(read);
    assert_eq!(Some(&written), with_short_lengths(input, 2).as_ref(), "{input:02x?}");
    assert_eq!(PolicyResponse::parse(&written), Ok(read), "{written:02x?}");
}

const ERRORS: [PolicyError; 10] = [
    PolicyError::PasswordExpired,
    PolicyError::AccountLocked,
    PolicyError::ChangeAfterReset,
    PolicyError::PasswordModNotAllowed,
    PolicyError::MustSupplyOldPassword,
    PolicyError::InsufficientPasswordQuality,
    PolicyError::PasswordTooShort,
    PolicyError::PasswordTooYoung,
    PolicyError::PasswordInHistory,
    PolicyError::PasswordTooLong,
];

fn second_opinion(input: &[u8]) -> Option<PolicyResponse> {
    let short = with_short_lengths(input, 2)?;
    let (&[0x30, _], mut parts) = short.split_first_chunk()? else { return None };
    let mut error = None;
    if let Some((before, &[0x81, 1, number])) = parts.split_last_chunk()
        && number < 10
        && before.get(1).is_none_or(|length| usize::from(*length) + 2 == before.len())
    {
        error = Some(ERRORS[usize::from(number)]);
        parts = before;
    }
    let warning = match parts {
        [] => None,
        [0xa0, all, choice @ (0x80 | 0x81), length, number @ ..]
            if usize::from(*all) == number.len() + 2 && usize::from(*length) == number.len() =>
        {
            let mut octets = [0; 4];
            octets.get_mut(4_usize.checked_sub(number.len())?..)?.copy_from_slice(number);
            let count = i32::from_be_bytes(octets);
            // The shortest form with a sign is this one.
            (count >= 0 && integer(count) == number).then_some(())?;
            let count = count.unsigned_abs();
            Some(match choice {
                0x80 => Warning::TimeBeforeExpiration(Duration::from_secs(count.into())),
                _ => Warning::GraceLoginsRemaining(count),
            })
        }
        _ => return None,
    };
    Some(PolicyResponse { warning, error })
}

/// The octets of a number that is not negative, the fewest that have a sign.
fn integer(number: i32) -> Vec<u8> {
    let octets = number.to_be_bytes();
    let bits = 33 - number.leading_zeros() as usize;
    octets[4 - bits.div_ceil(8)..].to_vec()
}

fn written(response: PolicyResponse) -> Vec<u8> {
    let number = |tag, count: u64| element(tag, &integer(i32::try_from(count).expect("at most 31 bits")));
    let mut parts = match response.warning {
        Some(Warning::TimeBeforeExpiration(time)) => {
            assert_eq!(time.subsec_nanos(), 0);
            element(0xa0, &number(0x80, time.as_secs()))
        }
        Some(Warning::GraceLoginsRemaining(count)) => element(0xa0, &number(0x81, count.into())),
        None => Vec::new(),
    };
    if let Some(error) = response.error {
        let code = ERRORS.iter().position(|one| *one == error).expect("one of them");
        parts.extend(number(0x81, code as u64));
    }
    element(0x30, &parts)
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("a short content");
    [&[tag, length], content].concat()
}

/// One element with the lengths of itself and of so many levels within it in one octet each; `None` if it is none, has
/// something behind it, or does not fit.
fn with_short_lengths(octets: &[u8], depth: usize) -> Option<Vec<u8>> {
    let (element, rest) = first_with_short_lengths(octets, depth)?;
    rest.is_empty().then_some(element)
}

fn first_with_short_lengths(octets: &[u8], depth: usize) -> Option<(Vec<u8>, &[u8])> {
    let tag = *octets.first()?;
    let first = *octets.get(1)?;
    let header = match first {
        0..=0x7f => 2,
        0x81..=0x84 => 2 + usize::from(first - 0x80),
        _ => return None,
    };
    let mut length = [0; 8];
    match header {
        2 => length[7] = first,
        _ => length[10 - header..].copy_from_slice(octets.get(2..header)?),
    }
    let length = usize::try_from(u64::from_be_bytes(length)).ok()?;
    let end = header.checked_add(length)?;
    let mut content = octets.get(header..end)?.to_vec();
    if tag & 0x20 != 0 && depth > 0 {
        let mut parts = octets.get(header..end)?;
        content.clear();
        while !parts.is_empty() {
            let (part, rest) = first_with_short_lengths(parts, depth - 1)?;
            content.extend(part);
            parts = rest;
        }
    }
    let length = u8::try_from(content.len()).ok().filter(|length| *length < 0x80)?;
    Some(([&[tag, length], &content[..]].concat(), octets.get(end..)?))
}
