//! A provider of the author's as the ABI sees it.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use abi_stable::sabi_trait::prelude::TD_Opaque;
use abi_stable::std_types::RStr;
use async_ffi::FfiFuture;
use tokio::runtime::Runtime;

use super::call::{call, spawned};
use super::cursor::cursor;
use super::engine::{self, Engine};
use super::log_bridge::HostLog;
use super::panics::Contained;
use super::provider::AuthProvider;
use super::settings;
use crate::abi::{AbiContext, AbiProvider, AbiProvider_TO, AbiReply, CursorBox, HostBox, ProviderBox};
use crate::wire::{self, Answer, Metrics};
use crate::{Credentials, Deadline, Fault, RequestContext, Secret};

/// Makes a provider of its settings. Panics of the author's leave this function: its caller catches them.
pub(super) fn configure<P: AuthProvider>(services: HostBox, settings_json: &str) -> Result<ProviderBox, Fault> {
    let log = HostLog::install(services);
    let provider = log.during(|| P::configure(settings::read(settings_json)?))?;
    let provider = Arc::new(Contained::new(provider));
    let (engine, runtime) = Engine::start(P::ID, &log)?;
    let remains = Some(Remains { runtime: Some(runtime), provider: Arc::clone(&provider), log });
    Ok(AbiProvider_TO::from_value(Adapter { engine, provider, remains }, TD_Opaque))
}

/// A context of the ABI's in the author's terms. The clock starts here.
pub(super) fn context_of(context: AbiContext<'_>) -> RequestContext {
    let deadline = Deadline::after(Duration::from_micros(context.remaining_us));
    let mut domain = RequestContext::new(context.request_id.as_str(), deadline);
    for pair in context.more {
        if pair.name == "client_address" {
            domain.client_address = pair.value.parse::<IpAddr>().ok();
        }
    }
    domain
}

struct Adapter<P: AuthProvider> {
    engine: Engine,
    provider: Arc<Contained<P>>,
    remains: Option<Remains<P>>,
}

impl<P: AuthProvider> Adapter<P> {
    fn call<A, W>(
        &self,
        context: AbiContext<'_>,
        work: impl FnOnce(Arc<Contained<P>>, RequestContext) -> W,
    ) -> FfiFuture<AbiReply>
    where
        A: Answer + Send + 'static,
        W: Future<Output = Result<A, Fault>> + Send + 'static,
    {
        call(&self.engine, || {
            let context = context_of(context);
            (context.clone(), work(Arc::clone(&self.provider), context))
        })
    }
}

impl<P: AuthProvider> AbiProvider for Adapter<P> {
    fn validate(&self, context: AbiContext<'_>) -> FfiFuture<AbiReply> {
        self.call(context, |provider, context| async move { Ok(provider.validate(&context).await) })
    }

    fn authenticate(&self, context: AbiContext<'_>, username: RStr<'_>, password: RStr<'_>) -> FfiFuture<AbiReply> {
        self.call(context, |provider, context| {
            let credentials = Credentials::new(username.as_str(), Secret::new(password.as_str()));
            async move { provider.authenticate(&context, credentials).await }
        })
    }

    fn list_users(&self, request: RStr<'_>) -> CursorBox {
        cursor::<P>(self.engine.clone(), Arc::clone(&self.provider), request.as_str())
    }

    fn metrics(&self, context: AbiContext<'_>) -> FfiFuture<AbiReply> {
        self.call(context, |provider, _| async move { Ok(Metrics { metrics: provider.metrics() }) })
    }

    fn shutdown(&self, grace_us: u64) -> FfiFuture<AbiReply> {
        let engine = self.engine.clone();
        spawned(
            self.engine.handle(),
            async move { wire::reply(engine.shut_down(Duration::from_micros(grace_us)).await) },
        )
    }
}

impl<P: AuthProvider> Drop for Adapter<P> {
    fn drop(&mut self) {
        let remains = self.remains.take();
        // Taking a provider apart may take its time, and the thread that lets go of it may be a worker of the host.
        // If no thread can be had, the closure is dropped here and now, which does the same.
        let _ = thread::Builder::new().name(format!("{}-end", P::ID)).spawn(move || drop(remains));
    }
}

/// What is left of a provider when the host has let go of it.
struct Remains<P: AuthProvider> {
    runtime: Option<Runtime>,
    provider: Arc<Contained<P>>,
    log: Arc<HostLog>,
}

impl<P: AuthProvider> Drop for Remains<P> {
    fn drop(&mut self) {
        self.log.adopt_thread();
        if let Some(runtime) = self.runtime.take() {
            // The calls go first: each holds the provider.
            engine::end(runtime);
        }
        // What follows drops the provider, unless a call that blocks still holds it.
        let _ = &self.provider;
    }
}
