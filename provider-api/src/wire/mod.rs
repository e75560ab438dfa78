//! The bodies of replies: domain types to JSON and back. Both faces use it, one in each direction.

#![cfg_attr(not(all(feature = "author", feature = "host")), allow(dead_code, reason = "each face uses one direction"))]

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::abi::{AbiReply, Outcome};
use crate::{
    Accepted, Decision, Description, Fault, ListedUser, ListingEnd, Metric, MisconfiguredReason, Rejection,
    UnavailableReason, UserPage, ValidationReport,
};

/// The largest body of a reply, in bytes. It is decoded on a thread of the host, which takes some milliseconds for each MiB.
pub(crate) const LARGEST_REPLY: usize = 16 * 1024 * 1024;

/// An answer that can cross the border: into a reply on the author's side, out of one on the host's.
pub(crate) trait Answer: Sized {
    fn into_reply(self) -> AbiReply;

    /// Reads a reply that is not a fault; an error is a text on what is wrong with it.
    fn from_reply(outcome: Outcome, body: &str) -> Result<Self, String>;
}

/// The reply for an answer or a fault.
pub(crate) fn reply<A: Answer>(result: Result<A, Fault>) -> AbiReply {
    match result {
        Ok(answer) => answer.into_reply(),
        Err(fault) => fault_reply(&fault),
    }
}

/// Reads a reply. What cannot be read is an internal fault, never an acceptance.
pub(crate) fn read<A: Answer>(reply: &AbiReply) -> Result<A, Fault> {
    let body = reply.body.as_str();
    bounded(body)?;
    match reply.outcome {
        Outcome::UNAVAILABLE | Outcome::MISCONFIGURED | Outcome::INTERNAL => Err(read_fault(reply.outcome, body)),
        outcome => A::from_reply(outcome, body)
            .map_err(|problem| Fault::internal(format!("the plugin's answer breaks the contract: {problem}"))),
    }
}

fn bounded(body: &str) -> Result<(), Fault> {
    let (is, may) = (body.len(), LARGEST_REPLY);
    if is <= may {
        return Ok(());
    }
    Err(Fault::internal(format!("the plugin's answer has {is} bytes, and may have {may}")))
}

/// Reads the reply to a call that failed.
#[cfg(feature = "host")]
pub(crate) fn read_refusal(reply: &AbiReply) -> Fault {
    if let Err(fault) = bounded(reply.body.as_str()) {
        return fault;
    }
    match reply.outcome {
        Outcome::UNAVAILABLE | Outcome::MISCONFIGURED => read_fault(reply.outcome, reply.body.as_str()),
        _ => read_fault(Outcome::INTERNAL, reply.body.as_str()),
    }
}

/// The reply for a fault.
pub(crate) fn fault_reply(fault: &Fault) -> AbiReply {
    let (outcome, reason, setting) = match fault {
        Fault::Unavailable { reason, .. } => (Outcome::UNAVAILABLE, reason.as_str(), None),
        Fault::Misconfigured { reason, setting, .. } => (Outcome::MISCONFIGURED, reason.as_str(), setting.clone()),
        Fault::Internal { .. } => (Outcome::INTERNAL, "", None),
    };
    encode(outcome, &FaultBody { reason: reason.to_owned(), message: fault.message().to_owned(), setting })
}

#[derive(Serialize, Deserialize)]
struct FaultBody {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    setting: Option<String>,
}

fn read_fault(outcome: Outcome, body: &str) -> Fault {
    let Ok(FaultBody { reason, message, setting }) = serde_json::from_str(body) else {
        return Fault::internal("the plugin reports a fault that cannot be read");
    };
    match outcome {
        Outcome::UNAVAILABLE => Fault::Unavailable { reason: UnavailableReason::new(&reason), message },
        Outcome::MISCONFIGURED => Fault::Misconfigured { reason: MisconfiguredReason::new(&reason), message, setting },
        _ => Fault::Internal { message },
    }
}

/// What most replies fit into, in octets: room that grows in steps costs more than the rest of the writing.
const USUAL_REPLY: usize = 512;

fn encode(outcome: Outcome, body: &impl Serialize) -> AbiReply {
    let mut text = Vec::with_capacity(USUAL_REPLY);
    let written = serde_json::to_writer(&mut text, body).ok().and_then(|()| String::from_utf8(text).ok());
    match written {
        Some(body) => AbiReply { outcome, body: body.into() },
        // The domain types have text for keys, so there is nothing that could not be written.
        None => AbiReply {
            outcome: Outcome::INTERNAL,
            body: r#"{"message":"an answer of the provider cannot be written as JSON"}"#.into(),
        },
    }
}

