use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::Duration;

use tests::hostile::host::Answer;
use tests::hostile::record::Record;
use tests::hostile::script::{Act, Asked, Script, Step};
use tests::hostile::transport::Transport;

use crate::play::Stand;

/// One behaviour of the server.
#[derive(Clone)]
pub(crate) struct Scenario {
    /// A short name.
    pub(crate) name: &'static str,
    /// What the provider does about it.
    pub(crate) promise: &'static str,
    /// Over which transports it makes sense.
    pub(crate) transports: &'static [Transport],
    pub(crate) cases: Vec<Case>,
    /// Whether each case has a process of its own. Memory that was freed is kept by the process, and what a case
    /// needs would be hidden by, or added to, what the ones before it have needed.
    pub(crate) apart: bool,
    /// What is played besides, in a way of its own, and what of the provider it asks for.
    pub(crate) own: Option<(&'static [Operation], OwnPlay)>,
}

/// A play that is not one operation at a time.
pub(crate) type OwnPlay = for<'a> fn(&'a mut Stand) -> Pin<Box<dyn Future<Output = Result<(), String>> + 'a>>;

/// The behaviour at one point of the conversation.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) what: String,
    pub(crate) operation: Operation,
    pub(crate) script: Script,
    /// The outcomes that are right.
    pub(crate) expected: Vec<String>,
    /// What else has to be true.
    pub(crate) also: Option<Check>,
    /// Whether the provider can but wait until its time is over.
    pub(crate) waits: bool,
    /// Whether each password travels on a connection of its own, whoever else is connected.
    pub(crate) binds_apart: bool,
    /// How often it is played.
    pub(crate) times: usize,
}

/// Something that has to be true of what the server was asked and of the last answer.
pub(crate) type Check = fn(&Record, &Answer) -> Result<(), String>;

/// What the host asks the provider for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Login,
    Validate,
    List,
}

/// What the provider says of a server that breaks the protocol.
pub(crate) const VIOLATION: &[&str] = &["protocol_violation"];

impl Scenario {
    pub(crate) fn new(name: &'static str, promise: &'static str) -> Self {
        Self { name, promise, transports: &Transport::ALL, cases: Vec::new(), apart: false, own: None }
    }

