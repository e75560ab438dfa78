//! How a connection is made: addresses, TCP, TLS, the service account.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use provider_api::{Deadline, Fault, FaultKind};
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use wire_guard::{Connection, Found, Limits, SecureError, Security, tcp};

use super::super::breaker::Availability;
use super::super::detection::Asked;
use super::super::open_connection::OpenConnection;
use super::super::steps::Steps;
use super::Server;
use crate::fault;
use crate::kind::RootDse;

impl Server {
    pub(crate) async fn resolve(&self, deadline: Deadline) -> Result<Vec<SocketAddr>, Fault> {
        self.endpoint.resolve(deadline.instant()).await.map_err(|error| fault::resolve(&error))
    }

    pub(crate) async fn connect(&self, addresses: &[SocketAddr], deadline: Deadline) -> Result<TcpStream, Fault> {
        let began = Instant::now();
        let tcp = tcp::connect(addresses, deadline.instant()).await.map_err(|error| fault::connect(&error))?;
        self.note_round_trip(began.elapsed());
        Ok(tcp)
    }

    pub(crate) async fn secure(
        &self,
        tcp: TcpStream,
        limits: Limits,
        deadline: Deadline,
    ) -> Result<(Connection, OpenConnection), Fault> {
        self.secure_by(&self.endpoint.security, tcp, limits, deadline).await
    }

    /// With a look at the server's certificate as it is now, also if a session could be resumed.
    pub(crate) async fn secure_anew(
        &self,
        tcp: TcpStream,
        limits: Limits,
        deadline: Deadline,
    ) -> Result<(Connection, OpenConnection), Fault> {
        self.secure_by(&self.endpoint.security.never_resuming(), tcp, limits, deadline).await
    }

    async fn secure_by(
        &self,
        security: &Security,
        tcp: TcpStream,
        limits: Limits,
        deadline: Deadline,
    ) -> Result<(Connection, OpenConnection), Fault> {
        let open = OpenConnection::count(&self.metrics);
        let is_plain = matches!(security, Security::Plain);
        let handshake = (!is_plain).then(|| self.metrics.tls_handshakes.add_when_dropped());
        let secured = Connection::secure(tcp, security, limits, deadline.instant()).await;
        let connection = secured.map_err(|error| {
            if let Some(handshake) = handshake
                && matches!(error, SecureError::StartTlsRefused(_) | SecureError::StartTls(_) | SecureError::Trust(_))
            {
                handshake.withdraw();
            }
            fault::secure(&self.endpoint, &error)
        })?;
        Ok((connection, open))
    }

    /// Finds out which kind of directory it is, if that is not known.
    pub(super) async fn detect(
        &self,
        connection: Connection,
        asked: Asked,
        deadline: Deadline,
    ) -> Result<Connection, Fault> {
        if self.detection.is_settled() {
            return Ok(connection);
        }
        let (connection, root_dse) = self.root_dse(connection, deadline).await?;
        self.detection.learn(&root_dse, asked)?;
        Ok(connection)
    }

    /// What the server says of itself.
    pub(crate) async fn root_dse(
        &self,
        connection: Connection,
        deadline: Deadline,
    ) -> Result<(Connection, Found), Fault> {
        let read = connection.root_dse(&RootDse::ATTRIBUTES, deadline.instant()).await;
        read.map_err(|error| fault::exchange("reading the server's root DSE", &error))
    }

    /// The service account's bind, whether or not it was refused just before.
    pub(crate) async fn bind_service_anyway(
        &self,
        opened: (Connection, OpenConnection),
        deadline: Deadline,
    ) -> Result<(Connection, OpenConnection), Fault> {
        self.account.bind_anyway(opened, &self.config.account, &self.metrics, deadline).await
    }

    /// A connection for a listing, which is nobody else's.
    pub(crate) async fn for_listing(
        self: &Arc<Self>,
        steps: Steps,
        deadline: Deadline,
    ) -> Result<(Connection, OpenConnection), Fault> {
        let server = Arc::clone(self);
        // In the background: a service account that is refused has to be noticed even if nobody waits any more.
        let opening = tokio::spawn(async move { server.dedicated(steps, deadline).await });
        match timeout_at(deadline.instant().into(), opening).await {
            Ok(opened) => opened.unwrap_or_else(|_| Err(Fault::internal("opening a connection has panicked"))),
            Err(_) => Err(fault::timeout(&format!("connecting to {}", self.endpoint))),
        }
    }

    async fn dedicated(&self, steps: Steps, deadline: Deadline) -> Result<(Connection, OpenConnection), Fault> {
        self.check_account()?;
        let addresses = self.in_order(self.resolve(deadline.at_most(steps.resolve)).await?);
        let deadline = deadline.at_most(steps.connect);
        let tcp = self.connect(&addresses, deadline).await?;
        let peer = tcp.peer_addr().ok();
        let made = async {
            let (connection, open) = self.bound(tcp, Limits::LISTING, deadline).await?;
            Ok((self.detect(connection, Asked::AsWhoSearches, deadline).await?, open))
        };
        self.or_shun(peer, steps, made.await)
    }

    /// Nobody has to be dialled to hear again what was said less than a minute ago, or what still has no answer.
    pub(in crate::directory) fn check_account(&self) -> Result<(), Fault> {
        self.account.hindrance(Instant::now()).map_or(Ok(()), Err)
    }

    /// Takes note that an attempt to connect has ended for this before it began.
    pub(super) fn is_hindered(&self, hindrance: &Fault) {
        // What is known without asking says nothing about the server. But if it has refused the account after nobody waited
        // any more, it has answered, and people are told whose password is wrong. Where there is another server, they are
        // better off there.
        if hindrance.kind() == FaultKind::Misconfigured && self.config.endpoints.len() == 1 {
            self.is_back();
        } else {
            self.breaker.probe_ended();
        }
    }

    /// Takes note that the server can be reached.
    pub(crate) fn is_back(&self) {
        let was_down = self.availability() != Availability::Available;
        if self.breaker.close(Instant::now()) {
            self.recoveries.send_replace(());
            if was_down {
                self.wake_who_waits_at_others();
            }
        }
    }

    pub(super) async fn bound(
        &self,
        tcp: TcpStream,
        limits: Limits,
        deadline: Deadline,
    ) -> Result<(Connection, OpenConnection), Fault> {
        let opened = self.secure(tcp, limits, deadline).await?;
        let began = Instant::now();
        let bound = self.account.bind(opened, &self.config.account, &self.metrics, deadline).await?;
        if !self.config.is_anonymous() {
            self.note_round_trip(began.elapsed());
        }
        Ok(bound)
    }
}
