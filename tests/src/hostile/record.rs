//! What the server was asked, and what must never be among that.

use super::directory::SERVICE_DN;
use super::transport::Transport;
use super::wire::Request;

/// One request.
#[derive(Clone, Debug)]
pub struct Received {
    /// Which connection of the server's, counted from 0.
    pub connection: usize,
    /// Whether it came under TLS.
    pub protected: bool,
    /// What it was, or why it is no request.
    pub request: Result<Request, String>,
}

impl Received {
    /// What holds whatever a server does: nothing that is not LDAP, no bind of nobody or that proves nothing, and none
    /// in the clear where TLS was asked for.
    pub fn check(&self, transport: Transport) -> Result<(), String> {
        let (name, password) = match &self.request {
            Err(problem) => return Err(format!("the client sent what is no request: {problem}")),
            Ok(Request::SaslBind | Request::Other(_)) => return Err(format!("the client sent {:?}", self.request)),
            Ok(Request::Bind { name, password }) => (String::from_utf8_lossy(name), password),
            Ok(_) => return Ok(()),
        };
        if name.is_empty() {
            return Err("an anonymous bind, in spite of a service account".to_owned());
        }
        if password.is_empty() {
            return Err(format!("a bind that proves nothing, as {name}"));
        }
        if !self.protected && transport != Transport::Plain {
            return Err(format!("a bind in the clear, as {name}"));
        }
        Ok(())
    }

    /// Whether this is a simple bind of a user.
    pub fn is_user_bind(&self) -> bool {
        matches!(&self.request, Ok(Request::Bind { name, .. }) if !name.is_empty() && name != SERVICE_DN.as_bytes())
    }
}

/// Everything that a server was asked.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The requests in their order.
    pub requests: Vec<Received>,
    /// The connections that were made.
    pub connections: usize,
    /// The octets that the server got rid of, TLS not counted.
    pub sent: usize,
}

impl Record {
    /// The requests that are simple binds of users.
    pub fn user_binds(&self) -> usize {
        self.requests.iter().filter(|received| received.is_user_bind()).count()
    }

    /// All binds, SASL ones too.
    pub fn all_binds(&self) -> usize {
        let bind = |request: &&Received| matches!(request.request, Ok(Request::Bind { .. } | Request::SaslBind));
        self.requests.iter().filter(bind).count()
    }

    /// The searches for users, as opposed to those for the base entry.
    pub fn user_searches(&self) -> usize {
        let search = |received: &&Received| matches!(received.request, Ok(Request::Search { scope: 1.., .. }));
        self.requests.iter().filter(search).count()
    }

    /// What holds of each request, and no more than one bind as a user for each login.
    pub fn check(&self, transport: Transport, logins: usize) -> Result<(), String> {
        self.requests.iter().try_for_each(|received| received.check(transport))?;
        if self.user_binds() > logins {
            return Err(format!("{} binds as users for {logins} logins", self.user_binds()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Received, Record};
    use crate::hostile::directory::{ALICE, SERVICE_DN};
    use crate::hostile::transport::Transport;
    use crate::hostile::wire::Request;

    fn record(protected: bool, binds: &[(&str, &str)]) -> Record {
        let request = |&(name, password): &(&str, &str)| Received {
            connection: 0,
            protected,
            request: Ok(Request::Bind { name: name.into(), password: password.into() }),
        };
        Record { requests: binds.iter().map(request).collect(), ..Record::default() }
    }

    #[test]
    fn the_record_notices_what_must_never_be() {
        let alice = ALICE.dn();
        let right: &[(&str, &str)] = &[(SERVICE_DN, "x"), (&alice, "x")];
        assert_eq!(record(false, right).check(Transport::Plain, 1), Ok(()));
        assert_eq!(record(true, right).check(Transport::StartTls, 1), Ok(()));
        assert!(record(false, right).check(Transport::StartTls, 1).is_err());
        assert!(record(false, right).check(Transport::Ldaps, 1).is_err());
        assert!(record(true, right).check(Transport::Ldaps, 0).is_err());
        assert!(record(true, &[(&alice, "")]).check(Transport::Ldaps, 1).is_err());
        assert!(record(true, &[(SERVICE_DN, "")]).check(Transport::Ldaps, 1).is_err());
        assert!(record(true, &[("", "")]).check(Transport::Ldaps, 1).is_err());
        let mut garbage = record(true, &[]);
        garbage.requests.push(Received { connection: 0, protected: true, request: Err("30 00".to_owned()) });
        assert!(garbage.check(Transport::Ldaps, 1).is_err());
    }
}
