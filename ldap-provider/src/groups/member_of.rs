use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::Ordering;

use directory_data::{AttributeName, Dn, DnKey};
use provider_api::{Fault, Group};
use wire_guard::SearchScope;

use super::found::{beyond, by_dn, too_many};
use super::{AT_ONCE, FoundGroups, GroupPlan, MOST_GROUPS, MOST_LEVELS, MOST_SEARCHES, members, primary};
use crate::entry::Entry;
use crate::fault;
use crate::filter::EncodedFilter;
use crate::kind::MemberOf;
use crate::search::{EntryQuery, Searcher};

pub(super) const MEMBER_OF: &str = "memberOf";

/// What groups are, in the directories that keep `memberOf`.
const GROUP_CLASSES: [&str; 5] = ["groupOfNames", "groupOfUniqueNames", "groupOfMembers", "posixGroup", "group"];

/// A group that was read, and the groups that it lies in.
struct Read {
    dn: Dn,
    group: Group,
    parents: Vec<Dn>,
}

/// The groups that the entry says it is in, then those that these are in.
///
/// Where these have to be looked for, the first search brings all groups that lie in others, beside those that are asked
/// for, so that the whole nesting is known after it and a second one reads what lies at the top of it. Where there are
/// more of them than one search may find, it goes level by level.
pub(super) async fn look_up(plan: &GroupPlan, entry: &Entry, searcher: &Searcher<'_>) -> Result<FoundGroups, Fault> {
    let direct = values(entry, searcher).await?;
    let Some(dn_attribute) = plan.dn_attribute else {
        return without_dn_attribute(plan, entry, searcher, direct).await;
    };
    let mut primary = primary::sid(plan, entry)?;
    let walks = plan.nested && plan.member_of == MemberOf::Direct;
    let mut groups = FoundGroups::default();
    let mut read = HashMap::<DnKey, Read>::new();
    let mut reached = HashSet::<DnKey>::new();
    // How many groups lie between each and the person.
    let mut queue: VecDeque<(Dn, usize)> = direct.into_iter().map(|dn| (dn, 0)).collect();
    let mut asked = 0;
    loop {
        // As far up as what was read tells, so that what is missing is asked for at once, whatever its level.
        let mut unread = Vec::new();
        while let Some((dn, depth)) = queue.pop_front() {
            if !reached.insert(dn.key()) {
                continue;
            }
            if depth == MOST_LEVELS {
                return Err(beyond(&format!("groups lie in groups more than {MOST_LEVELS} levels deep")));
            }
            let Some(Read { dn, group, parents }) = read.get(&dn.key()) else {
                unread.push((dn, depth));
                continue;
            };
            groups.add(dn.clone(), group.clone())?;
            queue.extend(parents.iter().filter(|_| walks).map(|parent| (parent.clone(), depth + 1)));
        }
        let mut filters: Vec<_> =
            unread.iter().map(|(dn, _)| EncodedFilter::equals(dn_attribute, dn.as_str().as_bytes())).collect();
        let wanted_sid = primary.take();
        filters.extend(wanted_sid.as_ref().map(|sid| EncodedFilter::equals(primary::OBJECT_SID, sid.as_bytes())));
        if filters.is_empty() {
            return Ok(groups);
        }
        for some in filters.chunks(AT_ONCE) {
            asked += 1;
            if asked > MOST_SEARCHES {
                return Err(beyond("the groups of groups take more searches than one login may cost"));
            }
            for found in read_groups(plan, searcher, some, walks && asked == 1).await? {
                if wanted_sid.as_ref().is_some_and(|sid| primary::is_of(sid, &found)) {
                    queue.push_back((found.dn.clone(), 0));
                }
                let parents = values_there(&found)?;
                read.insert(found.dn.key(), Read { group: plan.read(&found), dn: found.dn, parents });
            }
        }
        for (dn, depth) in unread {
            if read.contains_key(&dn.key()) {
                reached.remove(&dn.key());
                queue.push_back((dn, depth));
            } else {
                // One that cannot be read is a group all the same: the server says so. What it lies in is not known.
                if walks && plan.denies() {
                    return Err(beyond(&format!("the group {dn} cannot be read")));
                }
                groups.add(dn.clone(), by_dn(&dn))?;
            }
        }
    }
}

