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
