//! The password controls of Netscape's directory, which 389-DS still answers with, asked or not
//! (draft-vchu-ldap-pwd-policy-00 section 4).

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
