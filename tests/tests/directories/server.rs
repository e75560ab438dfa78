use std::sync::{Mutex, OnceLock, PoisonError, RwLock};

use tests::deployment::{Deployment, Kind};

use crate::promise::Promise;

/// One server for all tests, started when the first one asks for it.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    deployment: OnceLock<Box<dyn Deployment>>,
    starting: Mutex<()>,
    turn: RwLock<()>,
}

impl Server {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, deployment: OnceLock::new(), starting: Mutex::new(()), turn: RwLock::new(()) }
    }

    /// Tries a promise at this server, alone if it has to be. Panics when it is not kept.
    pub(crate) fn keep(&self, promise: &Promise) {
        let deployment = self.deployment();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let attempt = || runtime.block_on((promise.attempt)(deployment));
        // A test that failed has left nothing behind that would be in the way of the others.
        if promise.alone {
            let _turn = self.turn.write().unwrap_or_else(PoisonError::into_inner);
            attempt();
        } else {
            let _turn = self.turn.read().unwrap_or_else(PoisonError::into_inner);
            attempt();
        }
    }

    fn deployment(&self) -> &dyn Deployment {
        let _starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        self.deployment.get_or_init(|| self.kind.start()).as_ref()
    }
}
