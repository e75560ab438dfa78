//! For those who run a server.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use provider_api::host::{HostServices, Plugin, Trust};
//! use provider_api::{Credentials, Deadline, Decision, RequestContext, Secret};
//!
//! let pin = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".parse()?;
//! let plugin = Plugin::open("/usr/lib/my-server/libldap_provider.so", &Trust::strict(pin)).await?;
//! let settings = serde_json::json!({ "host": "ldaps://ldap.example.com", "base_dn": "dc=example,dc=com" });
//! let provider = plugin.configure(&settings, &HostServices::silent()).await?;
//!
//! let context = RequestContext::new("request-1", Deadline::after(Duration::from_secs(8)));
//! match provider.authenticate(&context, &Credentials::new("alice", Secret::new("typed password"))).await {
//!     Ok(Decision::Accepted(accepted)) => println!("welcome, {}", accepted.identity.login),
//!     Ok(Decision::Rejected(rejection)) => println!("no: {}", rejection.user_code),
//!     Err(fault) => println!("cannot tell: {}", fault.user_code()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Every async function here needs a tokio runtime with its timers on, and answers by its deadline whatever the
//! plugin does: a plugin that blocks or spins does so on threads of its own. One thing it can do: the system loads one
//! library at a time, so while a constructor of a plugin hangs no other plugin can be opened, new threads of the host
//! may hang where they use thread-locals of the system, and the process does not end by itself; calls of those that are
//! open go on. Open what you do not know in a process of its own first (`host-harness inspect`). Nothing that is loaded
//! is ever unloaded, since a plugin's threads and thread-locals outlive its last call.

mod admitted;
mod copy;
mod error;
mod gate;
mod image;
mod layout;
mod limited;
mod listing;
mod plugin;
mod preflight;
mod provider;
mod search_path;
mod services;
mod slot;
mod trust;

pub use error::{PluginError, PluginRefusal};
pub use gate::{CallCounters, CallLimits};
pub use listing::UserListing;
pub use plugin::Plugin;
pub use provider::Provider;
pub use services::{HostServices, LogSink};
pub use slot::{Drained, ProviderSlot, Replacement, SwapError, SwapLimits, Swapped};
pub use trust::{Examined, InvalidSha256, NotExamined, Sha256Digest, Trust, TrustProfile, examine};
