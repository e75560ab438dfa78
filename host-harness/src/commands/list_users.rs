use std::time::Duration;

use provider_api::host::UserListing;
use provider_api::{Fault, ListRequest, ListedUser, UnavailableReason, one_line};
use serde::Serialize;

use super::CommandError;
use super::session::{Session, configured, context};
use crate::exit::Exit;
use crate::output::{Output, OutputFormat};
use crate::providers::ProviderHandle;

/// The last line, as scripts see it. Whoever acts on people who are missing must have seen `complete`.
#[derive(Serialize)]
struct EndJson<'a> {
    complete: bool,
    reason: Option<&'a str>,
    count: u64,
}

/// How a listing ended.
enum End {
    Complete,
    /// As many as were asked for. Unless there is a fault there are more; with one, nobody knows.
    LimitReached {
        unseen: Option<Fault>,
    },
    Incomplete(Fault),
}

pub(super) async fn run(
    session: &Session,
    chosen: Option<&str>,
    limit: Option<u64>,
    timeout: Duration,
    output: &mut Output,
) -> Result<Exit, CommandError> {
    let mut count = 0;
    let end = match listing(session, chosen, limit, timeout, output, &mut count).await {
        Err(CommandError::Interrupted) => {
            End::Incomplete(Fault::unavailable(UnavailableReason::CANCELLED, "the listing was cancelled"))
        }
        other => other?,
    };
    write_end(&end, count, output)?;
    Ok(match &end {
        End::Complete | End::LimitReached { .. } => Exit::Done,
        End::Incomplete(fault) => fault.into(),
    })
}

async fn listing(
    session: &Session,
    chosen: Option<&str>,
    limit: Option<u64>,
    timeout: Duration,
    output: &mut Output,
    count: &mut u64,
) -> Result<End, CommandError> {
    let configuration = session.configuration().await?;
    let handles = session.providers(&configuration, chosen).await?;
    let [handle] = handles.as_slice() else {
        let there_is = configured(&handles);
        return Err(CommandError::Usage(format!(
            "list-users takes one provider, name it with --provider INSTANCE: {there_is}"
        )));
    };
    let end = session.unless_interrupted(list(handle, limit, timeout, output, count)).await;
    session.goodbye(&handles).await;
    end
}

/// Writes page after page, and holds no more than one.
async fn list(
    handle: &ProviderHandle,
    limit: Option<u64>,
    timeout: Duration,
    output: &mut Output,
    count: &mut u64,
) -> Result<End, CommandError> {
    let provider = match handle.provider().await {
        Ok(provider) => provider,
        Err(fault) => return Ok(End::Incomplete(fault)),
    };
    let request = limit.map_or_else(ListRequest::everybody, ListRequest::at_most);
    let mut listing: UserListing = provider.list_users(&context(timeout), &request);
    if output.format() == OutputFormat::Text {
        output.text(&row(["LOGIN", "NAME", "MAIL", "PHONE", "SUBJECT"]))?;
    }
    loop {
        match listing.next_page().await {
            Ok(Some(users)) => {
                for user in users {
                    // Seeing one more than was asked for is the proof that the limit cut something off.
                    if limit.is_some_and(|limit| *count >= limit) {
                        return Ok(End::LimitReached { unseen: None });
                    }
                    write_user(&user, output)?;
                    *count += 1;
                }
            }
            Ok(None) => return Ok(End::Complete),
            // What is missing lies beyond the limit.
            Err(fault) if limit.is_some_and(|limit| *count >= limit) => {
                return Ok(End::LimitReached { unseen: Some(fault) });
            }
            Err(fault) => return Ok(End::Incomplete(fault)),
        }
        output.flush()?;
        if output.is_closed() {
            let fault = Fault::unavailable(UnavailableReason::CANCELLED, "nobody reads the listing any more");
            return Ok(End::Incomplete(fault));
        }
    }
}

fn write_user(user: &ListedUser, output: &mut Output) -> Result<(), CommandError> {
    match output.format() {
        OutputFormat::Json => output.object(user)?,
        OutputFormat::Text => {
            let shown = |value: &Option<String>| value.as_deref().map_or("-".to_owned(), one_line);
            let mut line = row([
                &shown(&user.login),
                &shown(&user.display_name),
                &shown(&user.email),
                &shown(&user.phone),
                &shown(&user.subject),
            ]);
            if let Some(refusal) = &user.refusal {
                line.push_str("  could not log in: ");
                line.push_str(refusal.as_str());
            }
            output.text(&line)?;
        }
    }
    Ok(())
}

/// Columns of a fixed width: a listing is written as it comes, so nobody knows the longest value.
fn row([login, name, mail, phone, subject]: [&str; 5]) -> String {
    format!("{login:<20}  {name:<26}  {mail:<32}  {phone:<18}  {subject}")
}

fn write_end(end: &End, count: u64, output: &mut Output) -> Result<(), CommandError> {
    let (complete, reason) = match end {
        End::Complete => (true, None),
        End::LimitReached { .. } => (false, Some("limit_reached")),
        End::Incomplete(fault) => (false, Some(fault.code())),
    };
    let text = last_words(end, count);
    if output.format() == OutputFormat::Text {
        output.text(&text)?;
    } else {
        output.object(&EndJson { complete, reason, count })?;
        if matches!(end, End::Incomplete(_)) {
            super::tell(&text);
        }
    }
    Ok(())
}

fn last_words(end: &End, count: u64) -> String {
    match end {
        End::Complete => format!("complete: {count} users"),
        End::LimitReached { unseen: None } => format!("stopped after {count} users: there are more"),
        End::LimitReached { unseen: Some(fault) } => {
            format!("stopped after {count} users: whether there are more cannot be told ({fault})")
        }
        End::Incomplete(fault) => format!("INCOMPLETE after {count} users: {fault}"),
    }
}

#[cfg(test)]
mod tests {
    use provider_api::{Fault, UnavailableReason};

    use super::{End, last_words};

    #[test]
    fn a_listing_says_that_there_are_more_only_if_it_has_seen_so() {
        assert!(last_words(&End::LimitReached { unseen: None }, 5).contains("there are more"));
        let fault = Fault::unavailable(UnavailableReason::TIMEOUT, "too late");
        let words = last_words(&End::LimitReached { unseen: Some(fault) }, 5);
        assert!(words.contains("cannot be told") && words.contains("too late"), "{words}");
    }
}
