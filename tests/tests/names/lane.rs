//! One oracle, and providers that are configured to ask it in different ways. One login at a time, so that what the
//! oracle heard since the last one belongs to this one.

use std::net::Ipv4Addr;

use provider_api::host::{HostServices, Plugin, Provider};
use provider_api::{Credentials, Decision, Fault, RejectReason, Secret};
use serde_json::{Value, json};
use tests::host::context;
use tests::hostile::wire::{Filter, Request};
use tests::oracle::Oracle;

pub(super) const BASE_DN: &str = "ou=people,dc=example,dc=com";

const READER_DN: &str = "cn=reader,dc=example,dc=com";
const READER_PASSWORD: &str = "of the reader";

/// How a provider is configured to look for names.
#[derive(Clone, Copy, Debug)]
pub(super) enum Setting {
    /// One username attribute, as nobody.
    OneAttribute,
    /// Two, within an administrator's filter, as a service account.
    TwoAttributesAndFilter,
}

impl Setting {
    pub(super) const ALL: [Self; 2] = [Self::OneAttribute, Self::TwoAttributesAndFilter];

    fn settings(self, oracle: &Oracle) -> Value {
        let mut settings = settings(oracle);
        match self {
            Self::OneAttribute => settings["username_attribute"] = json!("uid"),
            Self::TwoAttributesAndFilter => {
                settings["username_attribute"] = json!(["sAMAccountName", "mail"]);
                settings["filter"] = json!("(&(objectClass=person)(|(age=28)(age=2\\2a))(!(name=Bob))(mail=*))");
                settings["bind_dn"] = json!(READER_DN);
                settings["bind_password"] = json!(READER_PASSWORD);
            }
        }
        settings
    }

    /// What has to come before the search.
    fn bind(self) -> Option<Request> {
        let reader = Request::Bind { name: READER_DN.into(), password: READER_PASSWORD.into() };
        matches!(self, Self::TwoAttributesAndFilter).then_some(reader)
    }

    /// The one filter that looks for this name.
    fn filter(self, name: &str) -> Filter {
        match self {
            Self::OneAttribute => equality("uid", name),
            Self::TwoAttributesAndFilter => Filter::And(vec![
                Filter::And(vec![
                    equality("objectClass", "person"),
                    Filter::Or(vec![equality("age", "28"), equality("age", "2*")]),
                    Filter::Not(Box::new(equality("name", "Bob"))),
                    Filter::Present("mail".into()),
                ]),
                Filter::Or(vec![equality("sAMAccountName", name), equality("mail", name)]),
            ]),
        }
    }
}

/// Settings that work with an oracle, and take their time.
pub(super) fn settings(oracle: &Oracle) -> Value {
    json!({
        "host": oracle.address().ip().to_string(),
        "port": oracle.address().port(),
        "base_dn": BASE_DN,
        "directory": "other",
        "timeout": "60s",
    })
}

/// Asks about names, one after the other.
pub(super) struct Lane {
    oracle: Oracle,
    providers: Vec<(Setting, Provider, Request)>,
}

impl Lane {
    /// A lane with an address of its own, so that many lanes do not run out of clients' ports.
    pub(super) async fn open(number: u8, plugin: &Plugin) -> Self {
        let mut lane =
            Self { oracle: Oracle::start_on((Ipv4Addr::new(127, 0, 1, number), 0)).await, providers: Vec::new() };
        for setting in Setting::ALL {
            let settings = setting.settings(&lane.oracle);
            let provider = plugin.configure(&settings, &HostServices::silent()).await.expect("settings that work");
            let search = lane.search_for_a_plain_name(setting, &provider).await;
            lane.providers.push((setting, provider, search));
        }
        lane
    }

    /// What a search for a name looks like that nothing has to be done to. All others may differ from it in the
    /// values alone.
    async fn search_for_a_plain_name(&self, setting: Setting, provider: &Provider) -> Request {
        let answer = login(provider, "plain").await;
        assert!(is_rejected(&answer, &RejectReason::UNKNOWN_USER), "{answer:?}");
        let mut asked = self.oracle.asked().into_iter().map(|asked| asked.expect("a message that can be decoded"));
        if let Some(bind) = setting.bind() {
            assert_eq!(asked.next(), Some(bind));
        }
        let Some(Request::Search { base, scope: 1, size_limit: 2, filter, attributes, paged: None }) = asked.next()
        else {
            panic!("{setting:?}: no search, or not as it has to be")
        };
        assert_eq!((base.as_slice(), &filter), (BASE_DN.as_bytes(), &setting.filter("plain")));
        assert_eq!(asked.next(), None);
        Request::Search { base, scope: 1, size_limit: 2, filter, attributes, paged: None }
    }

    /// A name that is let through is asked for once, and asked for as it was typed.
    pub(super) async fn arrives_unchanged(&self, setting: Setting, name: &str) -> Result<(), String> {
        let (setting, provider, plain) = &self.providers[setting as usize];
        let answer = login(provider, name).await;
        let mut search = plain.clone();
        if let Request::Search { filter, .. } = &mut search {
            *filter = setting.filter(name);
        }
        let mut asked = self.oracle.asked();
        // The connection is kept, and bound when it is a new one.
        if asked.len() > 1 && asked.first().and_then(|first| first.as_ref().ok()) == setting.bind().as_ref() {
            drop(asked.remove(0));
        }
        if asked != [Ok(search)] {
            return Err(format!("{setting:?}: {name:?} was let through, and what was asked is {asked:?}"));
        }
        if !is_rejected(&answer, &RejectReason::UNKNOWN_USER) {
            return Err(format!("{setting:?}: {name:?} is nobody's, and the answer is {answer:?}"));
        }
        Ok(())
    }

    /// A name that is refused is not asked for. Whether there was a connection is known from
    /// [`connections`](Self::connections).
    pub(super) async fn is_refused(&self, setting: Setting, name: &str) -> Result<(), String> {
        let (setting, provider, _) = &self.providers[setting as usize];
        let answer = login(provider, name).await;
        let asked = self.oracle.asked();
        if !asked.is_empty() {
            return Err(format!("{setting:?}: {name:?} should be refused, and what was asked is {asked:?}"));
        }
        if !is_rejected(&answer, &RejectReason::INPUT_REFUSED) {
            return Err(format!("{setting:?}: {name:?} should be refused, and the answer is {answer:?}"));
        }
        Ok(())
    }

    /// How many connections were made since the last time.
    pub(super) async fn connections(&mut self) -> usize {
        self.oracle.connections().await
    }

    /// What was asked and belongs to no login.
    pub(super) fn left_over(&self) -> Vec<String> {
        self.oracle.asked().iter().map(|asked| format!("{asked:?}")).collect()
    }
}

fn equality(attribute: &str, value: &str) -> Filter {
    Filter::Equality { attribute: attribute.into(), value: value.into() }
}

async fn login(provider: &Provider, name: &str) -> Result<Decision, Fault> {
    provider.authenticate(&context(), &Credentials::new(name, Secret::new("a password"))).await
}

fn is_rejected(answer: &Result<Decision, Fault>, reason: &RejectReason) -> bool {
    matches!(answer, Ok(Decision::Rejected(rejection)) if rejection.reason == *reason)
}
