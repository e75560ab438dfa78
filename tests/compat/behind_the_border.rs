// The present code, as it is behind the border. Each copy of the interface includes this beside an `abi` of its own;
// a module that `provider-api/src/lib.rs` gets is added here. (No `//!`: an included file cannot have it.)

#[cfg(feature = "author")]
#[path = "../../provider-api/src/author/mod.rs"]
pub mod author;
#[cfg(feature = "host")]
#[path = "../../provider-api/src/host/mod.rs"]
pub mod host;

#[path = "../../provider-api/src/code.rs"]
mod code;
#[path = "../../provider-api/src/context.rs"]
mod context;
#[path = "../../provider-api/src/credentials.rs"]
mod credentials;
#[cfg(any(feature = "author", feature = "host"))]
#[path = "../../provider-api/src/cut_off.rs"]
mod cut_off;
#[path = "../../provider-api/src/decision.rs"]
mod decision;
#[path = "../../provider-api/src/description.rs"]
mod description;
#[path = "../../provider-api/src/fault.rs"]
mod fault;
#[path = "../../provider-api/src/identity.rs"]
mod identity;
#[path = "../../provider-api/src/listing.rs"]
mod listing;
#[path = "../../provider-api/src/log_record.rs"]
mod log_record;
#[path = "../../provider-api/src/metric.rs"]
mod metric;
#[path = "../../provider-api/src/one_line.rs"]
mod one_line;
#[cfg(any(feature = "author", feature = "host"))]
#[path = "../../provider-api/src/panics.rs"]
mod panics;
#[path = "../../provider-api/src/secret.rs"]
mod secret;
#[cfg(any(feature = "author", feature = "host"))]
#[path = "../../provider-api/src/threads.rs"]
mod threads;
#[path = "../../provider-api/src/validation.rs"]
mod validation;
#[cfg(any(feature = "author", feature = "host"))]
#[path = "../../provider-api/src/wire/mod.rs"]
mod wire;

pub use code::{MisconfiguredReason, NoticeCode, RejectReason, UnavailableReason, UserCode};
pub use context::{Deadline, RequestContext};
pub use credentials::Credentials;
pub use decision::{Accepted, Decision, Notice, Rejection};
pub use description::{Capability, Description};
pub use fault::{Fault, FaultKind};
pub use identity::{Group, Identity};
pub use listing::{ListRequest, ListedUser, ListingEnd, UserPage};
pub use log_record::{LogLevel, LogRecord};
pub use metric::Metric;
pub use one_line::{is_unprintable, one_line};
pub use secret::Secret;
#[cfg(any(feature = "author", feature = "host"))]
pub use threads::try_threads;
pub use validation::{Stage, StageFault, StageOutcome, ValidationReport};
