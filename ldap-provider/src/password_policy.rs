//! What a server says of the account and the password in the controls of its answer to a bind.

use std::time::Duration;

use directory_data::ppolicy::{self, PolicyError, PolicyResponse, Warning};
use directory_data::{Malformed, netscape};
use wire_guard::message::Control;

/// What the controls say together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) error: Option<PolicyError>,
    /// The password has expired, and so many more logins are let through.
    pub(crate) grace_logins: Option<u32>,
    /// How long the password has to live.
    pub(crate) expires_in: Option<Duration>,
    /// The older control for a password that has expired, or has to be changed.
    pub(crate) has_expired: bool,
}

/// Controls that say something that nobody can understand, or say it twice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Garbled {
    #[error("a control that {0}")]
    Malformed(#[from] Malformed),
    #[error("the control {0} without a value")]
    Empty(&'static str),
    #[error("the control {0} twice")]
    Twice(&'static str),
}

impl Said {
    /// Reads the controls of an answer. Others than those of password policies are passed over.
    pub(crate) fn read(controls: &[Control]) -> Result<Self, Garbled> {
        let mut said = Self::default();
        if let Some(control) = one(controls, ppolicy::OID)? {
            let response = PolicyResponse::parse(control.value.as_deref().ok_or(Garbled::Empty(ppolicy::OID))?)?;
            said.error = response.error;
            match response.warning {
                Some(Warning::GraceLoginsRemaining(logins)) => said.grace_logins = Some(logins),
                Some(Warning::TimeBeforeExpiration(left)) => said.expires_in = Some(left),
                None => {}
            }
        }
        said.has_expired = one(controls, netscape::EXPIRED_OID)?.is_some();
        if let Some(control) = one(controls, netscape::EXPIRING_OID)? {
            let value = control.value.as_deref().ok_or(Garbled::Empty(netscape::EXPIRING_OID))?;
            let left = netscape::parse_expiring(value)?;
            said.expires_in.get_or_insert(left);
        }
        Ok(said)
    }
}

fn one<'a>(controls: &'a [Control], oid: &'static str) -> Result<Option<&'a Control>, Garbled> {
    let mut named = controls.iter().filter(|control| control.oid == oid);
    let first = named.next();
    if named.next().is_some() { Err(Garbled::Twice(oid)) } else { Ok(first) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use directory_data::{netscape, ppolicy};
    use wire_guard::message::Control;

    use super::Said;

    fn control(oid: &str, value: Option<&[u8]>) -> Control {
        Control { oid: oid.to_owned(), value: value.map(<[u8]>::to_vec) }
    }

    #[test]
    fn the_newer_control_and_the_older_ones_are_read_together() {
        let policy = control(ppolicy::OID, Some(&[0x30, 6, 0xa0, 4, 0x80, 2, 2, 0x58]));
        let expiring = control(netscape::EXPIRING_OID, Some(b"700"));
        let left = |controls: &[Control]| Said::read(controls).unwrap().expires_in;
        assert_eq!(left(std::slice::from_ref(&policy)), Some(Duration::from_mins(10)));
        assert_eq!(left(std::slice::from_ref(&expiring)), Some(Duration::from_secs(700)));
        assert_eq!(left(&[expiring, policy]), Some(Duration::from_mins(10)));
        assert_eq!(left(&[control("1.2.3", Some(b"?"))]), None);
        assert!(Said::read(&[control(netscape::EXPIRED_OID, Some(b"0"))]).unwrap().has_expired);
    }

    #[test]
    fn what_cannot_be_understood_says_nothing() {
        let nothing = control(ppolicy::OID, Some(&[0x30, 0]));
        assert!(Said::read(std::slice::from_ref(&nothing)).is_ok());
        for garbled in [
            vec![nothing.clone(), nothing],
            vec![control(ppolicy::OID, None)],
            vec![control(ppolicy::OID, Some(&[0x30, 3, 0x81, 1, 99]))],
            vec![control(netscape::EXPIRING_OID, None)],
            vec![control(netscape::EXPIRING_OID, Some(b"soon"))],
        ] {
            assert!(Said::read(&garbled).is_err(), "{garbled:?}");
        }
    }
}
