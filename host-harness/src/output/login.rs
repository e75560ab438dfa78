use std::fmt::Write as _;

use provider_api::one_line;

use super::Table;
use crate::login::{LoginAnswer, Outcome};
use crate::provision::Provisioning;

/// The answer to a login, for people.
pub fn login(answer: &LoginAnswer) -> String {
    let headline = match answer.outcome {
        Outcome::Accepted => "accepted",
        Outcome::Rejected => "rejected",
        Outcome::Unavailable => "unavailable (cannot tell at present)",
        Outcome::Misconfigured => "misconfigured (cannot tell until an administrator acts)",
        Outcome::Internal => "internal fault",
    };
    let mut text = format!("{headline}: {}\n", one_line(&answer.message));
    let mut details = Table::default();
    if let Some(reason) = &answer.reason {
        details.row(["reason", reason]);
    }
    if let Some(code) = &answer.user_code {
        details.row(["the person may be told", code.as_str()]);
    }
    details.row(["answered by", answerer(answer)]);
    if let Some(identity) = &answer.identity {
        details.row(["subject", &format!("{} ({})", identity.subject, identity.subject_attribute)]);
        details.row(["login", &identity.login]);
        let optional = [("name", &identity.display_name), ("mail", &identity.email), ("phone", &identity.phone)];
        for (what, value) in optional {
            if let Some(value) = value {
                details.row([what, value]);
            }
        }
        for group in &identity.groups {
            details.row(["group", &group.name]);
        }
    }
    let account = match (answer.provisioning, &answer.user) {
        (Some(Provisioning::Refused), _) => Some("refused: none was created or changed".to_owned()),
        (Some(Provisioning::Created), Some(user)) => Some(format!("number {}, created by this first login", user.id)),
        (Some(Provisioning::Refreshed), Some(user)) => Some(format!("number {}, refreshed", user.id)),
        (None, Some(user)) => Some(format!("number {}, local", user.id)),
        (_, None) => None,
    };
    if let Some(account) = account {
        details.row(["account", &account]);
    }
    text.push_str(&details.render(2));
    for notice in &answer.notices {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  notice: {} ({})", one_line(&notice.message), notice.code);
    }
    text
}

fn answerer(answer: &LoginAnswer) -> &str {
    match (&answer.provider, &answer.user) {
        (Some(instance), _) => instance,
        (None, Some(_)) => "the host (local account)",
        (None, None) => "the host",
    }
}
