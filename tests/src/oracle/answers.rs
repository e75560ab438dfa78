use crate::hostile::wire::{Request, answer};

const SUCCESS: i64 = 0;
const PROTOCOL_ERROR: i64 = 2;

/// What happens on a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// These octets are sent.
    Send(Vec<u8>),
    /// These octets are sent, and then nothing ever again; the connection stays open. Its client cannot tell this
    /// from a network that has begun to drop every packet.
    FallSilent(Vec<u8>),
}

/// The one entry of a directory.
#[derive(Clone, Debug)]
pub struct OnlyEntry {
    /// Its DN, as it is sent.
    pub dn: Vec<u8>,
    /// Its attributes, each with one value.
    pub attributes: Vec<(&'static str, Vec<u8>)>,
}

impl OnlyEntry {
    /// A person with this `uid`, who can log in.
    pub fn of_person(uid: &str, dn: impl Into<Vec<u8>>) -> Self {
        let id = "6f1c2c1e-6f0c-4c55-9a3e-0d3c1e1f0a01";
        Self { dn: dn.into(), attributes: vec![("uid", uid.into()), ("entryUUID", id.into())] }
    }

    /// The message that says that it was found.
    pub fn message(&self, id: i64) -> Vec<u8> {
        let attributes: Vec<_> = self.attributes.iter().map(|(name, value)| (name, vec![value])).collect();
        answer::entry(id, &self.dn, &attributes)
    }
}

/// Every search finds nobody, and every bind succeeds.
pub fn knows_nobody(id: i64, request: &Request) -> Reply {
    Reply::Send(match request {
        Request::Bind { .. } => answer::bind(id, SUCCESS),
        Request::Search { .. } => answer::done(id, SUCCESS),
        Request::Extended { .. } => answer::extended(id, PROTOCOL_ERROR, None),
        // Nothing answers the end of a connection or of an operation, and nothing that is tested sends the rest.
        Request::SaslBind | Request::Unbind | Request::Abandon | Request::Other(_) => Vec::new(),
    })
}

/// Every search finds this entry, and every bind succeeds.
pub fn knows_one(entry: OnlyEntry) -> impl Fn(i64, &Request) -> Reply + Send + Sync {
    move |id, request| match request {
        Request::Search { .. } => Reply::Send([entry.message(id), answer::done(id, SUCCESS)].concat()),
        other => knows_nobody(id, other),
    }
}
