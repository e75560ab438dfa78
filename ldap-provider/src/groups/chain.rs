use directory_data::Dn;
use provider_api::Fault;

use super::found::beyond;
use super::{FoundGroups, GroupPlan, primary};
use crate::entry::Entry;
use crate::filter::EncodedFilter;
use crate::search::Searcher;

/// `LDAP_MATCHING_RULE_IN_CHAIN`, MS-ADTS section 3.1.1.3.4.4.3.
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";

/// All groups that the entry is in by a chain of members, and the primary group; then the groups that the latter is in.
pub(super) async fn look_up(plan: &GroupPlan, entry: &Entry, searcher: &Searcher<'_>) -> Result<FoundGroups, Fault> {
    let above = |dn: &Dn| {
        if plan.nested {
            EncodedFilter::matches("member", IN_CHAIN, dn.as_str().as_bytes())
        } else {
            EncodedFilter::equals("member", dn.as_str().as_bytes())
        }
    };
    let primary = primary::sid(plan, entry)?;
    let mut groups = FoundGroups::default();
    let mut filters = vec![above(&entry.dn)];
    filters.extend(primary.as_ref().map(|sid| EncodedFilter::equals(primary::OBJECT_SID, sid.as_bytes())));
    let mut of_primary = None;
    for found in plan.search(searcher, &EncodedFilter::any(&filters)).await? {
        groups.add(found.dn.clone(), plan.read(&found))?;
        if primary.as_ref().is_some_and(|sid| primary::is_of(sid, &found)) {
            of_primary = Some(above(&found.dn));
        }
    }
    if plan.nested && plan.denies() && primary.is_some() && of_primary.is_none() {
        return Err(beyond("the person's primary group cannot be read"));
    }
    // What the others are in was found already.
    if plan.nested
        && let Some(filter) = of_primary
    {
        for found in plan.search(searcher, &filter).await? {
            groups.add(found.dn.clone(), plan.read(&found))?;
        }
    }
    Ok(groups)
}
