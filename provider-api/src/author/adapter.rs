//! A provider of the author's as the ABI sees it.

use std::future::Future;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use abi_stable::sabi_trait::prelude::TD_Opaque;
use abi_stable::std_types::{RSlice, RStr};
use async_ffi::FfiFuture;

use super::boxed::Boxed;
use super::call::{call, spawned};
use super::contained::Contained;
use super::cursor::cursor;
use super::engine::{Engine, OwnedRuntimes, Threads};
use super::lane::Lane;
use super::log_bridge::HostLog;
use super::provider::AuthProvider;
use super::settings;
use crate::abi::{AbiContext, AbiPair, AbiProvider, AbiProvider_TO, AbiReply, CursorBox, HostBox, ProviderBox};
use crate::wire::{self, Answer, Metrics};
use crate::{Credentials, Fault, RequestContext, Secret};

/// Makes a provider of its settings. Panics of the author's leave this function: its caller catches them.
pub(super) fn configure<P: AuthProvider>(
    services: HostBox,
    settings_json: &str,
    more: RSlice<'_, AbiPair<'_>>,
) -> Result<ProviderBox, Fault> {
    let log = HostLog::install(services);
    let instance = more.iter().find(|pair| pair.name == "instance").map_or(P::ID, |pair| pair.value.as_str());
    let threads = if P::NEVER_BLOCKS { Threads::Apart } else { Threads::Shared };
    let (engine, runtimes) = Engine::start(instance, threads, &log)?;
    let provider = engine.lanes().during(|| log.during(|| P::configure(settings::read(settings_json)?)))?;
    let provider = Arc::new(Contained::new(provider));
    let shares = engine.lanes().all().map(|_| Arc::new(Share(Arc::clone(&provider)))).collect();
    let remains = Remains { shares, provider, runtimes, engine: engine.clone(), log };
    Ok(AbiProvider_TO::from_value(Adapter { engine, remains: Some(remains) }, TD_Opaque))
}

struct Adapter<P: AuthProvider> {
    engine: Engine,
    /// Taken out by drop alone.
    remains: Option<Remains<P>>,
}

impl<P: AuthProvider> Adapter<P> {
    fn remains(&self) -> &Remains<P> {
        match &self.remains {
            Some(remains) => remains,
            None => unreachable!("a provider that was dropped is not called"),
        }
    }

    fn call<A, W>(
        &self,
        context: AbiContext<'_>,
        work: impl FnOnce(Arc<Share<P>>, RequestContext) -> W,
    ) -> FfiFuture<AbiReply>
    where
        A: Answer + Send + 'static,
        W: Future<Output = Result<A, Fault>> + Send + 'static,
    {
        let lane = self.engine.lanes().for_one();
        call(lane, context, |context| work(self.remains().share(lane.lane), context))
    }
}

/// What the calls of one lane have of the provider, with a count of its own that no other thread writes to.
#[repr(align(128))]
struct Share<P>(Arc<Contained<P>>);

impl<P: AuthProvider> AbiProvider for Adapter<P> {
    fn validate(&self, context: AbiContext<'_>) -> FfiFuture<AbiReply> {
        self.call(context, |provider, context| async move { Ok(provider.0.validate(&context).await) })
    }

    fn authenticate(&self, context: AbiContext<'_>, username: RStr<'_>, password: RStr<'_>) -> FfiFuture<AbiReply> {
        self.call(context, |provider, context| {
            let credentials = Credentials::new(username.as_str(), Secret::new(password.as_str()));
            async move {
                match credentials.check() {
                    Ok(()) => Boxed::new(async move { provider.0.authenticate(&context, credentials).await }).await,
                    Err(rejection) => Ok(rejection.into()),
                }
            }
        })
    }

    fn list_users(&self, request: RStr<'_>) -> CursorBox {
        cursor::<P>(self.engine.lanes().for_many(), Arc::clone(&self.remains().provider), request.as_str())
    }

    fn metrics(&self, context: AbiContext<'_>) -> FfiFuture<AbiReply> {
        self.call(context, |provider, _| async move { Ok(Metrics { metrics: provider.0.metrics() }) })
    }

    fn shutdown(&self, grace_us: u64) -> FfiFuture<AbiReply> {
        let end = self.engine.shut_down(Duration::from_micros(grace_us));
        spawned(self.engine.lanes().least_busy().handle.clone(), async move { wire::reply(end.await) })
    }
}

impl<P: AuthProvider> Drop for Adapter<P> {
    fn drop(&mut self) {
        let remains = self.remains.take();
        // Taking a provider apart may take its time, and the thread that lets go of it may be a worker of the host.
        // If no thread can be had, the closure, and with it the provider, is dropped here and now.
        let _ = thread::Builder::new().name(format!("{}-end", P::ID)).spawn(move || remains.map(Remains::end));
    }
}

/// What is left of a provider when the host has let go of it.
struct Remains<P: AuthProvider> {
    runtimes: OwnedRuntimes,
    // After the runtimes: each call holds the provider.
    shares: Box<[Arc<Share<P>>]>,
    provider: Arc<Contained<P>>,
    engine: Engine,
    log: Arc<HostLog>,
}

impl<P: AuthProvider> Remains<P> {
    fn share(&self, lane: Lane) -> Arc<Share<P>> {
        let share = self.shares.get(lane.index());
        share.map_or_else(|| Arc::new(Share(Arc::clone(&self.provider))), Arc::clone)
    }

    /// Takes the provider apart, with its logs and its runtime's context at hand.
    fn end(self) {
        let Self { runtimes, shares, provider, engine, log } = self;
        log.during(|| {
            engine.lanes().during(|| {
                runtimes.end();
                drop((shares, provider));
            });
        });
    }
}
