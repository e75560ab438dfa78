use directory_data::AttributeName;
use directory_data::active_directory::Sid;
use provider_api::{Fault, MisconfiguredReason};
use wire_guard::SearchScope;

use super::primary::OBJECT_SID;
use super::{FoundGroups, GroupPlan, MOST_GROUPS, found};
use crate::entry::Entry;
use crate::fault;
use crate::filter::EncodedFilter;
use crate::search::{EntryQuery, Searcher};

const TOKEN_GROUPS: &str = "tokenGroups";

/// The SIDs of all groups, nested ones and the primary group among them, in one search of the entry itself, and the
/// groups of these SIDs in another.
pub(super) async fn look_up(plan: &GroupPlan, entry: &Entry, searcher: &Searcher<'_>) -> Result<FoundGroups, Fault> {
    let attribute = AttributeName::parse(TOKEN_GROUPS).map_err(Fault::internal)?;
    // It is there only for who asks for one entry (MS-ADTS section 3.1.1.4.5.19).
    let itself = EntryQuery {
        base: &entry.dn,
        scope: SearchScope::Base,
        filter: &EncodedFilter::has("objectClass"),
        attributes: &[TOKEN_GROUPS],
        most: 1,
    };
    let answer = searcher.search(&itself, "the search for tokenGroups").await?;
    let mut sids = Vec::new();
    for value in answer.entries.iter().flat_map(|found| found.values(&attribute)) {
        sids.push(
            Sid::parse(value).map_err(|error| fault::protocol_violation(format_args!("{TOKEN_GROUPS} {error}")))?,
        );
    }
    if sids.is_empty() {
        // Everybody has a primary group.
        let message = "tokenGroups of users cannot be read by who searches: allow it, or set groups to member_of";
        return Err(Fault::misconfigured(MisconfiguredReason::NO_PERMISSION, message));
    }
    if sids.len() > MOST_GROUPS {
        return Err(found::too_many());
    }
    // All in one search: a SID is 28 octets, so that the filter for as many as there may be is some 40 KB.
    let filters: Vec<_> = sids.iter().map(|sid| EncodedFilter::equals(OBJECT_SID, sid.as_bytes())).collect();
    let mut groups = FoundGroups::default();
    let sid_attribute = AttributeName::parse(OBJECT_SID).map_err(Fault::internal)?;
    for found in plan.search(searcher, &EncodedFilter::any(&filters)).await? {
        let is_one = found.values(&sid_attribute).any(|value| sids.iter().any(|sid| sid.as_bytes() == value));
        if !is_one {
            return Err(fault::protocol_violation("the server sent a group that was not asked for"));
        }
        groups.add(found.dn.clone(), plan.read(&found))?;
    }
    Ok(groups)
}
