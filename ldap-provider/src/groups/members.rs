use directory_data::{AttributeName, Dn};
use provider_api::Fault;
use wire_guard::SearchScope;

use super::found::beyond;
use super::{AT_ONCE, FoundGroups, GroupPlan, MOST_GROUPS, MOST_LEVELS, MOST_SEARCHES, found, primary};
use crate::entry::Entry;
use crate::filter::EncodedFilter;
use crate::search::{EntryQuery, Searcher};

/// What a person has of RFC 2307: the name that stands in the `memberUid` of groups, and the number of the primary group.
pub(super) const POSIX_ATTRIBUTES: [&str; 2] = [UID, GID_NUMBER];
const UID: &str = "uid";
const GID_NUMBER: &str = "gidNumber";
const MEMBER_UID: &str = "memberUid";
const POSIX_GROUP: &[u8] = b"posixGroup";

/// The groups that have the entry as a member, then those that have these, level by level.
pub(super) async fn look_up(plan: &GroupPlan, entry: &Entry, searcher: &Searcher<'_>) -> Result<FoundGroups, Fault> {
    let mut filters = having(plan, &entry.dn);
    if plan.has_posix_groups {
        let [names, numbers] = POSIX_ATTRIBUTES.map(AttributeName::parse);
        let (names, numbers) = (names.map_err(Fault::internal)?, numbers.map_err(Fault::internal)?);
        filters.extend(entry.values(&names).map(|name| EncodedFilter::equals(MEMBER_UID, name)));
        filters.extend(entry.values(&numbers).map(|number| {
            let is_group = EncodedFilter::equals("objectClass", POSIX_GROUP);
            EncodedFilter::all(&[is_group, EncodedFilter::equals(GID_NUMBER, number)])
        }));
    }
    filters.extend(primary::sid(plan, entry)?.map(|sid| EncodedFilter::equals(primary::OBJECT_SID, sid.as_bytes())));
    let mut groups = FoundGroups::default();
    let mut level = Vec::new();
    for found in plan.search(searcher, &EncodedFilter::any(&filters)).await? {
        if groups.add(found.dn.clone(), plan.read(&found))? {
            level.push(found.dn);
        }
    }
    if plan.nested {
        walk_up(plan, searcher, &mut groups, level).await?;
    }
    Ok(groups)
}

/// Adds the groups that have those of a level as members, and so on, until there are no new ones.
pub(super) async fn walk_up(
    plan: &GroupPlan,
    searcher: &Searcher<'_>,
    groups: &mut FoundGroups,
    mut level: Vec<Dn>,
) -> Result<(), Fault> {
    let mut asked = 0;
    // The groups of the person themselves are the first level.
    for _ in 1..MOST_LEVELS {
        if level.is_empty() {
            return Ok(());
        }
        let mut next = Vec::new();
        for some in level.chunks(AT_ONCE) {
            asked += 1;
            if asked > MOST_SEARCHES {
                return Err(beyond("the groups of groups take more searches than one login may cost"));
            }
            let filters: Vec<_> = some.iter().flat_map(|dn| having(plan, dn)).collect();
            for found in plan.search(searcher, &EncodedFilter::any(&filters)).await? {
                if groups.add(found.dn.clone(), plan.read(&found))? {
                    next.push(found.dn);
                }
            }
        }
        level = next;
    }
    if level.is_empty() {
        Ok(())
    } else {
        Err(beyond(&format!("groups lie in groups more than {MOST_LEVELS} levels deep")))
    }
}

/// The filters that find what has this as a member.
pub(super) fn having(plan: &GroupPlan, dn: &Dn) -> Vec<EncodedFilter> {
    let value = dn.as_str().as_bytes();
    plan.member_attributes.iter().map(|attribute| EncodedFilter::equals(attribute, value)).collect()
}

impl GroupPlan {
    /// The groups that match.
    pub(super) async fn search(&self, searcher: &Searcher<'_>, filter: &EncodedFilter) -> Result<Vec<Entry>, Fault> {
        let query = self.query(filter);
        let answer = searcher.search(&query, "the search for groups").await?;
        if answer.is_complete { Ok(answer.entries) } else { Err(found::too_many()) }
    }

    /// The search for groups that match.
    pub(super) fn query<'a>(&'a self, filter: &'a EncodedFilter) -> EntryQuery<'a, String> {
        EntryQuery {
            base: &self.base,
            scope: SearchScope::Subtree,
            filter,
            attributes: &self.attributes,
            most: MOST_GROUPS,
        }
    }
}
