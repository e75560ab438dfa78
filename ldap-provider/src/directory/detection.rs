use std::sync::{Arc, OnceLock};

use wire_guard::FoundEntry;

use crate::entry::Entry;
use crate::kind::{Kind, RootDse};
use crate::plan::Plan;
use crate::settings::Config;

/// Which kind of directory it is, as soon as that is known, and what follows from it. It is found out once: the servers
/// of one directory are of one kind.
#[derive(Debug)]
pub(crate) struct Detection {
    config: Arc<Config>,
    plan: OnceLock<Arc<Plan>>,
}

impl Detection {
    /// Knows the kind already if the administrator has set it.
    pub(super) fn new(config: Arc<Config>) -> Self {
        let plan = OnceLock::new();
        if let Some(kind) = config.kind {
            plan.get_or_init(|| Arc::new(Plan::new(&config, kind, None)));
        }
        Self { config, plan }
    }

    /// What follows from the kind, if it is known.
    pub(crate) fn plan(&self) -> Option<&Arc<Plan>> {
        self.plan.get()
    }

    /// What follows from what a server says of itself. The first word counts.
    pub(super) fn learn(&self, root_dse: Option<&FoundEntry>) -> &Arc<Plan> {
        self.plan.get_or_init(|| {
            let root_dse = read(root_dse);
            let kind = root_dse.as_ref().map_or(Kind::Other, RootDse::kind);
            let plan = Plan::new(&self.config, kind, root_dse.as_ref());
            log::info!("{} is {kind}: {}", self.config.servers(), plan.consequences());
            Arc::new(plan)
        })
    }

    /// Which kind a server is by what it says of itself.
    pub(crate) fn kind_of(root_dse: Option<&FoundEntry>) -> Option<Kind> {
        read(root_dse).map(|root_dse| root_dse.kind())
    }
}

fn read(root_dse: Option<&FoundEntry>) -> Option<RootDse> {
    let entry = Entry::found(root_dse?).ok()?;
    Some(RootDse::read(&entry))
}
