//! For those who write a provider: whether it keeps the contract, checked through its plugin file as a host sees it.
//!
//! State a few people that the provider knows, and what else it can show; the rest is done here. In `tests/` of the
//! provider's own package, with `provider-api` (feature `conformance`) and tokio among its `[dev-dependencies]`:
//!
//! ```no_run
//! use provider_api::conformance::{Subject, plugin_of_this_package};
//! use serde_json::json;
//!
//! # async fn example() {
//! // #[tokio::test] async fn it_keeps_the_contract() {
//! let subject = Subject::new(plugin_of_this_package("my_provider"), json!({ "host": "localhost" }))
//!     .user("alice", "the password of alice")
//!     .user("bob", "the password of bob")
//!     .disabled("mallory", "the password of mallory")
//!     .unreachable(json!({ "host": "localhost", "port": 1 }));
//! subject.check().await.assert_passed();
//! // }
//! # }
//! ```
//!
//! | check | what it wants |
//! |---|---|
//! | `description` | an id and a version, and a schema that is one |
//! | `settings` | what the schema says: required keys are required, unknown keys are refused, each by its name |
//! | `validation` | the settings work, in stages with codes for names |
//! | `accepted` | the right password is accepted; the same person has the same subject, two people never |
//! | `rejected` | a wrong password and an unknown name are rejections of their kind, and strangers learn nothing from them |
//! | `disabled` | a disabled account is rejected, and only the right password hears why |
//! | `unreachable` | "cannot tell" is a fault and never a rejection |
//! | `hostile_input` | nothing that is typed is an acceptance or a fault of its own |
//! | `deadlines` | no call outlives its deadline, and none keeps a thread |
//! | `cancellation` | calls that are dropped leave nothing behind that stops the next ones |
//! | `concurrency` | many calls at a time get each its own answer |
//! | `listing` | complete, without doubles, with the subjects of logins; or none, if it is not a capability |
//! | `metrics` | names that can be read, and counters (`_total`) that are finite and never go back |
//! | `shutdown` | it ends at once when nothing is in flight, and nothing is answered afterwards |
//! | `secrets` | no password and no secret setting in logs, faults, reports, listings and metrics |
//! | `panics` | none, in all of this |

mod answers;
mod bench;
mod ending;
mod hostile;
mod listing;
mod metrics;
mod report;
mod settings;
mod subject;
mod timing;

pub use report::{Check, CheckOutcome, ConformanceReport};
pub use subject::{Subject, plugin_of_this_package};

use bench::Bench;

impl Subject {
    /// Runs every check. It takes some seconds, most of them spent waiting for what must not happen.
    ///
    /// Needs a tokio runtime with its timers on.
    pub async fn check(&self) -> ConformanceReport {
        let mut report = ConformanceReport::default();
        let bench = match Bench::new(self).await {
            Ok(bench) => bench,
            Err(problem) => {
                report.add("description", Err(vec![problem]));
                return report;
            }
        };
        report.add("description", settings::description(&bench));
        let settings = settings::honest(&bench).await;
        let usable = bench.provider().await.is_ok();
        report.add("settings", settings);
        if !usable {
            return report;
        }
        report.add("validation", settings::validation(&bench).await);
        report.add("accepted", answers::accepted(&bench).await);
        report.add("rejected", answers::rejected(&bench).await);
        report.add_if(!self.disabled.is_empty(), "disabled", answers::disabled(&bench).await);
        report.add_if(self.unreachable.is_some(), "unreachable", answers::unreachable(&bench).await);
        report.add("hostile_input", hostile::input(&bench).await);
        report.add("deadlines", timing::deadlines(&bench).await);
        report.add("cancellation", timing::cancellation(&bench).await);
        report.add("concurrency", timing::concurrency(&bench).await);
        report.add("listing", listing::listing(&bench).await);
        report.add("metrics", metrics::metrics(&bench).await);
        report.add("shutdown", ending::shutdown(&bench).await);
        report.add("secrets", bench.leaks());
        report.add("panics", bench.panics());
        report
    }
}
