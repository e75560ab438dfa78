//! Listings and how they end.

use std::collections::HashSet;
use std::time::Duration;

use super::bench::{Bench, context, patient};
use super::report::Problems;
use crate::{Capability, ListRequest};

pub(super) async fn listing(bench: &Bench<'_>) -> Result<(), Vec<String>> {
    let provider = bench.provider().await?;
    let mut problems = Problems::default();
    let can_list = bench.plugin.description().capabilities.contains(&Capability::LIST_USERS);
    let mut listing = provider.list_users(&patient(), &ListRequest::everybody());
    let mut users = Vec::new();
    let end = loop {
        match listing.next_page().await {
            Ok(Some(page)) => users.extend(page),
            Ok(None) => break Ok(()),
            Err(fault) => break Err(fault),
        }
    };
    bench.hear(&users);
    if !can_list {
        problems.expect(end.is_err(), || "it cannot list, and says that its list is complete".to_owned());
        return problems.result();
    }
    if let Err(fault) = end {
        bench.count_panic(&fault);
        return Err(vec![format!("it can list, and its list is incomplete: {fault}")]);
    }
    problems.expect(matches!(listing.next_page().await, Ok(None)), || "a listing that has ended goes on".to_owned());
    let mut seen = HashSet::new();
    for user in &users {
        if let Some(subject) = &user.subject {
            problems.expect(seen.insert(subject), || format!("{subject} is listed twice"));
        } else {
            problems.expect(user.refusal.is_some(), || {
                let name = user.login.as_deref().unwrap_or("somebody");
                format!("{name} is listed without a subject and without saying why nobody can log in as that")
            });
        }
    }
    for known in &bench.subject.users {
        match bench.subject_of(&provider, known).await {
            Ok(subject) => {
                let listed = users.iter().find(|user| user.subject.as_deref() == Some(&subject));
                problems.expect(listed.is_some(), || {
                    format!("{} can log in and is missing from a list that says it is complete", known.name)
                });
                let refused = listed.and_then(|user| user.refusal.as_ref());
                problems.expect(refused.is_none(), || format!("{} can log in and is listed as refused", known.name));
            }
            Err(problem) => problems.add(problem),
        }
    }
    // A list that no time is left for is not a list of nobody.
    let mut late = provider.list_users(&context(Duration::ZERO), &ListRequest::everybody());
    problems.expect(late.next_page().await.is_err(), || "a listing after its deadline has an answer".to_owned());
    problems.result()
}
