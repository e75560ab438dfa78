use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::ber::{self, INTEGER, OCTET_STRING, SEQUENCE};
use crate::message::operation::BIND_REQUEST;

/// `simple [0] OCTET STRING` within a bind request.
const SIMPLE: u8 = 0x80;

/// The LDAP version as it is written, RFC 4511 section 4.2.
const VERSION_3: [u8; 3] = [INTEGER, 1, 3];

/// `controls [0]` of a message.
const CONTROLS: u8 = 0xa0;

/// The password policy's request control (draft-behera-ldap-password-policy-10 section 6.1), which has no value: asks
/// the server to say with its answer what is the matter with the account or the password. Never critical: servers that do
/// not know a critical control refuse the bind, and Samba 4.17 does not answer at all.
const PASSWORD_POLICY: &[u8] = b"1.3.6.1.4.1.42.2.27.8.5.1";

/// A name or a password with which no bind request can be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unbindable {
    /// An empty name makes an anonymous bind, which many servers answer with success although nobody was
    /// authenticated.
    #[error("the name to bind as is empty; servers answer such a bind with success although nobody is authenticated")]
    EmptyName,
    /// An empty password makes an "unauthenticated bind" (RFC 4513 section 5.1.2), which many servers answer with
    /// success.
    #[error(
        "the password to bind with is empty; servers answer such a bind with success although nobody is authenticated"
    )]
    EmptyPassword,
    /// Some servers cut names and passwords at the first NUL, so `right\0anything` would bind.
    #[error("a NUL character, at which some servers cut a name or a password")]
    Nul,
}

/// A name to bind as: not empty, without NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindName(String);

impl BindName {
    /// Checks a name.
    pub fn new(name: &str) -> Result<Self, Unbindable> {
        match name {
            "" => Err(Unbindable::EmptyName),
            _ if name.contains('\0') => Err(Unbindable::Nul),
            _ => Ok(Self(name.to_owned())),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A password to bind with: not empty, without NUL, wiped when dropped, never printed.
pub struct BindPassword(Zeroizing<Vec<u8>>);

impl BindPassword {
    /// Checks a password and keeps a copy of it.
    pub fn new(password: &str) -> Result<Self, Unbindable> {
        match password {
            "" => Err(Unbindable::EmptyPassword),
            _ if password.contains('\0') => Err(Unbindable::Nul),
            _ => Ok(Self(Zeroizing::new(password.as_bytes().to_vec()))),
        }
    }
}

impl fmt::Debug for BindPassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// A bind request that can be sent: always with a name and a password, and asking for the state of the password. There is
/// none for an anonymous bind, whose success says nothing about anyone; a connection that was never bound is anonymous
/// already.
#[derive(Debug)]
pub struct BindRequest {
    name: BindName,
    password: BindPassword,
}

impl BindRequest {
    /// A bind by name and password.
    pub fn simple(name: BindName, password: BindPassword) -> Self {
        Self { name, password }
    }

    /// The password alone.
    pub(super) fn into_password(self) -> BindPassword {
        self.password
    }

    /// The whole message, in memory that is wiped; the password itself is wiped here. There is one buffer, allocated at
    /// its final size, so that growing leaves no copy behind.
    pub(crate) fn encode(self, id: u32) -> Zeroizing<Vec<u8>> {
        let (name, password) = (self.name.0.as_bytes(), &self.password.0);
        let bind = VERSION_3.len() + ber::element_length(name.len()) + ber::element_length(password.len());
        let control = ber::element_length(PASSWORD_POLICY.len());
        let controls = ber::element_length(control);
        let content = ber::integer_length(id) + ber::element_length(bind) + ber::element_length(controls);
        let mut message = Zeroizing::new(Vec::with_capacity(ber::element_length(content)));
        ber::push_header(&mut message, SEQUENCE, content);
        ber::push_integer(&mut message, id);
        ber::push_header(&mut message, BIND_REQUEST, bind);
        message.extend_from_slice(&VERSION_3);
        ber::push_octets(&mut message, OCTET_STRING, name);
        ber::push_octets(&mut message, SIMPLE, password);
        ber::push_header(&mut message, CONTROLS, controls);
        ber::push_header(&mut message, SEQUENCE, control);
        ber::push_octets(&mut message, OCTET_STRING, PASSWORD_POLICY);
        message
    }
}

#[cfg(test)]
mod tests {
    use super::{BindName, BindPassword, BindRequest, Unbindable};

    fn request(name: &str, password: &str) -> BindRequest {
        BindRequest::simple(BindName::new(name).unwrap(), BindPassword::new(password).unwrap())
    }

    #[test]
    fn a_bind_with_a_name_and_an_empty_password_cannot_be_built() {
        assert_eq!(BindPassword::new("").unwrap_err(), Unbindable::EmptyPassword);
        assert_eq!(BindName::new("").unwrap_err(), Unbindable::EmptyName);
    }

    #[test]
    fn a_nul_cannot_cut_a_name_or_a_password() {
        for cut in ["\0", "right\0junk", "right\0", "\0right"] {
            assert_eq!(BindPassword::new(cut).unwrap_err(), Unbindable::Nul);
            assert_eq!(BindName::new(cut).unwrap_err(), Unbindable::Nul);
        }
    }

    #[test]
    fn a_request_fills_the_one_buffer_that_it_is_written_to() {
        for (name, password, id) in [(1, 1, 1), (127, 128, 128), (300, 20, 70_000), (20, 70_000, i32::MAX as u32)] {
            let encoded = request(&"n".repeat(name), &"p".repeat(password)).encode(id);
            assert_eq!(encoded.len(), encoded.capacity(), "{name} {password} {id}");
        }
    }

    #[test]
    fn a_request_is_encoded_as_rfc_4511_has_it() {
        let expected = [
            &[0x30, 0x3e, 0x02, 0x01, 0x01, 0x60, 0x1a, 0x02, 0x01, 0x03, 0x04, 0x0e][..],
            b"uid=alice,dc=x",
            &[0x80, 0x05],
            b"right",
            &[0xa0, 0x1d, 0x30, 0x1b, 0x04, 0x19],
            b"1.3.6.1.4.1.42.2.27.8.5.1",
        ]
        .concat();
        assert_eq!(**request("uid=alice,dc=x", "right").encode(1), expected);
    }

    #[test]
    fn a_password_keeps_every_octet_and_its_length() {
        let long = "pässwörd ".repeat(100);
        let encoded = request("cn=x", &long).encode(1);
        let (start, end) = (encoded.len() - 31 - long.len(), encoded.len() - 31);
        assert_eq!(&encoded[start..end], long.as_bytes());
    }

    #[test]
    fn a_request_prints_no_password() {
        assert!(!format!("{:?}", request("cn=x", "hunter2")).contains("hunter2"));
    }
}
