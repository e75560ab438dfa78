//! The configuration file is read again, and providers take over from those that are there.

use std::sync::PoisonError;

use provider_api::host::TrustProfile;

use super::{Event, Server};
use crate::config::{ConfigError, Configuration};
use crate::providers::{self, ProviderHandle};

impl Server {
    /// Reads the configuration file again. Every provider of it takes over from the one of the same instance, whether
    /// its entry has changed or not: its plugin file, or a file that its settings name, may have. New ones are
    /// configured, and those that are not in the file any more end.
    ///
    /// A file that cannot be used changes nothing; a provider that cannot be used leaves the old one in its place. Logins
    /// go on meanwhile.
    pub async fn reload(&self) -> Vec<Event> {
        let _one_at_a_time = self.0.reloading.lock().await;
        match self.read().await {
            Ok((configuration, next)) => {
                let mut events = self.take_over(next).await;
                let complete =
                    !events.iter().any(|event| matches!(event, Event::Kept { .. } | Event::NotStarted { .. }));
                let other_store = configuration.store_url != self.0.store_url;
                let message = other_store.then(|| "the store stays the old one until the next start".to_owned());
                events.push(Event::Reloaded { complete: complete && !other_store, message });
                events
            }
            Err(error) => vec![Event::Reloaded { complete: false, message: Some(error.to_string()) }],
        }
    }

    async fn read(&self) -> Result<(Configuration, Vec<ProviderHandle>), ConfigError> {
        let file = self.0.file.clone();
        let read = tokio::task::spawn_blocking(move || Configuration::read(&file)).await;
        let ended_early = |_| ConfigError::new(self.0.file.display().to_string(), "the reading ended early");
        let mut configuration = read.map_err(ended_early)??;
        configuration.default_trust = TrustProfile::Strict;
        let next = providers::from_configuration(&configuration, self.0.log).await?;
        Ok((configuration, next))
    }

    async fn take_over(&self, next: Vec<ProviderHandle>) -> Vec<Event> {
        let host = self.host();
        let mut events = Vec::new();
        let mut handles = Vec::new();
        for next in next {
            let instance = next.instance();
            let Some(here) = host.providers().iter().find(|handle| handle.instance() == instance) else {
                events.push(match next.provider().await {
                    Ok(_) => Event::Started { provider: instance.to_owned() },
                    Err(fault) => Event::not_started(instance, &fault),
                });
                handles.push(next);
                continue;
            };
            events.push(match here.swap(&next, self.0.limits).await {
                Ok(Some(swapped)) => Event::swapped(instance, &swapped),
                Ok(None) => Event::Started { provider: instance.to_owned() },
                Err(error) => Event::kept(instance, &error),
            });
            handles.push(here.clone());
        }
        let gone = |handle: &&ProviderHandle| !handles.iter().any(|kept| kept.instance() == handle.instance());
        let gone: Vec<ProviderHandle> = host.providers().iter().filter(gone).cloned().collect();
        *self.0.host.write().unwrap_or_else(PoisonError::into_inner) = host.with_providers(handles);
        for handle in gone {
            handle.shutdown(self.0.limits.drain).await;
            events.push(Event::Removed { provider: handle.instance().to_owned() });
        }
        events
    }
}
