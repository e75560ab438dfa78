use std::sync::Arc;

use crate::metrics::Metrics;

/// Stands for an open connection: it is counted as long as this lives.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<Metrics>);

impl OpenConnection {
    pub(crate) fn count(metrics: &Arc<Metrics>) -> Self {
        metrics.connections_opened.add();
        metrics.connections_open.up();
        Self(Arc::clone(metrics))
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections_open.down();
    }
}

/// A connection in the clear to who listens there, for tests.
#[cfg(test)]
pub(super) async fn connected_to(listener: &tokio::net::TcpListener) -> (wire_guard::Connection, OpenConnection) {
    use std::time::{Duration, Instant};

    use wire_guard::{Connection, Limits, Security};

    let tcp = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let soon = Instant::now() + Duration::from_secs(20);
    let connection = Connection::secure(tcp, &Security::Plain, Limits::LOGIN, soon).await.unwrap();
    (connection, OpenConnection::count(&Arc::default()))
}
