use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use directory_data::{Dn, DnKey};
use provider_api::{Fault, Group, UnavailableReason, one_line};

use super::MOST_GROUPS;

/// Groups, each once however its DN is written.
#[derive(Debug, Default)]
pub(crate) struct FoundGroups {
    groups: HashMap<DnKey, (Dn, Group)>,
}

/// How many groups are named in a message.
const NAMED: usize = 8;

impl FoundGroups {
    /// Adds a group. Whether it was not there yet.
    ///
    /// # Errors
    ///
    /// When there are too many.
    pub(super) fn add(&mut self, dn: Dn, group: Group) -> Result<bool, Fault> {
        let count = self.groups.len();
        match self.groups.entry(dn.key()) {
            // The one with an id was read.
            Slot::Occupied(mut slot) => {
                if slot.get().1.id.is_none() && group.id.is_some() {
                    slot.insert((dn, group));
                }
                Ok(false)
            }
            Slot::Vacant(_) if count == MOST_GROUPS => Err(too_many()),
            Slot::Vacant(slot) => {
                slot.insert((dn, group));
                Ok(true)
            }
        }
    }

    pub(super) fn contains(&self, dn: &Dn) -> bool {
        self.groups.contains_key(&dn.key())
    }

    pub(super) fn dns(&self) -> impl Iterator<Item = &Dn> {
        self.groups.values().map(|(dn, _)| dn)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// For an administrator: some of them, and how many there are.
    pub(super) fn shown(&self) -> String {
        let mut dns: Vec<_> = self.dns().map(ToString::to_string).collect();
        dns.sort();
        match dns.len() {
            0 => "in no group at all".to_owned(),
            count if count <= NAMED => format!("in {}", dns.join("; ")),
            count => format!("in {count} groups, among them {}", dns.get(..NAMED).unwrap_or_default().join("; ")),
        }
    }

    /// The groups, by name.
    pub(crate) fn into_groups(self) -> Vec<Group> {
        let mut groups: Vec<_> = self.groups.into_values().map(|(_, group)| group).collect();
        groups.sort_by(|one, other| (&one.name, &one.dn).cmp(&(&other.name, &other.dn)));
        groups
    }
}

/// A group of which no more than the DN is known.
pub(super) fn by_dn(dn: &Dn) -> Group {
    let mut group = Group::named(one_line(&dn.first_value().unwrap_or_else(|| dn.as_str().to_owned())));
    group.dn = Some(dn.as_str().to_owned());
    group
}

/// More groups than are looked through.
pub(super) fn too_many() -> Fault {
    beyond(&format!("the person is in more than {MOST_GROUPS} groups"))
}

/// More than is looked through, of whatever it is.
pub(super) fn beyond(what: &str) -> Fault {
    let message = format!("{what}, so that it is not known whether these are all; see nested_groups and group_base_dn");
    Fault::unavailable(UnavailableReason::SIZE_LIMIT, message)
}
