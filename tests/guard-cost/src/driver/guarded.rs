use std::sync::Arc;
use std::time::{Duration, Instant};

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, StdStream};
use tokio::task::AbortHandle;
use wire_guard::{
    BindName, BindPassword, BindRequest, Connection, Host, Limits, Pipe, PipeMonitor, Security, Trust, tcp,
};

use super::Driver;
use crate::directory::{READER_DN, READER_PASSWORD};
use crate::target::{Target, Transport};

/// As the provider does it: with the guard between the library and the server, and binds by the guard.
pub struct Guarded {
    target: Target,
    security: Security,
}

/// The library's handle, and what belongs to it.
#[derive(Clone)]
pub struct Searcher {
    ldap: Ldap,
    _kept: Arc<Kept>,
}

struct Kept {
    _monitor: PipeMonitor,
    library: AbortHandle,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.library.abort();
    }
}

impl Guarded {
    /// To this directory.
    pub fn new(target: &Target) -> Self {
        let security = match target.transport {
            Transport::Plain => Security::Plain,
            Transport::Ldaps => Security::Ldaps {
                trust: Trust::verified(Some(&target.ca_file)).expect("the directory's CA"),
                server_name: Host::Address(target.address.ip()).server_name(),
            },
        };
        Self { target: target.clone(), security }
    }
}

impl Driver for Guarded {
    type Searcher = Searcher;
    type Binder = Connection;

    async fn searcher(&self) -> Searcher {
        let mut connection = self.binder().await;
        self.bind(&mut connection, READER_DN, READER_PASSWORD).await;
        let Pipe { stream, monitor } = connection.into_pipe().expect("a pipe");
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(stream));
        let (library, ldap) =
            LdapConnAsync::with_settings(settings, "ldapi:///").await.expect("the library takes the pipe");
        let library = tokio::spawn(library.drive()).abort_handle();
        Searcher { ldap, _kept: Arc::new(Kept { _monitor: monitor, library }) }
    }

    async fn binder(&self) -> Connection {
        let tcp = tcp::connect(&[self.target.address], deadline()).await.expect("a connection");
        Connection::secure(tcp, &self.security, Limits::LOGIN, deadline()).await.expect("a protected connection")
    }

    async fn find(&self, searcher: &mut Searcher, name: &str) -> String {
        super::find(&mut searcher.ldap, name).await
    }

    async fn bind(&self, binder: &mut Connection, dn: &str, password: &str) {
        let password = BindPassword::new(password).expect("a password");
        let request = BindRequest::simple(BindName::new(dn).expect("a DN"), password);
        assert!(binder.bind(request, deadline()).await.expect("an answer to the bind").is_success());
    }
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_mins(1)
}
