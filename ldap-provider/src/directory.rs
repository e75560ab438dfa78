//! Connections to the directory: one for searching as the service account, one for each password that is tried.

use std::net::SocketAddr;
use std::sync::Arc;

use provider_api::{Deadline, Fault};
use wire_guard::{BindName, BindPassword, BindPermit, BindRequest, BindResponse, Connection, Limits, tcp};

use crate::dn::Dn;
use crate::result_code;
use crate::service_connection::ServiceConnection;
use crate::settings::{Account, Config};
use crate::{fault, settings};

/// A directory, as its settings describe it. Where connections come from: for now each is opened for one use.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    pub(crate) config: Arc<Config>,
}

impl Directory {
    pub(crate) fn new(config: settings::Config) -> Self {
        Self { config: Arc::new(config) }
    }

    /// A connection for searching, bound as the service account.
    pub(crate) async fn service(&self, limits: Limits, deadline: Deadline) -> Result<ServiceConnection, Fault> {
        let mut connection = self.open(None, limits, deadline).await?;
        self.bind_service(&mut connection, deadline).await?;
        ServiceConnection::over(connection).await
    }

    /// A connection for one typed password, to the server on which the entry was found if that can be: another that
    /// has the same name may not have the entry, or not its newest password.
    pub(crate) async fn for_user(
        &self,
        server: Option<SocketAddr>,
        deadline: Deadline,
    ) -> Result<UserConnection, Fault> {
        Ok(UserConnection(self.open(server, Limits::LOGIN, deadline).await?))
    }

    async fn open(&self, first: Option<SocketAddr>, limits: Limits, deadline: Deadline) -> Result<Connection, Fault> {
        let tcp = match self.connect_again(first, deadline).await {
            Some(tcp) => tcp,
            None => Self::connect(&self.resolve(deadline).await?, deadline).await?,
        };
        self.secure(tcp, limits, deadline).await
    }

    /// To a server that was just there, and to no other: within half of the time, so that the others can be tried.
    async fn connect_again(&self, server: Option<SocketAddr>, deadline: Deadline) -> Option<tokio::net::TcpStream> {
        let half = deadline.at_most(deadline.remaining() / 2);
        Self::connect(&[server?], half).await.ok()
    }

    pub(crate) async fn resolve(&self, deadline: Deadline) -> Result<Vec<SocketAddr>, Fault> {
        self.config.endpoint.resolve(deadline.instant()).await.map_err(|error| fault::resolve(&error))
    }

    pub(crate) async fn connect(addresses: &[SocketAddr], deadline: Deadline) -> Result<tokio::net::TcpStream, Fault> {
        tcp::connect(addresses, deadline.instant()).await.map_err(|error| fault::connect(&error))
    }

    pub(crate) async fn secure(
        &self,
        tcp: tokio::net::TcpStream,
        limits: Limits,
        deadline: Deadline,
    ) -> Result<Connection, Fault> {
        let endpoint = &self.config.endpoint;
        Connection::secure(tcp, &endpoint.security, limits, deadline.instant())
            .await
            .map_err(|error| fault::secure(endpoint, &error))
    }

    /// Binds as the service account, if there is one: a connection that was never bound is anonymous already.
    pub(crate) async fn bind_service(&self, connection: &mut Connection, deadline: Deadline) -> Result<(), Fault> {
        let Account::Service(name, password) = &self.config.account else { return Ok(()) };
        let password =
            BindPassword::new(password.expose()).map_err(|error| Fault::setting("bind_password", error.to_string()))?;
        let response = connection
            .bind(BindRequest::simple(name.clone(), password), deadline.instant())
            .await
            .map_err(|error| fault::exchange("the bind as the service account", &error))?;
        if response.is_success() {
            return Ok(());
        }
        Err(result_code::service_bind_fault(response.result.code, &response.result.diagnostic))
    }

    /// Whether searches are made as nobody.
    pub(crate) fn is_anonymous(&self) -> bool {
        matches!(self.config.account, Account::Anonymous)
    }
}

/// A connection that carries the bind of one user, and nothing before or after it.
#[derive(Debug)]
pub(crate) struct UserConnection(Connection);

impl UserConnection {
    /// Tries a typed password. On an error the request may have reached the server, and is never sent again.
    pub(crate) async fn bind(
        self,
        dn: &Dn,
        password: BindPassword,
        permit: BindPermit,
        deadline: Deadline,
    ) -> Result<BindResponse, Fault> {
        // The guard has no way to build a request without a name: the root's empty DN would bind as nobody, and
        // succeed.
        let name = BindName::new(dn.as_str())
            .map_err(|error| fault::protocol_violation(format_args!("the entry's DN: {error}")))?;
        let request = BindRequest::simple(name, password);
        self.0.bind_user(request, permit, deadline.instant()).await.map_err(|error| fault::user_bind(&error))
    }
}
