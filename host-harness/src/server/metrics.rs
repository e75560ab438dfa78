//! What the providers of a server have counted.

use std::time::Duration;

use provider_api::{Deadline, RequestContext};

use super::{Event, Server};
use crate::output;
use crate::providers::ProviderHandle;

impl Server {
    /// What every provider has counted. All are asked at a time, and one that has not answered within `limit` is told of.
    pub async fn metrics(&self, limit: Duration) -> Vec<Event> {
        let host = self.host();
        futures_util::future::join_all(host.providers().iter().map(|handle| counted(handle, limit))).await
    }
}

async fn counted(handle: &ProviderHandle, limit: Duration) -> Event {
    let event = |text, message| Event::Metrics { provider: handle.instance().to_owned(), text, message };
    let Some(slot) = handle.configured() else {
        return event(None, Some("it was never configured".to_owned()));
    };
    let context = RequestContext::new("metrics", Deadline::after(limit));
    match tokio::time::timeout(limit, slot.metrics(&context)).await {
        Ok(Ok(counted)) => event(Some(output::metrics(handle.instance(), &counted)), None),
        Ok(Err(fault)) => event(None, Some(fault.to_string())),
        Err(_) => event(None, Some(format!("it did not answer within {} ms", limit.as_millis()))),
    }
}
