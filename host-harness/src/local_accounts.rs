//! Accounts whose password the host itself keeps: they work while every directory is down.

mod hashing;

use provider_api::{Credentials, Fault, RejectReason, Rejection, Secret, UnavailableReason, UserCode, one_line};
use thiserror::Error;

pub use hashing::Checks;
pub(crate) use hashing::hash;

use crate::fold::Folded;
use crate::provision::store_fault;
use crate::store::{AuditEntry, NewUser, Origin, Profile, Status, Store, StoreError, User};

/// A local account to be created.
pub struct NewLocalAccount {
    /// The name that the person types.
    pub name: String,
    /// The password.
    pub password: Secret,
    /// The name to show.
    pub display_name: Option<String>,
    /// The mail address.
    pub email: Option<String>,
}

/// A local account was not created.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AddError {
    /// The name or the password has a form that is not let through.
    #[error("{}: {}", .0.reason, .0.message)]
    Input(Rejection),
    /// The name or the mail address belongs to somebody.
    #[error("name_taken: {what} is that of {} (number {}): choose another", .user.name, .user.id)]
    Taken {
        /// Which of the two.
        what: &'static str,
        /// Whose it is.
        user: Box<User>,
    },
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether the password of a local account is right cannot be told.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckError {
    /// Too many wait for a password to be checked, of the same account or of all.
    #[error("too many passwords of {0} are being checked: try again")]
    Crowded(&'static str),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CheckError> for Fault {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Crowded(_) => Self::unavailable(UnavailableReason::OVERLOADED, error.to_string()),
            CheckError::Store(error) => store_fault(&error),
        }
    }
}

/// A password could not be hashed.
#[derive(Debug, Error)]
#[error("the password cannot be hashed ({0})")]
pub struct HashError(String);

/// Creates a local account. Refuses a name or mail address that any account folds to: a directory's person of that
/// name could never log in again, or would share a mail address with somebody else.
pub async fn add(store: &Store, account: NewLocalAccount) -> Result<User, AddError> {
    Credentials::new(&account.name, account.password.clone()).check().map_err(AddError::Input)?;
    let email = account.email.filter(|email| !email.trim().is_empty());
    let profile =
        Profile { name: account.name.trim().to_owned(), display_name: account.display_name, email, phone: None };
    visible(&profile.name).map_err(AddError::Input)?;
    let phc = hash(account.password).await?;
    let created = store
        .write(move |records| {
            let asked = [("the name", Some(profile.folded_name())), ("the mail address", profile.folded_email())];
            for (what, folded) in asked {
                if let Some(user) = folded.map(|folded| records.user_known_as(&folded, None)).transpose()?.flatten() {
                    return Ok(Err((what, user)));
                }
            }
            let user = records.insert_user(&NewUser { profile: profile.clone(), origin: Origin::Local })?;
            records.set_local_password(user.id, &phc)?;
            records.append_audit(&AuditEntry {
                action: "local_account_created",
                user: Some(user.id),
                detail: format!("local account {}", one_line(&user.name)),
                ..AuditEntry::default()
            })?;
            Ok(Ok(user))
        })
        .await?;
    created.map_err(|(what, user)| AddError::Taken { what, user: Box::new(user) })
}

/// What a name folds to that an administrator gives. It must be seen by whoever reads it.
pub(crate) fn visible(name: &str) -> Result<Folded, Rejection> {
    let folded = Folded::new(name);
    if folded.is_empty() {
        return Err(Rejection::new(RejectReason::INPUT_REFUSED, "the name has no visible character"));
    }
    Ok(folded)
}

/// The local account that a typed name names, if there is one. Then it is checked here and nowhere else.
pub async fn find(store: &Store, typed: &str) -> Result<Option<User>, StoreError> {
    let name = Folded::new(typed);
    store.read(move |records| Ok(records.user_named(&name)?.filter(|user| user.origin == Origin::Local))).await
}

/// Checks the password of a local account, one of those that are under way in `checks`. The answer takes the same work
/// whatever the state of the account.
///
/// # Errors
///
/// At once, if more wait for a check already than would have their turn soon.
pub async fn authenticate(
    store: &Store,
    checks: &Checks,
    user: User,
    password: Secret,
) -> Result<Result<User, Rejection>, CheckError> {
    let id = user.id;
    let check = checks.begin(id)?;
    let phc = store.read(move |records| records.local_password(id)).await?;
    let right = check.verify(phc, password).await?;
    Ok(if !right {
        let message = format!("the password of the local account {} is wrong", user.name);
        Err(Rejection::new(RejectReason::INVALID_CREDENTIALS, message))
    } else if user.status == Status::Disabled {
        let message = format!("the host's administrator has disabled the local account {}", user.name);
        Err(Rejection::new(RejectReason::ACCOUNT_DISABLED, message).telling_the_user(UserCode::ACCOUNT_DISABLED))
    } else {
        Ok(user)
    })
}
