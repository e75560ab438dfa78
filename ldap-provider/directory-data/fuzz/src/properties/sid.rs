use directory_data::active_directory::Sid;

/// The octets of a security identifier are read.
///
/// The input is the value. It is one exactly if it has as many octets as it says. From its text the octets come back.
/// The identifier beside it in its domain differs in the last number alone, and only an account of a domain has one.
pub fn sid(input: &[u8]) {
    let read = Sid::parse(input);
    let is_sound = matches!(input, [1, count @ 1..=15, ..] if input.len() == 8 + 4 * usize::from(*count));
    assert_eq!(read.is_ok(), is_sound, "{input:02x?}");
    let Ok(read) = read else { return };
    assert_eq!(read.as_bytes(), input);
    let text = read.to_string();
    assert_eq!(octets(&text).as_deref(), Some(input), "{text}");

    let (before, own) = text.rsplit_once('-').expect("a last number");
    let is_of_domain = before.strip_prefix("S-1-5-21-").is_some_and(|domain| domain.split('-').count() == 3);
    let own: u32 = own.parse().expect("a number");
    for rid in [own, own.rotate_left(7), 513, 0, u32::MAX] {
        let beside = read.domain_with(rid);
        assert_eq!(beside.is_some(), is_of_domain, "{text}");
        let Some(beside) = beside else { continue };
        assert_eq!(beside.to_string(), format!("{before}-{rid}"));
        assert_eq!(Sid::parse(beside.as_bytes()).as_ref(), Ok(&beside));
        assert_eq!(beside == read, rid == own);
        assert_eq!(beside.domain_with(own).as_ref(), Some(&read));
    }
}

/// The octets of the text of an identifier.
fn octets(text: &str) -> Option<Vec<u8>> {
    let mut numbers = text.strip_prefix("S-1-")?.split('-');
    let authority = numbers.next()?;
    let authority = match authority.strip_prefix("0x") {
        Some(digits) => {
            let number = u64::from_str_radix(digits, 16).ok().filter(|number| *number > u32::MAX.into())?;
            (digits.len() == 12).then_some(number)?
        }
        None => u64::from(authority.parse::<u32>().ok()?),
    };
    let numbers: Vec<u32> = numbers.map(|number| number.parse().ok()).collect::<Option<_>>()?;
    let mut octets = vec![1, u8::try_from(numbers.len()).ok()?];
    octets.extend(&authority.to_be_bytes()[2..]);
    octets.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    Some(octets)
}
