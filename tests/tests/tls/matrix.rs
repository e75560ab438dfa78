//! Many servers at once, each by LDAPS and by StartTLS.

use std::sync::Arc;

use provider_api::host::{Plugin, Trust};
use provider_api::{Decision, Fault};
use serde_json::{Value, json};
use tests::directory::{Directory, password_of};
use tests::host::Host;
use tests::log_capture::LogCapture;
use tests::plugin;
use tests::tls_server::{Authority, Behaviour, Identity, Seen, TlsServer, Way};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// The name that servers are asked for, unless the case says otherwise.
pub(crate) const NAME: &str = "ldap.corp.test";

/// So many at once: enough to have waiting cost nothing, and few enough to keep all well within their time.
const AT_ONCE: usize = 8;

/// What the servers of a test share.
pub(crate) struct World {
    pub(crate) ca: Authority,
    pub(crate) directory: Directory,
    plugin: Plugin,
}

/// A server, how the provider is told to reach it, and what has to come of it.
pub(crate) struct Case {
    name: &'static str,
    behaviour: Behaviour,
    server_name: Option<&'static str>,
    expected: Expected,
}

#[derive(Clone, Copy)]
enum Expected {
    Accepted,
    /// The code of the reason, and words of the message: another refusal may have nothing to do with the case.
    Refused(&'static str, &'static str),
}

impl Case {
    /// A server that must be refused with `tls_failed`, and a message that has these words.
    pub(crate) fn refused(name: &'static str, behaviour: Behaviour, because: &'static str) -> Self {
        Self { name, behaviour, server_name: Some(NAME), expected: Expected::Refused("tls_failed", because) }
    }

    /// The same for a server that shows this.
    pub(crate) fn showing(name: &'static str, identity: &Identity, because: &'static str) -> Self {
        Self::refused(name, Behaviour::showing(identity), because)
    }

    /// A server by which a login must succeed.
    pub(crate) fn accepted(name: &'static str, behaviour: Behaviour) -> Self {
        Self { name, behaviour, server_name: Some(NAME), expected: Expected::Accepted }
    }

    /// Another reason than `tls_failed`.
    pub(crate) fn with_code(mut self, code: &'static str) -> Self {
        if let Expected::Refused(expected, _) = &mut self.expected {
            *expected = code;
        }
        self
    }

    /// Asks for another name.
    pub(crate) fn asked_for(self, name: &'static str) -> Self {
        Self { server_name: Some(name), ..self }
    }

    /// Asks for nothing but the host, which is an address: 127.0.0.1.
    pub(crate) fn asked_for_the_address(self) -> Self {
        Self { server_name: None, ..self }
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let plugin =
            Plugin::open(&plugin::ldap_provider(), &Trust::developer()).await.unwrap_or_else(|error| panic!("{error}"));
        Self { ca: Authority::new("CA of the tests"), directory: Directory::start(), plugin }
    }

    /// A provider out of the plugin file.
    pub(crate) async fn host(&self, settings: &Value) -> Host {
        let log = LogCapture::new();
        let provider = self.plugin.configure(settings, &log.services()).await;
        Host { provider: provider.unwrap_or_else(|fault| panic!("settings refused: {fault}")), log }
    }

    /// Settings that trust this world's CA and ask for that name.
    pub(crate) fn settings(&self, server: &TlsServer, server_name: Option<&str>) -> Value {
        let mut settings = server.settings(&self.directory, &self.ca);
        if let Some(name) = server_name {
            settings["tls_server_name"] = json!(name);
        }
        settings
    }

    /// Tries all cases by both ways, and panics with the names of those that did not come out as they must.
    pub(crate) async fn check(self, cases: Vec<Case>) {
        let accepting = cases.iter().filter(|case| matches!(case.expected, Expected::Accepted)).count();
        let world = Arc::new(self);
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let mut trials = JoinSet::new();
        for case in cases.into_iter().map(Arc::new) {
            for way in Way::BOTH {
                let (world, turns, case) = (Arc::clone(&world), Arc::clone(&turns), Arc::clone(&case));
                trials.spawn(async move {
                    let _turn = turns.acquire().await.expect("nobody closes it");
                    let tried = world.try_one(&case, way).await;
                    tried.map_err(|wrong| format!("{} by {way:?}: {wrong}", case.name))
                });
            }
        }
        let mut failed: Vec<String> = trials.join_all().await.into_iter().filter_map(Result::err).collect();
        failed.sort();
        assert!(failed.is_empty(), "{} did not come out as they must:\n{}", failed.len(), failed.join("\n"));
        // Seen by the directory itself: those that had to be accepted, and nobody else.
        let requests = world.directory.requests();
        assert_eq!(requests.searches, 2 * accepting, "{requests:?}");
        assert_eq!(requests.bind_dns.len(), 2 * 2 * accepting, "{requests:?}");
    }

    async fn try_one(&self, case: &Case, way: Way) -> Result<(), String> {
        let server = TlsServer::start(way, case.behaviour.clone(), &self.directory).await;
        let host = self.host(&self.settings(&server, case.server_name)).await;
        let answer = host.login("alice", &password_of("alice")).await;
        drop(host);
        let seen = server.finish().await;
        came_out(case.expected, &answer)?;
        if seen.iter().all(|connection| connection.wire.is_empty()) {
            return Err("nobody said anything, so nothing was tried".to_owned());
        }
        for connection in &seen {
            connection.all_in_tls(way)?;
        }
        match case.expected {
            Expected::Accepted => Ok(()),
            Expected::Refused(..) => nothing_said(&seen),
        }
    }
}

fn came_out(expected: Expected, answer: &Result<Decision, Fault>) -> Result<(), String> {
    match (expected, answer) {
        (Expected::Accepted, Ok(Decision::Accepted(_))) => Ok(()),
        (Expected::Refused(code, because), Err(fault @ Fault::Unavailable { .. }))
            if fault.code() == code && letters(fault.message()).contains(&letters(because)) =>
        {
            Ok(())
        }
        (Expected::Accepted, answer) => Err(format!("should be accepted: {answer:?}")),
        (Expected::Refused(code, because), answer) => {
            Err(format!("should be unavailable, {code}, for {because:?}: {answer:?}"))
        }
    }
}

/// The letters alone: the TLS library shows some reasons in words and some as the names that they have in its code.
fn letters(text: &str) -> String {
    text.chars().filter(|character| character.is_alphabetic()).flat_map(char::to_lowercase).collect()
}

/// That no client has said anything inside TLS: no bind, no search.
pub(crate) fn nothing_said(seen: &[Seen]) -> Result<(), String> {
    if seen.iter().all(|connection| connection.inside.is_empty()) {
        Ok(())
    } else {
        Err(format!("something was said to a server that is not believed: {seen:?}"))
    }
}
