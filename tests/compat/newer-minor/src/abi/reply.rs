use abi_stable::StableAbi;
use abi_stable::std_types::{RSlice, RStr, RString};

/// What kind of answer an [`AbiReply`] holds: an open number. Zero is no answer, so that memory that was never
/// written is not one.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, StableAbi)]
pub struct Outcome(pub u32);

impl Outcome {
    /// A login is accepted; the body is an [`Accepted`](crate::Accepted).
    pub const ACCEPTED: Self = Self(1);
    /// A login is rejected; the body is a [`Rejection`](crate::Rejection).
    pub const REJECTED: Self = Self(2);
    /// Not now; the body has `reason` and `message`.
    pub const UNAVAILABLE: Self = Self(3);
    /// Not until an administrator has acted; the body has `reason`, `message` and perhaps `setting`.
    pub const MISCONFIGURED: Self = Self(4);
    /// A defect of the provider; the body has `message`.
    pub const INTERNAL: Self = Self(5);
    /// A call other than a login has done its work; the body is what it was asked for.
    pub const DONE: Self = Self(6);
}

/// The answer to any call.
#[repr(C)]
#[derive(Clone, Debug, PartialEq, Eq, StableAbi)]
pub struct AbiReply {
    /// What kind of answer it is.
    pub outcome: Outcome,
    /// The answer, a JSON object; what it holds depends on the outcome and the call. Members that are not known are
    /// ignored.
    pub body: RString,
}

/// A name and a value, both lent.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct AbiPair<'a> {
    /// The name.
    pub name: RStr<'a>,
    /// The value.
    pub value: RStr<'a>,
}

/// What goes with every call; lent for its time. See [`RequestContext`](crate::RequestContext).
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct AbiContext<'a> {
    /// The host's name for the request.
    pub request_id: RStr<'a>,
    /// Microseconds until the answer must be there.
    pub remaining_us: u64,
    /// Whatever else is known; names that are not known are ignored. In 1.0: `client_address`, an IP address.
    pub more: RSlice<'a, AbiPair<'a>>,
}
