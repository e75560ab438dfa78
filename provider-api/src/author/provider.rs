use std::future::Future;

use serde::de::DeserializeOwned;

use crate::{
    Capability, Credentials, Decision, Fault, ListRequest, Metric, RequestContext, UserPage, ValidationReport,
};

/// A source of identities: the one trait that a provider implements.
///
/// # Life
///
/// [`configure`](AuthProvider::configure) makes a provider of its settings, complete and immutable: there is no
/// half-configured one, and new settings mean a new provider. From then on the host calls the other methods, from
/// many threads and many at a time; `&self` is all they get, so state that changes lives behind locks or channels of
/// your own. Several providers of one type may live in one process, with different settings. In the end the host
/// calls for shutdown: no new calls come in, those in flight get a time to finish, then the provider is dropped.
///
/// # Where it runs
///
/// Each provider has a tokio runtime of its own (two to four worker threads, timers and I/O on; [or two with one thread
/// each](Self::NEVER_BLOCKS)), and every async method runs on it: `tokio::spawn`, sockets and timers just work. The host's
/// own runtime is out of reach, since tokio's thread-locals exist once for each library. Nothing of yours runs on a
/// thread of the host, with two exceptions: `configure` and the description.
///
/// Do not block: a method that computes for long or calls something that blocks belongs in
/// `tokio::task::spawn_blocking`. When you block nevertheless, the host answers for you at the deadline and goes on,
/// but your worker thread is gone for as long as you keep it.
///
/// # Cancellation and deadlines
///
/// When the caller goes away or the deadline passes, the future is dropped at its next `await`. Whatever it owns must
/// then let go by itself: a connection that carried half a request has to be closed by its `Drop`, not by code after
/// the `await`. [`RequestContext::deadline`] is *the* deadline, over everything the call does; ask it what remains
/// and give no step more than that.
///
/// # Answers
///
/// See the [crate's page](crate) for the four kinds. The rule that matters most: **what you do not know is not a
/// rejection, and never an acceptance.** A server that does not answer is [`Fault::Unavailable`]; a service account
/// that may not search is [`Fault::Misconfigured`]. This is wrong:
///
/// ```text
/// let entry = self.search(&name).await.ok()?;   // wrong: an outage now reads "no such user", and the password goes to the next provider
/// ```
///
/// Tasks that you spawn are yours: they outlive the call unless you tie them to it, with a `tokio::task::JoinSet` in
/// the call for example.
///
/// # Panics
///
/// A panic in any method, and in the `Drop` of a provider, a cursor or a call, is caught, logged and answered as
/// [`Fault::Internal`] with its message; the next call works. So keep secrets out of panic messages, and leave no
/// lock poisoned. What nobody can catch ends the host's process: a panic in a `Drop` that runs because of another
/// panic, a stack overflow (your threads have 2 MiB), `abort` and `exit`.
///
/// # Logs
///
/// Use the macros of the crate `log` (or `tracing` with its feature `log`). Records reach the host with level,
/// target, message and fields; those of a call carry its request id. A record of a thread that you started yourself
/// finds its way only as long as there is one provider of your library.
///
/// # Example
///
/// ```
/// use provider_api::author::{AuthProvider, UserCursor, schemars};
/// use provider_api::{
///     Accepted, Capability, Credentials, Decision, Fault, Identity, ListRequest, ListedUser, RejectReason, Rejection,
///     RequestContext, Secret, Stage, UserPage, ValidationReport,
/// };
///
/// /// The settings; doc comments become the descriptions in the schema.
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct Settings {
///     /// The one name that may log in.
///     name: String,
///     /// Its password.
///     password: Secret,
/// }
///
/// struct OneUser(Settings);
///
/// impl AuthProvider for OneUser {
///     const ID: &'static str = "one-user";
///     const VERSION: &'static str = "1.0.0";
///     const CAPABILITIES: &'static [Capability] = &[Capability::LIST_USERS];
///     type Settings = Settings;
///     type Cursor = OnePage;
///
///     fn configure(settings: Settings) -> Result<Self, Fault> {
///         if settings.password.is_empty() {
///             return Err(Fault::setting("password", "is empty; give the user a password"));
///         }
///         Ok(Self(settings))
///     }
///
///     async fn validate(&self, _: &RequestContext) -> ValidationReport {
///         ValidationReport::new(vec![Stage::passed("settings", "there is one user")])
///     }
///
///     async fn authenticate(&self, _: &RequestContext, typed: Credentials) -> Result<Decision, Fault> {
///         if typed.username != self.0.name {
///             return Ok(Rejection::new(RejectReason::UNKNOWN_USER, "no such user").into());
///         }
///         // (A real provider compares in constant time, or better, keeps a hash.)
///         if typed.password.expose() != self.0.password.expose() {
///             return Ok(Rejection::new(RejectReason::INVALID_CREDENTIALS, "wrong password").into());
///         }
///         Ok(Accepted::new(Identity::new("user-1", "id", &self.0.name)).into())
///     }
///
///     async fn list_users(&self, _: &RequestContext, _: ListRequest) -> Result<OnePage, Fault> {
///         let mut user = ListedUser::default();
///         user.login = Some(self.0.name.clone());
///         Ok(OnePage(vec![user]))
///     }
/// }
///
/// struct OnePage(Vec<ListedUser>);
///
/// impl UserCursor for OnePage {
///     async fn next_page(&mut self, _: &RequestContext) -> Result<UserPage, Fault> {
///         Ok(UserPage::last(std::mem::take(&mut self.0)))
///     }
/// }
///
/// # mod plugin { use super::OneUser;
/// provider_api::export_provider!(OneUser);
/// # }
/// # fn main() {}
/// ```
pub trait AuthProvider: Sized + Send + Sync + 'static {
    /// The provider's id: a short word, `a-z`, `0-9` and `-`. It is part of the key of every account unless the host
    /// names the instance otherwise, so it never changes.
    const ID: &'static str;

    /// The provider's own version; `env!("CARGO_PKG_VERSION")` is a good one.
    const VERSION: &'static str;

    /// What the provider can do beyond logging people in.
    const CAPABILITIES: &'static [Capability] = &[];

    /// Whether none of the provider's futures ever blocks its thread or computes for long: a promise of its author's.
    ///
    /// Its calls are then divided between two threads, each with a runtime of its own, and what they do stays on their thread:
    /// see [`Lane`](super::Lane). That is faster where calls do little but wait for sockets. The price is that a call
    /// which blocks nevertheless stops all others on its thread, where threads that share their work would go on with
    /// them. As soon as a few wait there, those that come next go to the other thread.
    const NEVER_BLOCKS: bool = false;

    /// The settings. Their JSON Schema is what the host shows to administrators: doc comments become descriptions, a
    /// [`Secret`](crate::Secret) is marked as one. Put `#[serde(deny_unknown_fields)]` on it, so that a mistyped key
    /// is an error and not a surprise.
    type Settings: DeserializeOwned + schemars::JsonSchema;

    /// A listing under way.
    type Cursor: UserCursor;

    /// Makes a provider of its settings.
    ///
    /// Parses and checks; reads small local files if it must; does no network I/O and answers at once. A host calls
    /// it on a thread of its own, and gives up after a few seconds.
    ///
    /// # Errors
    ///
    /// [`Fault::setting`] for what cannot work, naming the key: impossible combinations, files that are not there,
    /// text that cannot be parsed. Settings that fail to deserialise never get here: they are refused for you.
    fn configure(settings: Self::Settings) -> Result<Self, Fault>;

    /// Tries the settings against the real thing, in stages, and says of each what was found and what to do about it.
    ///
    /// It does what a login does except for the user's password, and it never fails as a whole: what goes wrong is a
    /// failed [`Stage`](crate::Stage), what could not be tried because of it a skipped one.
    fn validate(&self, context: &RequestContext) -> impl Future<Output = ValidationReport> + Send;

    /// Answers a login.
    ///
    /// The credentials have passed [`Credentials::check`]: the password is not empty, and neither of the two is
    /// over-long or has control characters. Spend a typed password at most once: a failed attempt counts towards
    /// locking the account.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from knowing the answer.
    fn authenticate(
        &self,
        context: &RequestContext,
        credentials: Credentials,
    ) -> impl Future<Output = Result<Decision, Fault>> + Send;

    /// Begins a listing of the users that could log in.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from beginning. The listing is then incomplete from the start.
    fn list_users(
        &self,
        context: &RequestContext,
        request: ListRequest,
    ) -> impl Future<Output = Result<Self::Cursor, Fault>> + Send;

    /// Counters and gauges, as they are now. Quick, and without I/O.
    fn metrics(&self) -> Vec<Metric> {
        Vec::new()
    }
}

/// A listing under way, one page at a time, in memory that does not grow with its length.
pub trait UserCursor: Send + 'static {
    /// The next page. After a page with an [end](UserPage::end), after an error and after a cancelled call it is not
    /// called again: the host is told that the listing has ended, or that it is broken.
    ///
    /// # Errors
    ///
    /// Whatever cuts the listing short; [`UserPage::cut_short`] does the same and keeps the users read so far. There
    /// is no way to stop early that looks like a complete listing.
    fn next_page(&mut self, context: &RequestContext) -> impl Future<Output = Result<UserPage, Fault>> + Send;
}
