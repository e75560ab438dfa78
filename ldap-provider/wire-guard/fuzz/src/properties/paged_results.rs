use lber::structure::PL;
use wire_guard::paged_results::{Cookie, MAX_COOKIE};

use super::rfc4511;

/// The value of a paged-results control is read (RFC 2696).
///
/// The input is the value. A cookie is read exactly where a second opinion finds one, with the same octets, also by the
/// LDAP library's parser; sent back, it is read again as the same cookie.
pub fn paged_results(input: &[u8]) {
    let read = Cookie::from_control_value(input).ok();
    assert_eq!(read.as_ref().map(Cookie::as_bytes), cookie(input), "{input:02x?}");
    let Some(read) = read else { return };
    assert_eq!(read.is_end(), read.as_bytes().is_empty());
    assert!(read.as_bytes().len() <= MAX_COOKIE);
    assert_eq!(Cookie::from_control_value(&encoded(read.as_bytes())).as_ref(), Ok(&read));
    if rfc4511::count(input).is_some() {
        let (rest, tree) = lber::Parser::new().parse(input).expect("the library's parser takes the value");
        assert!(rest.is_empty(), "the library's parser leaves octets over");
        let PL::C(parts) = tree.payload else { panic!("the library sees no parts") };
        assert_eq!(parts[1].payload, PL::P(read.as_bytes().to_vec()), "the library sees another cookie");
    }
}

/// `SEQUENCE { size INTEGER, cookie OCTET STRING }`, where the size may be anything.
fn cookie(value: &[u8]) -> Option<&[u8]> {
    let [outer] = rfc4511::all(value)?[..] else { return None };
    let [size, cookie] = (outer.tag == 0x30).then(|| rfc4511::all(outer.content))??[..] else { return None };
    (size.tag == 0x02 && cookie.tag == 0x04 && cookie.content.len() <= MAX_COOKIE).then_some(cookie.content)
}

/// The value of the control that asks for the next page, always with lengths of four octets.
fn encoded(cookie: &[u8]) -> Vec<u8> {
    let length = |octets: usize| u32::try_from(octets).expect("a cookie has a limit").to_be_bytes();
    let mut value = vec![0x30, 0x84];
    value.extend(length(3 + 6 + cookie.len()));
    value.extend([0x02, 0x01, 0x00, 0x04, 0x84]);
    value.extend(length(cookie.len()));
    value.extend(cookie);
    value
}
