use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use provider_api::Fault;
use wire_guard::Found;

use crate::entry::Entry;
use crate::kind::{Kind, RootDse};
use crate::lock::lock;
use crate::per_lane::PerLane;
use crate::plan::{Contexts, Plan};
use crate::result_code::{
    self, CONFIDENTIALITY_REQUIRED, INAPPROPRIATE_AUTHENTICATION, INSUFFICIENT_ACCESS_RIGHTS, INVALID_CREDENTIALS,
    NO_SUCH_OBJECT, OPERATIONS_ERROR, STRONGER_AUTH_REQUIRED, SUCCESS, UNWILLING_TO_PERFORM,
};
use crate::settings::Config;

/// Which kind of directory it is, as soon as that is known, and what follows from it. It is found out once: the servers
/// of one directory are of one kind.
#[derive(Debug)]
pub(crate) struct Detection {
    config: Arc<Config>,
    guess: Arc<Plan>,
    /// What will most likely follow, for each lane, worked out while nobody waits for it.
    likely: PerLane<Arc<Plan>>,
    state: Mutex<State>,
    /// What follows from it: for each lane a copy of its own, since each login has one for as long as it takes.
    plans: PerLane<Mutex<Option<Arc<Plan>>>>,
}

/// After so long a server that did not say what it is is asked again.
const AGAIN_AFTER: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
struct State {
    /// Whether a server has said what it is, or need not say it.
    is_settled: bool,
    /// When a server was last asked in vain.
    in_vain: Option<Instant>,
}

/// Who has asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Nobody in particular, who may not be shown all.
    Anonymously,
    /// Whoever searches in this directory.
    AsWhoSearches,
}

impl Detection {
    /// Knows the kind already if the administrator has set it, and needs nothing else of what a server says of itself.
    pub(super) fn new(config: Arc<Config>) -> Self {
        let needs_no_base = config.choices.groups.as_ref().is_none_or(|groups| groups.base.is_some());
        let settled = config.kind.filter(|kind| needs_no_base && !kind.facts().has_windows_names);
        let guess = Arc::new(Plan::guess(&config));
        let likely = PerLane::new(|| Arc::new(Plan::likely(&config)));
        let state = Mutex::new(State { is_settled: settled.is_some(), in_vain: None });
        let detection = Self { config, guess, likely, state, plans: PerLane::default() };
        if let Some(kind) = settled {
            detection.set_plans(kind, None);
        }
        detection
    }

    /// What follows from the kind, if it is known, or taken for granted until a server says what it is.
    pub(crate) fn plan(&self) -> Option<Arc<Plan>> {
        lock(self.plans.here()).clone()
    }

    fn set_plans(&self, kind: Kind, root_dse: Option<&RootDse>) {
        let contexts = Contexts::of(&self.config.base_dn, root_dse);
        for lane in self.plans.lanes() {
            let likely = self.likely.of(lane);
            let plan = if likely.is_for(kind, &contexts) {
                Arc::clone(likely)
            } else {
                Arc::new(Plan::new(&self.config, kind, contexts.clone()))
            };
            *lock(self.plans.of(lane)) = Some(plan);
        }
    }

    /// What most likely follows, as long as nothing is known.
    pub(crate) fn guess(&self) -> Arc<Plan> {
        Arc::clone(&self.guess)
    }

    /// Whether nothing is left to ask, at least for now.
    pub(crate) fn is_settled(&self) -> bool {
        let state = self.state();
        let is_too_early = state.in_vain.is_some_and(|when| when.elapsed() < AGAIN_AFTER);
        state.is_settled || (self.plan().is_some() && is_too_early)
    }

    /// What follows from what a server says of itself.
    ///
    /// # Errors
    ///
    /// When it does not say why it says nothing: a server that is busy is no other kind of server.
    pub(super) fn learn(&self, root_dse: &Found, asked: Asked) -> Result<Option<Arc<Plan>>, Fault> {
        let mut state = self.state();
        if state.is_settled {
            return Ok(self.plan());
        }
        let read = read(root_dse)?;
        let detected = read.as_ref().map_or(Kind::Other, RootDse::kind);
        // Who is shown little, or nothing, says nothing about what others are shown.
        if asked == Asked::Anonymously && detected == Kind::Other {
            return Ok(None);
        }
        let kind = self.config.kind.unwrap_or(detected);
        let before = self.plan().map(|plan| plan.kind);
        self.set_plans(kind, read.as_ref());
        let plan = self.plan();
        state.is_settled = read.is_some();
        state.in_vain = (!state.is_settled).then(Instant::now);
        if let Some(plan) = &plan
            && before != Some(kind)
        {
            log::info!("{} is {kind}: {}", self.config.servers(), plan.consequences());
        }
        Ok(plan)
    }

    /// Which kind a server is by what it says of itself; `None` if it says nothing.
    pub(crate) fn kind_of(root_dse: &Found) -> Option<Kind> {
        read(root_dse).ok().flatten().map(|root_dse| root_dse.kind())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// What the server says of itself; `None` if it does not show it.
fn read(found: &Found) -> Result<Option<RootDse>, Fault> {
    if let Some(entry) = found.entries.first() {
        return Ok(Entry::found(entry).ok().map(|entry| RootDse::read(&entry)));
    }
    match &found.end {
        Some((result, _)) => match result.code {
            SUCCESS
            | OPERATIONS_ERROR
            | STRONGER_AUTH_REQUIRED
            | CONFIDENTIALITY_REQUIRED
            | NO_SUCH_OBJECT
            | INAPPROPRIATE_AUTHENTICATION
            | INVALID_CREDENTIALS
            | INSUFFICIENT_ACCESS_RIGHTS
            | UNWILLING_TO_PERFORM => Ok(None),
            code => {
                let said = result_code::said(code, &result.diagnostic);
                Err(result_code::unavailable(code, "reading the server's root DSE", &said))
            }
        },
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use provider_api::author::Lane;
    use serde_json::json;

    use super::Detection;
    use crate::kind::Kind;
    use crate::settings::Config;

    #[test]
    fn what_one_lane_has_found_out_holds_for_all_and_each_has_a_copy() {
        let lanes = [Lane::new(0, 2), Lane::new(1, 2)];
        let settings = json!({ "host": "ldap.example.com", "base_dn": "ou=people,dc=example,dc=com" });
        let config = Arc::new(Config::parse(serde_json::from_value(settings).unwrap()).unwrap());
        // The one for which plans were ready, and one for which they were not.
        for kind in [Kind::OpenLdap, Kind::Dirsrv389] {
            let detection = lanes[0].during(|| Detection::new(Arc::clone(&config)));
            assert!(lanes.iter().all(|lane| lane.during(|| detection.plan()).is_none()));
            lanes[1].during(|| detection.set_plans(kind, None));
            let [one, other] = lanes.map(|lane| lane.during(|| detection.plan()).expect("it is known"));
            assert_eq!((one.kind, other.kind), (kind, kind));
            assert!(!Arc::ptr_eq(&one, &other), "what logins count on each is no other lane's");
            for (lane, plan) in lanes.into_iter().zip([one, other]) {
                assert_eq!(Arc::ptr_eq(&plan, detection.likely.of(lane)), kind == Kind::OpenLdap, "{kind}");
            }
        }
    }
}
