//! The password controls of Netscape's directory, which 389-DS still answers with, asked or not
//! (draft-vchu-ldap-pwd-policy-00).

use std::time::Duration;

use crate::{Malformed, integer};

/// The password has expired, or must be changed first. Its value says nothing more.
pub const EXPIRED_OID: &str = "2.16.840.1.113730.3.4.4";

/// The password expires soon; its value [says when](parse_expiring).
pub const EXPIRING_OID: &str = "2.16.840.1.113730.3.4.5";

/// The time until the password expires: whole seconds, as a number in decimal digits, from 0 to 2^63 - 1.
pub fn parse_expiring(value: &[u8]) -> Result<Duration, Malformed> {
    let malformed = |why| Malformed::new("a time until a password expires", why);
    let seconds = integer::parse(value).map_err(|error| malformed(error.why()))?;
    let seconds = u64::try_from(seconds).map_err(|_| malformed("it is negative"))?;
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::parse_expiring;

    #[test]
    fn the_time_is_in_seconds() {
        for (value, seconds) in [(&b"0"[..], 0), (b"600", 600), (b"536457600", 536_457_600)] {
            assert_eq!(parse_expiring(value), Ok(Duration::from_secs(seconds)), "{value:?}");
        }
        assert!(parse_expiring(b"9223372036854775807").is_ok());
    }

    #[test]
    fn anything_but_digits_is_no_time() {
        for value in [
            &b""[..],
            b"-1",
            b"+1",
            b" 1",
            b"1 ",
            b"1\0",
            b"1.5",
            b"00",
            b"01",
            b"1e3",
            b"9223372036854775808",
            b"\xb2",
        ] {
            assert!(parse_expiring(value).is_err(), "{value:?}");
        }
    }
}
