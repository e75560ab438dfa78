use std::fmt::Display;

use provider_api::{RejectReason, UserCode};

use crate::login::{LoginAnswer, Outcome};
use crate::provision::Provisioning;
use crate::store::User;

/// What came back is not what should have.
#[derive(Debug)]
pub(super) struct Unexpected {
    pub(super) expected: String,
    pub(super) found: String,
}

impl Unexpected {
    pub(super) fn new(expected: impl Into<String>, found: impl Display) -> Self {
        Self { expected: expected.into(), found: found.to_string() }
    }
}

/// Holds what came back against what should have.
pub(super) fn expect(holds: bool, expected: &str, found: impl Display) -> Result<(), Unexpected> {
    if holds { Ok(()) } else { Err(Unexpected::new(expected, found)) }
}

/// An error where there should be none.
pub(super) trait OrUnexpected<T> {
    fn or_unexpected(self, expected: &str) -> Result<T, Unexpected>;
}

impl<T, E: Display> OrUnexpected<T> for Result<T, E> {
    fn or_unexpected(self, expected: &str) -> Result<T, Unexpected> {
        self.map_err(|error| Unexpected::new(expected, error))
    }
}

/// A login that is let in, with this become of its account.
pub(super) fn expect_accepted(answer: &LoginAnswer, provisioning: Provisioning) -> Result<&User, Unexpected> {
    let (expected, is_so) = match provisioning {
        Provisioning::Created => {
            ("an accepted login and a new account", answer.provisioning == Some(Provisioning::Created))
        }
        _ => ("an accepted login of the account that is there", answer.provisioning == Some(Provisioning::Refreshed)),
    };
    match &answer.user {
        Some(user) if is_so && answer.outcome == Outcome::Accepted => Ok(user),
        _ => Err(Unexpected::new(expected, summary(answer))),
    }
}

/// A login that is refused for this reason, of which the person hears only this.
pub(super) fn expect_rejected(
    answer: &LoginAnswer,
    reason: &RejectReason,
    user_code: &UserCode,
) -> Result<(), Unexpected> {
    let is_so = answer.outcome == Outcome::Rejected
        && answer.reason.as_deref() == Some(reason.as_str())
        && answer.user_code.as_ref() == Some(user_code)
        && answer.user.is_none();
    expect(is_so, &format!("a rejected login, {reason}, of which the person hears {user_code}"), summary(answer))
}

fn summary(answer: &LoginAnswer) -> String {
    let (reason, user_code) =
        (answer.reason.as_deref().unwrap_or("no code"), answer.user_code.as_ref().map_or("nothing", UserCode::as_str));
    let provisioning =
        answer.provisioning.map(|provisioning| format!(", account {provisioning:?}")).unwrap_or_default();
    format!("{:?} ({reason}: {}{provisioning}), of which the person hears {user_code}", answer.outcome, answer.message)
}

#[cfg(test)]
mod tests {
    use provider_api::{RejectReason, Rejection, UserCode};

    use super::{expect_accepted, expect_rejected};
    use crate::login::LoginAnswer;
    use crate::provision::Provisioning;

    #[test]
    fn a_rejection_for_another_reason_is_told_with_both() {
        let answer = LoginAnswer::rejected(None, Rejection::new(RejectReason::UNKNOWN_USER, "nobody"));
        assert!(expect_rejected(&answer, &RejectReason::UNKNOWN_USER, &UserCode::INVALID_CREDENTIALS).is_ok());
        let wrong = expect_rejected(&answer, &RejectReason::EMPTY_PASSWORD, &UserCode::INVALID_CREDENTIALS);
        let wrong = wrong.expect_err("the reason is another one");
        assert!(wrong.expected.contains("empty_password") && wrong.found.contains("unknown_user: nobody"), "{wrong:?}");
        assert!(expect_rejected(&answer, &RejectReason::UNKNOWN_USER, &UserCode::ACCOUNT_DISABLED).is_err());
        assert!(expect_accepted(&answer, Provisioning::Created).is_err());
    }
}
