//! What the server does at which step of a conversation, where that is not the honest thing.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::transport::Offer;
use super::wire::Request;

/// A point of the conversation at which the server may do as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The connection is there; of LDAPS, TLS is not yet.
    Connect,
    /// The client asks for `StartTLS`.
    StartTls,
    /// The connection is as it will be, TLS and all, and the client has not asked for anything else.
    Greeting,
    /// The bind of the account that searches.
    ServiceBind,
    /// The search for the base entry.
    BaseRead,
    /// The search for one user.
    UserSearch,
    /// The search for all users.
    Listing,
    /// The bind of a user.
    UserBind,
}

/// A thing that the server does.
pub enum Act {
    /// Sends these octets at once.
    Send(Vec<u8>),
    /// Sends one octet at a time, with this pause behind each.
    Drip(Vec<u8>, Duration),
    /// Sends all of these, or until the client is gone.
    Flood(Box<dyn Iterator<Item = Vec<u8>> + Send>),
    /// Waits.
    Pause(Duration),
    /// Waits until the client says something, whatever it is.
    Hear,
    /// Goes on under TLS.
    Secure(Offer),
    /// Shakes hands for TLS, one octet at a time with this pause behind each.
    SecureByDrips(Duration),
    /// Ends TLS as one should, and goes on in the clear with these octets.
    Unprotect(Vec<u8>),
    /// Asks for another handshake so many times, under TLS 1.2, and goes on with these octets.
    Renegotiate(usize, Vec<u8>),
    /// Reads what comes and answers nothing more.
    Silence,
    /// Neither reads nor sends, and keeps the connection.
    Freeze,
    /// Sends no more (FIN), and reads to the end.
    Close,
    /// Aborts the connection (RST).
    Reset,
}

/// What the server knows when it decides what to do.
pub struct Asked {
    /// Where the conversation is.
    pub step: Step,
    /// The id of the request, 0 if there is none.
    pub id: i64,
    /// The request, if there is one.
    pub request: Option<Request>,
    /// How often the server was at this step before.
    pub nth: usize,
    /// The messages with which an honest server would answer.
    pub messages: Vec<Vec<u8>>,
    /// What an honest server would do apart from that.
    pub(super) then: Option<Act>,
}

impl Asked {
    /// What an honest server would do.
    pub fn honestly(self) -> Vec<Act> {
        let answers = self.messages.concat();
        let send = (!answers.is_empty()).then_some(Act::Send(answers));
        send.into_iter().chain(self.then).collect()
    }

    /// The operation with which an honest answer ends: `BindResponse` or `SearchResultDone`.
    pub fn last_operation(&self) -> u8 {
        if matches!(self.step, Step::UserBind | Step::ServiceBind) { 0x61 } else { 0x65 }
    }

    /// The last of the honest messages: the only one of a bind, the end of a search.
    pub fn last(&self) -> Vec<u8> {
        self.messages.last().cloned().unwrap_or_default()
    }
}

type Lie = Arc<dyn Fn(Asked) -> Vec<Act> + Send + Sync>;

/// A behaviour: honest, but for some steps.
#[derive(Clone, Default)]
pub struct Script(HashMap<Step, Lie>);

impl Script {
    /// The behaviour of a good server.
    pub fn honest() -> Self {
        Self::default()
    }

    /// Does this at a step, and the honest thing elsewhere.
    pub fn at(step: Step, lie: impl Fn(Asked) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self::default().and_at(step, lie)
    }

    /// Does this at every bind and every search.
    pub fn at_answers(lie: impl Fn(Asked) -> Vec<Act> + Clone + Send + Sync + 'static) -> Self {
        let steps = [Step::ServiceBind, Step::BaseRead, Step::UserSearch, Step::Listing, Step::UserBind];
        steps.into_iter().fold(Self::default(), |script, step| script.and_at(step, lie.clone()))
    }

    /// Does this at another step, too.
    #[must_use]
    pub fn and_at(mut self, step: Step, lie: impl Fn(Asked) -> Vec<Act> + Send + Sync + 'static) -> Self {
        self.0.insert(step, Arc::new(lie));
        self
    }

    /// Whether one of the steps was come to, at least, at which this is not honest, if there is one.
    pub(super) fn is_reached(&self, steps: &HashMap<Step, usize>) -> bool {
        self.0.is_empty() || self.0.keys().any(|step| steps.contains_key(step))
    }

    pub(super) fn acts(&self, asked: Asked) -> Vec<Act> {
        match self.0.get(&asked.step) {
            Some(lie) => lie(asked),
            None => asked.honestly(),
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}
