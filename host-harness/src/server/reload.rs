//! The configuration file is read again, and providers take over from those that are there.

use std::sync::PoisonError;

use super::message::reason_of;
use super::{Event, Server, read_configuration};
use crate::config::{ConfigError, Configuration};
use crate::providers::{self, ProviderHandle};

impl Server {
    /// Reads the configuration file again. Every provider of it takes over from the one of the same instance, whether
    /// its entry has changed or not: its plugin file, or a file that its settings name, may have. New ones are
    /// configured, and those that are not in the file any more end. Each is validated before it is in force.
    ///
    /// A file that cannot be used, or that names no provider at all, changes nothing; a provider that cannot be used leaves
    /// the old one in its place. If there is none, since its entry is new, it stays out until the next reload; if the old
    /// one was never configured either, that stays as it was, and logins go on trying it. In both cases nobody is removed
    /// meanwhile: it may be one of those under a new name. Logins go on.
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
        let configuration = read_configuration(&self.0.file).await?;
        let next = providers::from_configuration(&configuration, self.0.log).await?;
        if next.is_empty() && !self.host().providers().is_empty() {
            // An editor that has not finished, or a disk that is full. It would tell everybody that there is no such user.
            let problem = "it names no provider any more, so all stay: stop the program if that is meant";
            return Err(ConfigError::new(self.0.file.display().to_string(), problem));
        }
        Ok((configuration, next))
    }

    async fn take_over(&self, next: Vec<ProviderHandle>) -> Vec<Event> {
        let host = self.host();
        let mut events = Vec::new();
        let mut handles: Vec<ProviderHandle> = Vec::new();
        // Who was here without ever having been configured, and is replaced.
        let mut replaced = Vec::new();
        // Which provider a plugin that cannot be loaded would have named, or an entry that cannot be used was before: one
        // that is here without an entry, perhaps.
        let mut unknown = None;
        for entry in &next {
            let place = handles.len();
            let here = predecessor(entry, &next, host.providers());
            let swapped = match here {
                Some(here) => here.swap(entry, self.0.limits).await.map(|swapped| (here, swapped)),
                None => None,
            };
            if let Some((here, swapped)) = swapped {
                events.push(match swapped {
                    Ok(swapped) => Event::swapped(here.instance(), &swapped),
                    Err(error) => Event::kept(here.instance(), &error),
                });
                handles.push(here.clone());
                continue;
            }
            match entry.try_out(self.0.limits).await {
                Ok(report) => {
                    events.push(Event::tried_out(entry.instance(), &report));
                    handles.push(entry.clone());
                    replaced.extend(here);
                }
                Err(error) => {
                    // One that was in force before it could be used is left so: whoever repairs what it needs need not
                    // ask for a reload.
                    events.push(match here {
                        Some(here) => Event::left_as_it_was(here.instance(), &error),
                        None => Event::left_out(entry.instance(), &error),
                    });
                    handles.extend(here.cloned());
                    unknown.get_or_insert((place, entry, reason_of(&error).to_owned()));
                }
            }
        }
        let gone = |handle: &&ProviderHandle| !handles.iter().any(|kept| kept.instance() == handle.instance());
        let gone = host.providers().iter().filter(gone).cloned();
        let (kept, gone): (Vec<_>, Vec<_>) = gone.partition(|handle| unknown.is_some() && !handle.is_nameless());
        if let Some((place, entry, reason)) = unknown {
            events.extend(kept.iter().map(|handle| Event::kept_for(handle.instance(), entry, &reason)));
            // In its place, and before it if it is there: it answers whom they do not know.
            handles.splice(place..place, kept);
        }
        *self.0.host.write().unwrap_or_else(PoisonError::into_inner) = host.with_providers(handles);
        for handle in replaced {
            // A login may have configured it in the meantime.
            handle.shutdown(self.0.limits.drain).await;
        }
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
