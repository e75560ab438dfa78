//! A login without a search before it: the typed name becomes the name that is bound as.

use std::sync::Arc;
use std::time::SystemTime;

use directory_data::AttributeName;
use provider_api::{Decision, Fault, RejectReason, Rejection};
use wire_guard::{BindName, BindRequest, SearchScope, UserBind};

use super::{Login, accept, identity, one};
use crate::directory::{BindFailure, Server, Setback};
use crate::entry::Entry;
use crate::fault;
use crate::filter::EncodedFilter;
use crate::kind::Kind;
use crate::name::{CarriedName, Meaning};
use crate::plan::Plan;
use crate::search::{EntryQuery, Searcher};
use crate::settings::{BindTemplate, Rendered};
use crate::user_bind;

const PRINCIPAL_NAME: &str = "userPrincipalName";
const ACCOUNT_NAME: &str = "sAMAccountName";

impl Login<'_> {
    /// The answer of one server: a bind on a connection of its own, on which the entry is read as the person, and which
    /// is closed after that.
    pub(super) async fn directly(
        &mut self,
        server: &Arc<Server>,
        template: &BindTemplate,
    ) -> Result<Decision, Setback> {
        let rendered = match template.render(self.name) {
            Ok(rendered) => rendered,
            Err(error) => return Ok(Rejection::new(RejectReason::UNKNOWN_USER, error.to_string()).into()),
        };
        let name = match &rendered {
            Rendered::Dn(dn) => dn.as_str(),
            Rendered::Principal { name, .. } => name,
        };
        let name =
            BindName::new(name).map_err(|error| Setback::Final(Fault::setting("bind_template", error.to_string())))?;
        let Some((password, permit)) = self.unspent.take() else {
            return Err(Setback::Final(Fault::internal("the password of this login has been spent")));
        };
        let bind = UserBind::new(BindRequest::simple(name, password), permit);
        let bound = match server.bind_directly(bind, self.steps, self.deadline).await {
            Ok(answered) => answered,
            Err(BindFailure::Unanswered { fault, sent, turn: _turn }) => {
                return Err(self.without_an_answer(server, fault, sent));
            }
            Err(BindFailure::NotSent(setback, bind)) => {
                self.unspent = Some(bind.unspent());
                return Err(setback);
            }
        };
        // From here on the password is spent: no other server is asked.
        let response = bound.answer.response;
        // It may take the service account to know.
        let plan = self.plan(server).await.map_err(|setback| Setback::Final(setback.into_fault()))?;
        if let Err(rejection) = user_bind::password_verdict(&response, &plan.state).map_err(Setback::Final)? {
            return Ok(rejection.into());
        }
        let connection = bound.answer.connection.ok_or_else(|| {
            Setback::Final(fault::protocol_violation("the server said more than the answer to the bind"))
        })?;
        let connection = connection.into_searches();
        let searcher = Searcher::own(server, &connection, self.steps, self.deadline);
        let decided = self.as_themselves(&plan, &rendered, &searcher, &response).await;
        decided.map_err(Setback::Final)
    }

    async fn as_themselves(
        &self,
        plan: &Plan,
        rendered: &Rendered,
        searcher: &Searcher<'_>,
        response: &wire_guard::BindResponse,
    ) -> Result<Decision, Fault> {
        let config = &*self.directory.config;
        let principal = AttributeName::parse(PRINCIPAL_NAME).map_err(Fault::internal)?;
        let account = AttributeName::parse(ACCOUNT_NAME).map_err(Fault::internal)?;
        let (names, own_dn) = match rendered {
            Rendered::Dn(dn) => match plan.names.meaning(self.name) {
                Meaning::Names(names) => (names, Some(dn)),
                Meaning::InDomain { .. } => return Ok(nobody().into()),
            },
            Rendered::Principal { name, user } => (
                vec![
                    CarriedName { attribute: &principal, value: name },
                    CarriedName { attribute: &account, value: user },
                ],
                None,
            ),
        };
        let found = searcher.user(config, plan, &names, own_dn).await;
        let entry = match one(found?) {
            Ok(entry) => entry,
            Err(rejection) if rejection.reason == RejectReason::UNKNOWN_USER => return Ok(nobody().into()),
            Err(rejection) => return Ok(rejection.into()),
        };
        if let Rendered::Principal { name, .. } = rendered
            && !is_the_one_bound(plan, &entry, name, searcher).await?
        {
            let message = format!(
                "{} is not known to be the one who is bound as this name: write it into the entry's userPrincipalName, or \
                    let a service account search",
                entry.dn
            );
            return Ok(Rejection::new(RejectReason::NAME_MISMATCH, message).into());
        }
        // Searches for groups make no sense for who may not log in anyway.
        let notices = match user_bind::verdict(response, &entry, &plan.state, SystemTime::now())? {
            Ok(notices) => notices,
            Err(rejection) => return Ok(rejection.into()),
        };
        let identity = match identity(plan, &entry, &names)? {
            Ok(identity) => identity,
            Err(rejection) => return Ok(rejection.into()),
        };
        let groups = match &plan.groups {
            Some(groups) => Some(groups.of(&entry, searcher).await),
            None => None,
        };
        accept(plan, identity, notices, groups)
    }
}

/// Whether the entry is the one that a bind as a principal name has authenticated. It is if the name is written in it. A
/// server takes the written name first (MS-ADTS section 5.1.1.1.1), so that the account name alone could be somebody
/// else's, in another domain of the forest too; in a Samba domain, which is a forest of its own, it is enough that nobody
/// else has the name written in them.
async fn is_the_one_bound(plan: &Plan, entry: &Entry, name: &str, searcher: &Searcher<'_>) -> Result<bool, Fault> {
    let principal = AttributeName::parse(PRINCIPAL_NAME).map_err(Fault::internal)?;
    // No more generous than the case: this is to know who it is, not to notice who it cannot be.
    let is_same = |one: &str, other: &str| one.to_lowercase() == other.to_lowercase();
    if entry.texts(&principal).any(|own| is_same(own, name)) {
        return Ok(true);
    }
    let domain = name.rsplit_once('@').map(|(_, domain)| domain);
    let is_ours = plan.naming_context().dns_name().zip(domain).is_some_and(|(ours, domain)| is_same(&ours, domain));
    if plan.kind != Kind::Samba || !is_ours {
        return Ok(false);
    }
    let query = EntryQuery {
        base: plan.naming_context(),
        scope: SearchScope::Subtree,
        filter: &EncodedFilter::equals(PRINCIPAL_NAME, name.as_bytes()),
        attributes: &["1.1"],
        most: 2,
    };
    let others = searcher.search(&query, "the search for others of this name").await?;
    Ok(others.is_complete && others.entries.iter().all(|other| other.dn.is_same(&entry.dn)))
}

fn nobody() -> Rejection {
    Rejection::new(
        RejectReason::UNKNOWN_USER,
        "the password is right, but the person's own entry does not match filter and base_dn, or they may not read it",
    )
}
