//! A provider that reads its users from a TOML file. It is also the example to copy: a whole provider in two files.
//!
//! What there is to write:
//!
//! 1. the settings, a struct whose doc comments an administrator will read ([`Settings`]);
//! 2. a type made of them ([`FileProvider`]) that implements [`AuthProvider`], whose documentation is the contract;
//! 3. `export_provider!` at the end, which makes a `cdylib` a plugin.
//!
//! The other file, `users_file.rs`, is what this provider does all day. Yours will talk to something else.

#![forbid(unsafe_code)]

mod users_file;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use provider_api::author::{AuthProvider, UserCursor, schemars};
use provider_api::{
    Accepted, Capability, Credentials, Decision, Fault, Group, Identity, ListRequest, ListedUser, RejectReason,
    Rejection, RequestContext, Stage, UserCode, UserPage, ValidationReport, one_line,
};
use tokio::sync::Semaphore;

use users_file::{User, Users, Verified};

/// How many users a page of a listing holds.
const PAGE: usize = 500;
/// How many passwords are checked at a time; each check holds some 20 MB of memory and a processor.
const CHECKS_AT_A_TIME: usize = 4;

/// The settings. What is written here as a doc comment is the description in the JSON Schema that the host shows.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The TOML file with the users. It is read once, when the provider is configured.
    users_file: PathBuf,
}

/// The provider. Complete once it exists, and immutable: a changed file means a new provider.
#[derive(Debug)]
pub struct FileProvider {
    path: PathBuf,
    users: Arc<Users>,
    checks: Arc<Semaphore>,
}

impl AuthProvider for FileProvider {
    const ID: &'static str = "file";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const CAPABILITIES: &'static [Capability] = &[Capability::LIST_USERS, Capability::GROUPS];

    type Settings = Settings;
    type Cursor = Pages;

    // Whatever is wrong with the settings is said here, naming the key. Unknown keys and wrong types never get here.
    fn configure(settings: Settings) -> Result<Self, Fault> {
        let users = Users::read(&settings.users_file).map_err(|wrong| Fault::setting("users_file", wrong))?;
        log::info!("{} users in {}", users.all().len(), one_line(&settings.users_file.display().to_string()));
        Ok(Self {
            path: settings.users_file,
            users: Arc::new(users),
            checks: Arc::new(Semaphore::new(CHECKS_AT_A_TIME)),
        })
    }

    // One stage for each thing that an administrator could have to repair, each with what to do about it.
    async fn validate(&self, _: &RequestContext) -> ValidationReport {
        let start = Instant::now();
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || Users::read(&path)).await;
        let file = match read {
            Ok(Ok(now)) if now == *self.users => Stage::passed("users_file", "the file is there and can be read"),
            Ok(Ok(_)) => Stage::warned("users_file", "file_changed", "the file has changed since it was read")
                .advice("Configure the provider anew to use what it says now."),
            Ok(Err(wrong)) => Stage::failed("users_file", &Fault::setting("users_file", wrong)).advice(
                "Repair the file; until the provider is configured anew, the users that were read before are in use.",
            ),
            Err(_) => Stage::failed("users_file", &Fault::internal("the task that reads the file ended early")),
        };
        let all = self.users.all();
        let disabled = all.iter().filter(|user| user.disabled).count();
        let count = format!("{} users, {disabled} of them disabled", all.len());
        let users = if disabled < all.len() {
            Stage::passed("users", count)
        } else {
            Stage::warned("users", "no_users", count).advice("Nobody can log in. Add a [[users]] table to the file.")
        };
        ValidationReport::new(vec![file.took(start.elapsed()), users])
    }

    async fn authenticate(&self, _: &RequestContext, typed: Credentials) -> Result<Decision, Fault> {
        // What cannot be right, such as an empty password, never gets here: see `Credentials::check`.
        // The check computes for long, so it may not run on a worker thread of the runtime. When the caller goes away
        // this future is dropped, but the check goes on to its end: that is why it, and not this future, owns its
        // place among those at work.
        let place = Arc::clone(&self.checks)
            .acquire_owned()
            .await
            .map_err(|_| Fault::internal("nobody closes this semaphore"))?;
        let users = Arc::clone(&self.users);
        let check = move || {
            let _place = place;
            decide(&users.verify(&typed.username, &typed.password))
        };
        // A panic of the check becomes an error here. "Cannot tell" is a fault, never a rejection.
        tokio::task::spawn_blocking(check).await.map_err(|_| Fault::internal("the check of the password ended early"))
    }

    async fn list_users(&self, _: &RequestContext, _: ListRequest) -> Result<Pages, Fault> {
        Ok(Pages { users: Arc::clone(&self.users), next: 0 })
    }
}

/// The answer for a name and a password that were checked.
fn decide(verified: &Verified<'_>) -> Decision {
    match verified {
        Verified::NoSuchUser => Rejection::new(RejectReason::UNKNOWN_USER, "the users file has no such name").into(),
        Verified::Wrong => Rejection::new(RejectReason::INVALID_CREDENTIALS, "the password is wrong").into(),
        // The person hears that the account is disabled only now that the password has proven who is asking: a
        // stranger learns nothing.
        Verified::Right(user) if user.disabled => {
            Rejection::new(RejectReason::ACCOUNT_DISABLED, "the account is disabled in the users file")
                .telling_the_user(UserCode::ACCOUNT_DISABLED)
                .into()
        }
        Verified::Right(user) => Accepted::new(identity(user)).into(),
    }
}

/// Who it is, as the file has it and never as it was typed. The host keys the account by the subject, so that must
/// never change.
fn identity(user: &User) -> Identity {
    let mut identity = Identity::new(&user.id, "id", &user.name);
    identity.display_name.clone_from(&user.display_name);
    identity.email.clone_from(&user.email);
    identity.phone.clone_from(&user.phone);
    identity.groups = user.groups.iter().map(Group::named).collect();
    identity
}

/// A listing under way: everybody, a page at a time.
pub struct Pages {
    users: Arc<Users>,
    next: usize,
}

impl UserCursor for Pages {
    async fn next_page(&mut self, _: &RequestContext) -> Result<UserPage, Fault> {
        let rest = self.users.all().get(self.next..).unwrap_or_default();
        let page: Vec<ListedUser> = rest.iter().take(PAGE).map(listed).collect();
        self.next += page.len();
        // The last page says that it is the last. Without that word the host would take the listing for one that was
        // cut short.
        Ok(if rest.len() > PAGE { UserPage::of(page) } else { UserPage::last(page) })
    }
}

fn listed(user: &User) -> ListedUser {
    let mut listed = ListedUser::default();
    listed.subject = Some(user.id.clone());
    listed.subject_attribute = Some("id".to_owned());
    listed.login = Some(user.name.clone());
    listed.display_name.clone_from(&user.display_name);
    listed.email.clone_from(&user.email);
    listed.phone.clone_from(&user.phone);
    listed.refusal = user.disabled.then_some(RejectReason::ACCOUNT_DISABLED);
    listed
}

provider_api::export_provider!(FileProvider);

#[cfg(test)]
mod tests;
