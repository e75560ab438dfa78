//! The configuration file is read again, and providers take over from those that are there.

use std::sync::PoisonError;

use super::{Event, Server};
use crate::config::{ConfigError, Configuration};
use crate::providers::{self, ProviderHandle};
use crate::threads::reading_files;

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
        let read = reading_files(move || Configuration::read(&file)).await;
        let ended_early = || ConfigError::new(self.0.file.display().to_string(), "the reading ended early");
        let configuration = read.ok_or_else(ended_early)??.for_a_server()?;
        let next = providers::from_configuration(&configuration, self.0.log).await?;
        Ok((configuration, next))
    }

    async fn take_over(&self, next: Vec<ProviderHandle>) -> Vec<Event> {
        let host = self.host();
        let mut events = Vec::new();
        let mut handles: Vec<ProviderHandle> = Vec::new();
        let predecessors: Vec<Option<ProviderHandle>> =
            next.iter().map(|entry| predecessor(entry, &next, host.providers()).cloned()).collect();
        // Which provider a plugin that cannot be loaded would have named: one that is here without an entry, perhaps.
        let is_unknown = |here: &Option<ProviderHandle>| here.as_ref().is_none_or(ProviderHandle::is_nameless);
        let mut pairs = next.iter().zip(&predecessors).enumerate();
        let unknown = pairs.find(|(_, (next, here))| next.is_nameless() && is_unknown(here));
        let unknown = unknown.map(|(position, (next, _))| (position, next.instance()));
        for (next, here) in next.iter().zip(&predecessors) {
            let Some(here) = here else {
                events.push(match next.provider().await {
                    Ok(_) => Event::Started { provider: next.instance().to_owned() },
                    Err(fault) => Event::not_started(next.instance(), &fault),
                });
                handles.push(next.clone());
                continue;
            };
            let instance = here.instance();
            events.push(match here.swap(next, self.0.limits).await {
                Ok(Some(swapped)) => Event::swapped(instance, &swapped),
                Ok(None) => Event::Started { provider: instance.to_owned() },
                Err(error) => Event::kept(instance, &error),
            });
            handles.push(here.clone());
        }
        let gone = |handle: &&ProviderHandle| !handles.iter().any(|kept| kept.instance() == handle.instance());
        let gone = host.providers().iter().filter(gone).cloned();
        let (kept, gone): (Vec<_>, Vec<_>) = gone.partition(|handle| unknown.is_some() && !handle.is_nameless());
        if let Some((unknown, path)) = unknown {
            for handle in &kept {
                events.push(Event::kept_for(handle.instance(), path));
            }
            // In its place, and before it: the one that cannot be loaded answers whom they do not know.
            handles.splice(unknown..unknown, kept);
        }
        *self.0.host.write().unwrap_or_else(PoisonError::into_inner) = host.with_providers(handles);
        for handle in gone {
            handle.shutdown(self.0.limits.drain).await;
            events.push(Event::Removed { provider: handle.instance().to_owned() });
        }
        events
    }
}

/// The provider that is here and that an entry of the configuration takes over from: the one of its name. An entry
/// whose plugin should have named it and cannot be loaded takes over from the one that an entry of the same path had
/// named, unless that name is another's by now.
fn predecessor<'a>(
    entry: &ProviderHandle,
    next: &[ProviderHandle],
    here: &'a [ProviderHandle],
) -> Option<&'a ProviderHandle> {
    let by_name = here.iter().find(|handle| handle.instance() == entry.instance());
    if by_name.is_some() || !entry.is_nameless() {
        return by_name;
    }
    let taken = |handle: &ProviderHandle| next.iter().any(|next| next.instance() == handle.instance());
    here.iter().find(|handle| handle.named_by() == entry.named_by() && !taken(handle))
}