/// The groups that match one of the filters, and with them all that lie in others, if that is not too much.
async fn read_groups(
    plan: &GroupPlan,
    searcher: &Searcher<'_>,
    filters: &[EncodedFilter],
    with_nesting: bool,
) -> Result<Vec<Entry>, Fault> {
    const WHAT: &str = "the search for groups";
    let wanted = EncodedFilter::any(filters);
    if with_nesting && !plan.nesting_is_too_large.load(Ordering::Relaxed) {
        let classes = GROUP_CLASSES.map(|class| EncodedFilter::equals("objectClass", class.as_bytes()));
        let nested = EncodedFilter::all(&[EncodedFilter::any(&classes), EncodedFilter::has(MEMBER_OF)]);
        let both = EncodedFilter::any(&[wanted.clone(), nested]);
        // A server may not like so wide a search; the narrow one is as good, if it takes more of them.
        if let Ok(answer) = searcher.search(&plan.query(&both), WHAT).await
            && answer.is_complete
        {
            return Ok(answer.entries);
        }
        plan.nesting_is_too_large.store(true, Ordering::Relaxed);
    }
    plan.search(searcher, &wanted).await
}

/// For directories in which an entry cannot be looked for by its DN: groups are found by their members.
async fn without_dn_attribute(
    plan: &GroupPlan,
    entry: &Entry,
    searcher: &Searcher<'_>,
    direct: Vec<Dn>,
) -> Result<FoundGroups, Fault> {
    let mut groups = FoundGroups::default();
    for dn in &direct {
        groups.add(dn.clone(), by_dn(dn))?;
    }
    let having = members::having(plan, &entry.dn);
    for found in plan.search(searcher, &EncodedFilter::any(&having)).await? {
        // The entry's own word counts; these are read for their ids.
        if groups.contains(&found.dn) {
            groups.add(found.dn.clone(), plan.read(&found))?;
        }
    }
    if plan.nested && plan.member_of == MemberOf::Direct {
        members::walk_up(plan, searcher, &mut groups, direct).await?;
    }
    Ok(groups)
}

/// All values of the entry's `memberOf`, also those that Active Directory hands out in pieces.
async fn values(entry: &Entry, searcher: &Searcher<'_>) -> Result<Vec<Dn>, Fault> {
    let attribute = AttributeName::parse(MEMBER_OF).map_err(Fault::internal)?;
    let mut dns = values_there(entry)?;
    let mut last = entry.range_of(&attribute).map_err(malformed)?;
    if last.is_some_and(|range| range.first != 0) {
        return Err(another_piece());
    }
    while let Some(next) = last.and_then(|range| range.last).and_then(|last| last.checked_add(1)) {
        let name = format!("{MEMBER_OF};range={next}-*");
        let query = EntryQuery {
            base: &entry.dn,
            scope: SearchScope::Base,
            filter: &EncodedFilter::has("objectClass"),
            attributes: &[name],
            most: 1,
        };
        let answer = searcher.search(&query, "the search for further groups").await?;
        let more = answer.entries.first().filter(|_| answer.is_complete).ok_or_else(another_piece)?;
        let range = more.range_of(&attribute).map_err(malformed)?;
        // One that does not begin where the last one ended goes round in circles, and none at all is not the end.
        if range.as_ref().is_none_or(|range| range.first != next) {
            return Err(another_piece());
        }
        dns.extend(values_there(more)?);
        if dns.len() > MOST_GROUPS {
            return Err(too_many());
        }
        last = range;
    }
    Ok(dns)
}

/// The values of an entry's `memberOf` that came with it.
fn values_there(entry: &Entry) -> Result<Vec<Dn>, Fault> {
    let attribute = AttributeName::parse(MEMBER_OF).map_err(Fault::internal)?;
    let values = entry.values(&attribute).chain(entry.values_in_range(&attribute));
    values
        .map(|value| {
            let text = str::from_utf8(value).map_err(malformed)?;
            Dn::parse(text).map_err(malformed)
        })
        .collect()
}

fn another_piece() -> Fault {
    fault::protocol_violation("the server hands out another piece of memberOf than it was asked for, or none")
}

fn malformed(error: impl std::fmt::Display) -> Fault {
    fault::protocol_violation(format_args!("a value of memberOf {error}"))
}
