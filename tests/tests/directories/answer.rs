use provider_api::{Decision, Fault, Identity};
use tests::host::Host;

/// What came of a login, in the codes of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Let in, with these notices.
    Accepted(Vec<String>),
    /// Rejected: the reason, and what the person is told.
    Rejected(String, String),
    /// Not to be told.
    Fault(String),
}

impl Answer {
    /// Let in, with nothing to hear of.
    pub(crate) fn accepted() -> Self {
        Self::Accepted(Vec::new())
    }

    /// Rejected, and the person hears nothing but that name or password are wrong.
    pub(crate) fn rejected(reason: &str) -> Self {
        Self::rejected_telling(reason, "invalid_credentials")
    }

    /// Rejected, and the person is told more.
    pub(crate) fn rejected_telling(reason: &str, user_code: &str) -> Self {
        Self::Rejected(reason.to_owned(), user_code.to_owned())
    }

    /// What a host answers to a login.
    pub(crate) async fn of(host: &Host, name: &str, password: &str) -> Self {
        Self::from(host.login(name, password).await)
    }
}

impl From<Result<Decision, Fault>> for Answer {
    fn from(answer: Result<Decision, Fault>) -> Self {
        match answer {
            Ok(Decision::Accepted(accepted)) => {
                Self::Accepted(accepted.notices.iter().map(|notice| notice.code.to_string()).collect())
            }
            Ok(Decision::Rejected(rejection)) => {
                Self::Rejected(rejection.reason.to_string(), rejection.user_code.to_string())
            }
            Err(fault) => Self::Fault(fault.to_string()),
        }
    }
}

/// The names of an identity's groups, sorted.
pub(crate) fn group_names(identity: &Identity) -> Vec<&str> {
    let mut names: Vec<&str> = identity.groups.iter().map(|group| group.name.as_str()).collect();
    names.sort_unstable();
    names
}