    /// The number in the catalogue, with which the name begins.
    pub(crate) fn number(&self) -> &'static str {
        self.name.split('_').next().unwrap_or_default()
    }

    /// What of the provider it asks for.
    pub(crate) fn operations(&self) -> BTreeSet<Operation> {
        let own = self.own.iter().flat_map(|(operations, _)| *operations).copied();
        self.cases.iter().map(|case| case.operation).chain(own).collect()
    }

    /// Over TLS alone.
    pub(crate) fn over(mut self, transports: &'static [Transport]) -> Self {
        self.transports = transports;
        self
    }

    /// Each case in a process of its own.
    pub(crate) fn apart(mut self) -> Self {
        self.apart = true;
        self
    }

    /// A login has one of these outcomes.
    pub(crate) fn login(self, what: &str, script: Script, expected: &[impl AsRef<str>]) -> Self {
        self.case(Operation::Login, what, script, expected)
    }

    /// A validation has one of these outcomes.
    pub(crate) fn validate(self, what: &str, script: Script, expected: &[impl AsRef<str>]) -> Self {
        self.case(Operation::Validate, what, script, expected)
    }

    /// A listing has one of these outcomes.
    pub(crate) fn list(self, what: &str, script: Script, expected: &[impl AsRef<str>]) -> Self {
        self.case(Operation::List, what, script, expected)
    }

    /// Whatever is asked and wherever the server does this, the provider cannot tell, for one of these reasons.
    pub(crate) fn everywhere(self, what: &str, reasons: &[&str], lie: impl Lie) -> Self {
        self.at_binds(what, reasons, lie.clone()).at_searches(what, reasons, lie)
    }

    /// The same at searches alone; of a validation, there are two.
    pub(crate) fn at_searches(self, what: &str, reasons: &[&str], lie: impl Lie) -> Self {
        let at = |step| Script::at(step, lie.clone());
        self.login(what, at(Step::UserSearch), &with("unavailable", reasons))
            .validate(what, at(Step::BaseRead), &with("invalid", reasons))
            .validate(&format!("{what}, at the sample"), at(Step::Listing), &with("invalid", reasons))
            .list(what, at(Step::Listing), &with("incomplete", reasons))
    }

    /// The same at binds alone.
    pub(crate) fn at_binds(self, what: &str, reasons: &[&str], lie: impl Lie) -> Self {
        let at = |step| Script::at(step, lie.clone());
        self.login(what, at(Step::UserBind), &with("unavailable", reasons)).at_service_bind(what, reasons, lie)
    }

    /// The same at the bind as the service account, for whatever that is needed.
    pub(crate) fn at_service_bind(self, what: &str, reasons: &[&str], lie: impl Lie) -> Self {
        let script = Script::at(Step::ServiceBind, lie);
        self.everything(&format!("{what}, at the service account's bind"), script, reasons)
    }

    /// The provider cannot tell, whatever it is asked.
    pub(crate) fn everything(self, what: &str, script: Script, reasons: &[&str]) -> Self {
        self.login(what, script.clone(), &with("unavailable", reasons))
            .validate(what, script.clone(), &with("invalid", reasons))
            .list(what, script, &with("incomplete", reasons))
    }

    /// All is well, whatever the provider is asked.
    pub(crate) fn harmless(self, what: &str, script: Script) -> Self {
        self.login(what, script.clone(), &["accepted"]).validate(what, script.clone(), &["valid"]).list(
            what,
            script,
            &["complete"],
        )
    }

    /// In all cases so far, the provider can but wait until its time is over.
    pub(crate) fn waiting(mut self) -> Self {
        self.cases.iter_mut().for_each(|case| case.waits = true);
        self
    }

    /// In all cases so far, a login has a second connection, for the password.
    pub(crate) fn with_binds_apart(mut self) -> Self {
        self.cases.iter_mut().for_each(|case| case.binds_apart = true);
        self
    }

    /// The last case is played so often.
    pub(crate) fn times(mut self, times: usize) -> Self {
        self.cases.last_mut().expect("a case").times = times;
        self
    }

    /// In the last case, this is true as well.
    pub(crate) fn also(mut self, check: Check) -> Self {
        self.cases.last_mut().expect("a case").also = Some(check);
        self
    }

    /// In all cases so far, this is true as well.
    pub(crate) fn always(mut self, check: Check) -> Self {
        self.cases.iter_mut().for_each(|case| case.also = Some(check));
        self
    }

    /// Something else besides.
    pub(crate) fn own(mut self, operations: &'static [Operation], play: OwnPlay) -> Self {
        self.own = Some((operations, play));
        self
    }

    fn case(mut self, operation: Operation, what: &str, script: Script, expected: &[impl AsRef<str>]) -> Self {
        self.cases.push(Case {
            what: what.to_owned(),
            operation,
            script,
            expected: expected.iter().map(|outcome| outcome.as_ref().to_owned()).collect(),
            also: None,
            waits: false,
            binds_apart: false,
            times: 1,
        });
        self
    }
}

/// What a server does at a step instead of the honest thing.
pub(crate) trait Lie: Fn(Asked) -> Vec<Act> + Clone + Send + Sync + 'static {}

impl<F: Fn(Asked) -> Vec<Act> + Clone + Send + Sync + 'static> Lie for F {}

/// A server that sends this and is honest no more.
pub(crate) fn send(octets: Vec<u8>) -> Vec<Act> {
    vec![Act::Send(octets)]
}

/// A server that sends this without an end.
pub(crate) fn flood(message: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Vec<Act> {
    vec![Act::Flood(Box::new(message))]
}

/// What a server did is told once, with the address of the one that did it.
pub(crate) fn told_once(_: &Record, answer: &Answer) -> Result<(), String> {
    let names_the_server = |line: &&String| line.starts_with("Warn") && line.contains("127.0.0.1:");
    match answer.log.iter().filter(names_the_server).count() {
        1 => Ok(()),
        count => Err(format!("{count} warnings name the server")),
    }
}

/// The time that a provider which can but wait is given.
pub(crate) const SHORT: Duration = Duration::from_secs(1);

fn with(kind: &str, reasons: &[&str]) -> Vec<String> {
    reasons.iter().map(|reason| format!("{kind}/{reason}")).collect()
}
