use super::ber::{Element, Elements};
use super::{Filter, Request};

const PAGED_RESULTS: &[u8] = b"1.2.840.113556.1.4.319";

/// Decodes one whole message: its id and the request. Strict: what RFC 4511 does not let a client send is an error.
pub fn decode(message: &[u8]) -> Result<(i64, Request), String> {
    let mut outer = Elements::of(message);
    let mut parts = Elements::of(outer.expect(0x30)?);
    outer.end()?;
    let id = parts.number(0x02)?;
    if !(1..=i64::from(i32::MAX)).contains(&id) {
        return Err(format!("message id {id}"));
    }
    let operation = parts.element()?.ok_or("a message without an operation")?;
    let paged = match parts.element()? {
        Some(Element { tag: 0xa0, content }) => paged_results(content)?,
        Some(Element { tag, .. }) => return Err(format!("{tag:#x} behind the operation")),
        None => None,
    };
    parts.end()?;
    Ok((id, request(operation, paged)?))
}

fn request(operation: Element<'_>, paged: Option<(u32, Vec<u8>)>) -> Result<Request, String> {
    let mut parts = Elements::of(operation.content);
    let request = match operation.tag {
        0x60 => return bind(parts),
        0x63 => return search(parts, paged),
        // These are no SEQUENCE: their content is a value.
        0x42 if operation.content.is_empty() => return Ok(Request::Unbind),
        0x42 => return Err("an Unbind that is not empty".to_owned()),
        0x50 => return Ok(Request::Abandon),
        0x77 => {
            let name = parts.expect(0x80)?.to_vec();
            if let Some(value) = parts.element()?
                && value.tag != 0x81
            {
                return Err(format!("{:#x} in an ExtendedRequest", value.tag));
            }
            Request::Extended { name }
        }
        other => return Ok(Request::Other(other)),
    };
    parts.end()?;
    Ok(request)
}

fn bind(mut parts: Elements<'_>) -> Result<Request, String> {
    let version = parts.number(0x02)?;
    if version != 3 {
        return Err(format!("version {version}"));
    }
    let name = parts.expect(0x04)?.to_vec();
    let authentication = parts.element()?.ok_or("a bind without authentication")?;
    parts.end()?;
    match authentication.tag {
        0x80 => Ok(Request::Bind { name, password: authentication.content.to_vec() }),
        0xa3 => Ok(Request::SaslBind),
        other => Err(format!("authentication by {other:#x}")),
    }
}

fn search(mut parts: Elements<'_>, paged: Option<(u32, Vec<u8>)>) -> Result<Request, String> {
    let base = parts.expect(0x04)?.to_vec();
    let scope = unsigned(parts.number(0x0a)?)?;
    let aliases = parts.number(0x0a)?;
    let size_limit = unsigned(parts.number(0x02)?)?;
    let time_limit = parts.number(0x02)?;
    parts.boolean()?;
    if scope > 3 || !(0..=3).contains(&aliases) || time_limit < 0 {
        return Err(format!("scope {scope}, aliases {aliases}, time limit {time_limit}"));
    }
    let filter = filter(parts.element()?.ok_or("a search without a filter")?)?;
    let mut wanted = Elements::of(parts.expect(0x30)?);
    parts.end()?;
    let mut attributes = Vec::new();
    while let Some(name) = wanted.element()? {
        if name.tag != 0x04 {
            return Err(format!("{:#x} as the name of an attribute", name.tag));
        }
        attributes.push(name.content.to_vec());
    }
    Ok(Request::Search { base, scope, size_limit, filter, attributes, paged })
}

fn filter(element: Element<'_>) -> Result<Filter, String> {
    let mut parts = Elements::of(element.content);
    let several = |mut parts: Elements<'_>| {
        let mut filters = Vec::new();
        while let Some(part) = parts.element()? {
            filters.push(filter(part)?);
        }
        if filters.is_empty() { Err("no filters in a set of filters".to_owned()) } else { Ok(filters) }
    };
    match element.tag {
        0xa0 => Ok(Filter::And(several(parts)?)),
        0xa1 => Ok(Filter::Or(several(parts)?)),
        0xa2 => {
            let inner = filter(parts.element()?.ok_or("no filter in a negation")?)?;
            parts.end()?;
            Ok(Filter::Not(Box::new(inner)))
        }
        0xa3 => {
            let (attribute, value) = (parts.expect(0x04)?.to_vec(), parts.expect(0x04)?.to_vec());
            parts.end()?;
            Ok(Filter::Equality { attribute, value })
        }
        0x87 => Ok(Filter::Present(element.content.to_vec())),
        other @ (0xa4 | 0xa5 | 0xa6 | 0xa8 | 0xa9) => Ok(Filter::Other(other)),
        other => Err(format!("{other:#x} as a filter")),
    }
}