fn decode<T: DeserializeOwned>(body: &str) -> Result<T, String> {
    serde_json::from_str(body).map_err(|error| error.to_string())
}

fn done<T: DeserializeOwned>(outcome: Outcome, body: &str) -> Result<T, String> {
    match outcome {
        Outcome::DONE => decode(body),
        Outcome(number) => Err(format!("outcome {number} is not known for this call")),
    }
}

impl Answer for Decision {
    fn into_reply(self) -> AbiReply {
        match self {
            // An empty subject or login would become somebody's account: it stops on this side already.
            Self::Accepted(accepted) if !is_somebody(&accepted) => fault_reply(&Fault::internal(
                "the provider accepted a login without saying whose (empty subject or login)",
            )),
            Self::Accepted(accepted) => encode(Outcome::ACCEPTED, &accepted),
            Self::Rejected(rejection) => encode(Outcome::REJECTED, &rejection),
        }
    }

    fn from_reply(outcome: Outcome, body: &str) -> Result<Self, String> {
        match outcome {
            Outcome::ACCEPTED => {
                let accepted: Accepted = decode(body)?;
                if is_somebody(&accepted) {
                    Ok(Self::Accepted(accepted))
                } else {
                    Err("it accepts a login without saying whose".to_owned())
                }
            }
            Outcome::REJECTED => Ok(Self::Rejected(decode::<Rejection>(body)?)),
            Outcome(number) => Err(format!("outcome {number} is not known for a login")),
        }
    }
}

fn is_somebody(accepted: &Accepted) -> bool {
    !accepted.identity.subject.is_empty() && !accepted.identity.login.is_empty()
}

macro_rules! plain_answer {
    ($type:ty) => {
        impl Answer for $type {
            fn into_reply(self) -> AbiReply {
                encode(Outcome::DONE, &self)
            }

            fn from_reply(outcome: Outcome, body: &str) -> Result<Self, String> {
                done(outcome, body)
            }
        }
    };
}

plain_answer!(ValidationReport);
plain_answer!(Description);
plain_answer!(ShutdownReport);

/// The answer to `metrics`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Metrics {
    #[serde(default)]
    pub(crate) metrics: Vec<Metric>,
}

impl Answer for Metrics {
    fn into_reply(mut self) -> AbiReply {
        // JSON has no word for them, and one bad value must not cost the others.
        self.metrics.retain(|metric| metric.value.is_finite());
        encode(Outcome::DONE, &self)
    }

    fn from_reply(outcome: Outcome, body: &str) -> Result<Self, String> {
        done(outcome, body)
    }
}

/// The answer to `shutdown`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ShutdownReport {
    /// How many calls were cut off at the end of the grace.
    #[serde(default)]
    pub(crate) cancelled: u64,
}

#[derive(Serialize, Deserialize)]
struct PageBody {
    users: Vec<ListedUser>,
    #[serde(default)]
    end: Option<EndBody>,
}

#[derive(Serialize, Deserialize)]
struct EndBody {
    complete: bool,
    #[serde(default)]
    outcome: u32,
    #[serde(default)]
    fault: Option<FaultBody>,
}

impl Answer for UserPage {
    fn into_reply(self) -> AbiReply {
        let end = self.end.map(|end| match end {
            ListingEnd::Complete => EndBody { complete: true, outcome: Outcome::DONE.0, fault: None },
            ListingEnd::Incomplete(fault) => {
                let reply = fault_reply(&fault);
                EndBody { complete: false, outcome: reply.outcome.0, fault: decode(reply.body.as_str()).ok() }
            }
        });
        encode(Outcome::DONE, &PageBody { users: self.users, end })
    }

    fn from_reply(outcome: Outcome, body: &str) -> Result<Self, String> {
        let page: PageBody = done(outcome, body)?;
        let end = page.end.map(|end| match end {
            EndBody { complete: true, fault: None, .. } => ListingEnd::Complete,
            EndBody { outcome, fault: Some(fault), .. } => ListingEnd::Incomplete(match Outcome(outcome) {
                Outcome::UNAVAILABLE => {
                    Fault::Unavailable { reason: UnavailableReason::new(&fault.reason), message: fault.message }
                }
                Outcome::MISCONFIGURED => Fault::Misconfigured {
                    reason: MisconfiguredReason::new(&fault.reason),
                    message: fault.message,
                    setting: fault.setting,
                },
                _ => Fault::Internal { message: fault.message },
            }),
            EndBody { fault: None, .. } => {
                ListingEnd::Incomplete(Fault::internal("the listing was cut short without a reason"))
            }
        });
        Ok(Self { users: page.users, end })
    }
}

#[cfg(test)]
mod tests;
