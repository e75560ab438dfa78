//! What a server may answer, encoded; and with octets of one's own, what it may not.

use super::ber::{element, number};

/// The name of the Notice of Disconnection.
pub const NOTICE_OF_DISCONNECTION: &[u8] = b"1.3.6.1.4.1.1466.20036";

/// A message of any content: the operation's tag and octets, and the octets of the controls, if there are any.
pub fn message(id: i64, operation: u8, content: &[u8], controls: Option<&[u8]>) -> Vec<u8> {
    let mut parts = [number(0x02, id), element(operation, content)].concat();
    if let Some(controls) = controls {
        parts.extend(element(0xa0, controls));
    }
    element(0x30, &parts)
}

/// The parts of a result: a code, a matched DN and a diagnostic message.
pub fn result(code: i64, matched_dn: &[u8], diagnostic: &[u8]) -> Vec<u8> {
    [number(0x0a, code), element(0x04, matched_dn), element(0x04, diagnostic)].concat()
}

/// A `BindResponse`.
pub fn bind(id: i64, code: i64) -> Vec<u8> {
    message(id, 0x61, &result(code, b"", b""), None)
}

/// A `SearchResultEntry`: each attribute has a name and values.
pub fn entry<N: AsRef<[u8]>, V: AsRef<[u8]>>(id: i64, dn: impl AsRef<[u8]>, attributes: &[(N, Vec<V>)]) -> Vec<u8> {
    let attributes = joined(attributes, |(name, values)| attribute(name, values));
    message(id, 0x64, &[element(0x04, dn.as_ref()), element(0x30, &attributes)].concat(), None)
}

/// One attribute of an entry.
pub fn attribute<V: AsRef<[u8]>>(name: impl AsRef<[u8]>, values: &[V]) -> Vec<u8> {
    let values = joined(values, |value| element(0x04, value.as_ref()));
    element(0x30, &[element(0x04, name.as_ref()), element(0x31, &values)].concat())
}

/// A `SearchResultDone`.
pub fn done(id: i64, code: i64) -> Vec<u8> {
    message(id, 0x65, &result(code, b"", b""), None)
}

/// A `SearchResultDone` at the end of a page; an empty cookie says that it is the last.
pub fn page_done(id: i64, code: i64, cookie: &[u8]) -> Vec<u8> {
    message(id, 0x65, &result(code, b"", b""), Some(&page(cookie)))
}

/// The control of a page, as it stands among the controls.
pub fn page(cookie: &[u8]) -> Vec<u8> {
    let value = element(0x30, &[number(0x02, 0), element(0x04, cookie)].concat());
    control(b"1.2.840.113556.1.4.319", false, Some(&value))
}

/// A control, as it stands among the controls.
pub fn control(name: &[u8], critical: bool, value: Option<&[u8]>) -> Vec<u8> {
    let mut parts = element(0x04, name);
    if critical {
        parts.extend(element(0x01, &[0xff]));
    }
    parts.extend(value.map(|value| element(0x04, value)).unwrap_or_default());
    element(0x30, &parts)
}

/// A `SearchResultReference`.
pub fn reference<U: AsRef<[u8]>>(id: i64, uris: &[U]) -> Vec<u8> {
    message(id, 0x73, &joined(uris, |uri| element(0x04, uri.as_ref())), None)
}

/// An `ExtendedResponse`, with its name if it has one.
pub fn extended(id: i64, code: i64, name: Option<&[u8]>) -> Vec<u8> {
    let name = name.map(|name| element(0x8a, name)).unwrap_or_default();
    message(id, 0x78, &[result(code, b"", b""), name].concat(), None)
}

/// The Notice of Disconnection as Active Directory sends it, with the name outside of the operation.
pub fn notice_with_its_name_outside(code: i64) -> Vec<u8> {
    let response = element(0x78, &result(code, b"", b""));
    element(0x30, &[number(0x02, 0), response, element(0x8a, NOTICE_OF_DISCONNECTION)].concat())
}

/// The encodings of all items, copied as a whole: octet by octet takes seconds for what some scenarios send.
fn joined<T>(items: &[T], encode: impl Fn(&T) -> Vec<u8>) -> Vec<u8> {
    items.iter().map(encode).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::{NOTICE_OF_DISCONNECTION, bind, entry, extended, notice_with_its_name_outside, page, page_done};

    fn hex(octets: &[u8]) -> String {
        octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn answers_have_the_octets_that_servers_send() {
        assert_eq!(hex(&bind(1, 0)), "30 0c 02 01 01 61 07 0a 01 00 04 00 04 00");
        assert_eq!(hex(&bind(1, 49)), "30 0c 02 01 01 61 07 0a 01 31 04 00 04 00");
        assert_eq!(hex(&extended(1, 0, None)), "30 0c 02 01 01 78 07 0a 01 00 04 00 04 00");
        let notice = hex(&extended(0, 52, Some(NOTICE_OF_DISCONNECTION)));
        assert!(notice.starts_with("30 24 02 01 00 78 1f 0a 01 34 04 00 04 00 8a 16 31 2e 33"), "{notice}");
        let notice = hex(&notice_with_its_name_outside(52));
        assert!(notice.starts_with("30 24 02 01 00 78 07 0a 01 34 04 00 04 00 8a 16 31 2e 33"), "{notice}");
        assert!(hex(&page(b"")).ends_with("04 07 30 05 02 01 00 04 00"));
        assert!(hex(&page_done(1, 0, b"")).contains("65 07 0a 01 00 04 00 04 00 a0 "));
    }

    #[test]
    fn an_entry_has_a_list_of_attributes_with_sets_of_values() {
        let expected = "30 1c 02 01 02 64 17 04 04 64 63 3d 78 30 0f 30 0d 04 02 63 6e 31 07 04 01 61 04 02 62 63";
        assert_eq!(hex(&entry(2, "dc=x", &[("cn", vec!["a", "bc"])])), expected);
    }

    #[test]
    fn numbers_outside_of_what_ldap_allows_can_be_sent() {
        assert_eq!(hex(&bind(-1, 1 << 31)), "30 10 02 01 ff 61 0b 0a 05 00 80 00 00 00 04 00 04 00");
    }
}