/// Page size and cookie, if one of the controls asks for pages (RFC 2696).
fn paged_results(content: &[u8]) -> Result<Option<(u32, Vec<u8>)>, String> {
    let mut paged = None;
    let mut controls = Elements::of(content);
    while let Some(control) = controls.element()? {
        if control.tag != 0x30 {
            return Err(format!("{:#x} as a control", control.tag));
        }
        let mut parts = Elements::of(control.content);
        let name = parts.expect(0x04)?;
        let mut value = None;
        // A copy looks ahead: criticality may be left out.
        if let Some(Element { tag: 0x01, .. }) = parts.clone().element()? {
            parts.boolean()?;
        }
        if let Some(Element { tag: 0x04, .. }) = parts.clone().element()? {
            value = Some(parts.expect(0x04)?);
        }
        parts.end()?;
        if name == PAGED_RESULTS {
            let mut outer = Elements::of(value.ok_or("the control for pages without a value")?);
            let mut parts = Elements::of(outer.expect(0x30)?);
            outer.end()?;
            let page = (unsigned(parts.number(0x02)?)?, parts.expect(0x04)?.to_vec());
            parts.end()?;
            if paged.replace(page).is_some() {
                return Err("two controls for pages".to_owned());
            }
        }
    }
    Ok(paged)
}

fn unsigned(number: i64) -> Result<u32, String> {
    // Numbers of LDAP go up to maxInt, 2147483647.
    i32::try_from(number).ok().and_then(|number| u32::try_from(number).ok()).ok_or_else(|| format!("number {number}"))
}

#[cfg(test)]
mod tests {
    use super::decode;
    use crate::hostile::wire::ber::{element, number};
    use crate::hostile::wire::{Filter, Request, START_TLS};

    fn hex(text: &str) -> Vec<u8> {
        text.split_whitespace().map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect()
    }

    #[test]
    fn the_bind_that_proves_nothing_is_told_from_others() {
        let bytes = hex("30 1a 02 01 01 60 15 02 01 03 04 0e 75 69 64 3d 61 6c 69 63 65 2c 64 63 3d 78 80 00");
        let bind = Request::Bind { name: b"uid=alice,dc=x".to_vec(), password: Vec::new() };
        assert_eq!(decode(&bytes), Ok((1, bind)));
    }

    #[test]
    fn extended_requests_are_known_by_their_name() {
        let bytes = hex("30 1d 02 01 01 77 18 80 16 31 2e 33 2e 36 2e 31 2e 34 2e 31 2e 31 34 36 36 2e 32 30 30 33 37");
        assert_eq!(decode(&bytes), Ok((1, Request::Extended { name: START_TLS.to_vec() })));
        let bytes =
            hex("30 1e 02 01 02 77 19 80 17 31 2e 33 2e 36 2e 31 2e 34 2e 31 2e 34 32 30 33 2e 31 2e 31 31 2e 33");
        assert_eq!(decode(&bytes), Ok((2, Request::Extended { name: b"1.3.6.1.4.1.4203.1.11.3".to_vec() })));
    }

    #[test]
    fn a_search_is_taken_apart_with_its_filter_and_its_page() {
        let equality = [element(4, b"uid"), element(4, b"a*")].concat();
        let negation = element(0xa2, &element(0x87, b"cn"));
        let filter = element(0xa0, &[element(0xa3, &equality), negation, element(0xa4, b"")].concat());
        let content = [
            element(4, b"dc=x"),
            number(0x0a, 2),
            number(0x0a, 0),
            number(2, 300),
            number(2, 0),
            element(1, &[0]),
            filter,
            element(0x30, &element(4, b"uid")),
        ];
        let value = element(0x30, &hex("02 02 01 f4 04 00")[..]);
        assert_eq!(value, hex("30 06 02 02 01 f4 04 00"));
        let control = [element(4, b"1.2.840.113556.1.4.319"), element(1, &[0xff]), element(4, &value)].concat();
        let controls = element(0xa0, &element(0x30, &control));
        let message = [number(2, 7), element(0x63, &content.concat()), controls].concat();
        let expected = Request::Search {
            base: b"dc=x".to_vec(),
            scope: 2,
            size_limit: 300,
            filter: Filter::And(vec![
                Filter::Equality { attribute: b"uid".to_vec(), value: b"a*".to_vec() },
                Filter::Not(Box::new(Filter::Present(b"cn".to_vec()))),
                Filter::Other(0xa4),
            ]),
            attributes: vec![b"uid".to_vec()],
            paged: Some((500, Vec::new())),
        };
        assert_eq!(decode(&element(0x30, &message)), Ok((7, expected)));
    }

    #[test]
    fn what_a_client_must_not_send_is_an_error() {
        for bytes in [
            "",
            "30 00",
            "30 05 02 01 01 42 00 00",
            "30 06 02 01 01 42 00 04",
            "30 05 02 01 00 42 00",
            "30 81 05 02 01 01 42 00",
            "30 80 02 01 01 42 00 00 00",
            "30 06 02 02 00 01 42 00",
            "30 06 02 01 01 42 01 00",
            "30 0c 02 01 01 60 07 02 01 02 04 00 80 00",
            "30 0d 02 01 01 60 08 02 01 03 04 00 81 01 61",
        ] {
            assert!(decode(&hex(bytes)).is_err(), "{bytes}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let bind = Request::Bind { name: b"cn=x".to_vec(), password: b"hunter2".to_vec() };
        assert_eq!(format!("{bind:?}"), "Bind as \"cn=x\" with 7 octets of password");
    }
}
