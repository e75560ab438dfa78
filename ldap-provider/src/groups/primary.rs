//! Active Directory's primary group, which neither `memberOf` nor `member` tells of.

use directory_data::AttributeName;
use directory_data::active_directory::{Sid, primary_group_id};
use provider_api::{Fault, MisconfiguredReason};

use super::GroupPlan;
use crate::entry::Entry;
use crate::fault;

pub(super) const ATTRIBUTES: [&str; 2] = [OBJECT_SID, PRIMARY_GROUP_ID];
pub(super) const OBJECT_SID: &str = "objectSid";
const PRIMARY_GROUP_ID: &str = "primaryGroupID";

/// The SID of an entry's primary group, where there is such a thing: that of the entry's domain with the entry's
/// `primaryGroupID` (MS-ADTS section 3.1.1.4.5.19).
pub(super) fn sid(plan: &GroupPlan, entry: &Entry) -> Result<Option<Sid>, Fault> {
    if !plan.has_primary_group {
        return Ok(None);
    }
    let sid = Sid::parse(only(entry, OBJECT_SID)?).map_err(|error| unreadable(OBJECT_SID, &error))?;
    let id = primary_group_id(only(entry, PRIMARY_GROUP_ID)?).map_err(|error| unreadable(PRIMARY_GROUP_ID, &error))?;
    sid.domain_with(id).map(Some).ok_or_else(|| unreadable(OBJECT_SID, &"is the SID of no domain's account"))
}

/// Whether the entry has this SID.
pub(super) fn is_of(sid: &Sid, entry: &Entry) -> bool {
    AttributeName::parse(OBJECT_SID).is_ok_and(|name| entry.values(&name).any(|value| value == sid.as_bytes()))
}

fn only<'a>(entry: &'a Entry, name: &str) -> Result<&'a [u8], Fault> {
    let attribute = AttributeName::parse(name).map_err(Fault::internal)?;
    entry.values(&attribute).next().ok_or_else(|| {
        let message =
            format!("{name} of users cannot be read, which tells their primary group: let it be read by who searches");
        Fault::misconfigured(MisconfiguredReason::NO_PERMISSION, message)
    })
}

fn unreadable(name: &str, error: &dyn std::fmt::Display) -> Fault {
    fault::protocol_violation(format_args!("the entry's {name} {error}"))
}
