use provider_api::{Accepted, Fault, FaultKind, Identity, Notice, Rejection, UserCode};
use serde::Serialize;

use crate::exit::Exit;
use crate::provision::Provisioning;
use crate::store::User;

/// The answer to a login. As JSON it is what scripts rely on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LoginAnswer {
    /// Which kind of answer it is.
    pub outcome: Outcome,
    /// The code of the reason; none for an accepted login and for an internal fault.
    pub reason: Option<String>,
    /// The same in words, for the administrator. May hold any character: print it through
    /// [`one_line`](provider_api::one_line).
    pub message: String,
    /// What the person may be told; none for an accepted login.
    pub user_code: Option<UserCode>,
    /// The provider instance that answered; none for a local account and for a login that no provider was asked
    /// about.
    pub provider: Option<String>,
    /// Who it is, once a provider has accepted the password: also when the account was then refused or could not be
    /// had.
    pub identity: Option<Identity>,
    /// What the person should hear of.
    pub notices: Vec<Notice>,
    /// What became of the account; none for a local account, where no provider accepted, and where the store failed.
    pub provisioning: Option<Provisioning>,
    /// The account that is logged in. There is one if and only if the login was accepted.
    pub user: Option<User>,
}

/// The kinds of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// In.
    Accepted,
    /// Out, for good reason.
    Rejected,
    /// Out for now: cannot tell.
    Unavailable,
    /// Out until an administrator has acted.
    Misconfigured,
    /// Out: a defect.
    Internal,
}

impl LoginAnswer {
    pub(super) fn local(user: User) -> Self {
        let message = format!("the password of the local account {} is right", user.name);
        Self { user: Some(user), user_code: None, ..Self::new(Outcome::Accepted, message) }
    }

    pub(super) fn accepted(instance: &str, accepted: Accepted, provisioning: Provisioning, user: User) -> Self {
        let message = format!("provider {instance} accepts {}", accepted.identity.login);
        Self {
            user_code: None,
            provider: Some(instance.to_owned()),
            identity: Some(accepted.identity),
            notices: accepted.notices,
            provisioning: Some(provisioning),
            user: Some(user),
            ..Self::new(Outcome::Accepted, message)
        }
    }

    /// A rejected login.
    pub fn rejected(instance: Option<&str>, rejection: Rejection) -> Self {
        Self {
            reason: Some(rejection.reason.as_str().to_owned()),
            user_code: Some(rejection.user_code),
            provider: instance.map(str::to_owned),
            ..Self::new(Outcome::Rejected, rejection.message)
        }
    }

    /// A login of which nobody can tell.
    pub fn fault(instance: Option<&str>, fault: &Fault) -> Self {
        let outcome = match fault.kind() {
            FaultKind::Unavailable => Outcome::Unavailable,
            FaultKind::Misconfigured => Outcome::Misconfigured,
            _ => Outcome::Internal,
        };
        let message = match fault {
            Fault::Misconfigured { setting: Some(key), message, .. } => format!("setting {key}: {message}"),
            other => other.message().to_owned(),
        };
        Self {
            reason: (outcome != Outcome::Internal).then(|| fault.code().to_owned()),
            user_code: Some(fault.user_code()),
            provider: instance.map(str::to_owned),
            ..Self::new(outcome, message)
        }
    }

    /// The provider accepted, the host did not.
    pub(super) fn without_account(self, accepted: Accepted) -> Self {
        Self { provisioning: Some(Provisioning::Refused), ..self.of(accepted) }
    }

    /// The provider accepted, and then something failed.
    pub(super) fn of(self, accepted: Accepted) -> Self {
        Self { identity: Some(accepted.identity), ..self }
    }

    /// The person is told the same as of a wrong password.
    pub(super) fn told_as_rejected(self) -> Self {
        Self { user_code: Some(UserCode::INVALID_CREDENTIALS), ..self }
    }

    fn new(outcome: Outcome, message: String) -> Self {
        Self {
            outcome,
            reason: None,
            message,
            user_code: Some(UserCode::INVALID_CREDENTIALS),
            provider: None,
            identity: None,
            notices: Vec::new(),
            provisioning: None,
            user: None,
        }
    }

    /// The exit code of the command `login`.
    pub fn exit(&self) -> Exit {
        match self.outcome {
            Outcome::Accepted => Exit::Done,
            Outcome::Rejected => Exit::Rejected,
            Outcome::Unavailable => Exit::Unavailable,
            Outcome::Misconfigured => Exit::Misconfigured,
            Outcome::Internal => Exit::Internal,
        }
    }
}
