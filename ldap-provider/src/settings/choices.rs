use std::time::Duration;

use directory_data::{AttributeName, Dn};
use provider_api::Fault;

use super::names::OneOrMany;
use super::{GroupsChoice, Scope, Settings, attribute, duration, present};
use crate::filter::Restriction;
use crate::groups::Source;

/// What the administrator has chosen, where a kind of directory has something else by default.
#[derive(Clone, Debug)]
pub(crate) struct Choices {
    pub(crate) scope: Option<Scope>,
    pub(crate) filter: Option<Restriction>,
    pub(crate) username_attributes: Option<Vec<AttributeName>>,
    pub(crate) subject: Option<AttributeName>,
    pub(crate) profile: ProfileChoices,
    /// `None` if nobody asks for groups.
    pub(crate) groups: Option<GroupChoices>,
    pub(crate) expiry_warning: Duration,
}

/// The attributes of a person.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProfileChoices {
    pub(crate) display_name: Option<Vec<AttributeName>>,
    pub(crate) given_name: Option<Vec<AttributeName>>,
    pub(crate) family_name: Option<Vec<AttributeName>>,
    pub(crate) email: Option<Vec<AttributeName>>,
    pub(crate) phone: Option<Vec<AttributeName>>,
    pub(crate) extra: Vec<AttributeName>,
}

/// The groups that are asked for.
#[derive(Clone, Debug)]
pub(crate) struct GroupChoices {
    pub(crate) source: Option<Source>,
    pub(crate) nested: bool,
    pub(crate) base: Option<Dn>,
    pub(crate) required: Vec<Dn>,
    pub(crate) denied: Vec<Dn>,
}

/// More attributes, or groups, than one setting ever needs.
const MOST_ATTRIBUTES: usize = 16;
const MOST_GROUPS: usize = 256;

impl Choices {
    /// Reads them.
    pub(super) fn parse(settings: &Settings) -> Result<Self, Fault> {
        let filter = present(settings.filter.as_deref()).map(Restriction::parse).transpose();
        let warning = match present(Some(&settings.password_expiry_warning)) {
            None => duration::warning(&duration::default_warning()),
            Some(text) => duration::warning(text),
        };
        let subject = present(settings.subject_attribute.as_deref());
        Ok(Self {
            scope: settings.scope,
            // A blank filter is none of the administrator's, and so is one that is left out.
            filter: filter.map_err(|error| Fault::setting("filter", error))?.flatten(),
            username_attributes: attributes("username_attribute", settings.username_attribute.as_ref())?,
            subject: subject.map(|name| attribute("subject_attribute", name)).transpose()?,
            profile: ProfileChoices {
                display_name: attributes("display_name_attribute", settings.display_name_attribute.as_ref())?,
                given_name: attributes("given_name_attribute", settings.given_name_attribute.as_ref())?,
                family_name: attributes("family_name_attribute", settings.family_name_attribute.as_ref())?,
                email: attributes("email_attribute", settings.email_attribute.as_ref())?,
                phone: attributes("phone_attribute", settings.phone_attribute.as_ref())?,
                extra: extra(settings.extra_attributes.as_ref())?,
            },
            groups: groups(settings)?,
            expiry_warning: warning.map_err(|error| Fault::setting("password_expiry_warning", error))?,
        })
    }
}

fn attributes(key: &str, names: Option<&OneOrMany>) -> Result<Option<Vec<AttributeName>>, Fault> {
    let Some(names) = names else { return Ok(None) };
    if names.is_empty_list() {
        return Err(Fault::setting(key, "is an empty list; name at least one attribute, or leave it out"));
    }
    let names = names.names();
    if names.len() > MOST_ATTRIBUTES {
        return Err(Fault::setting(key, format!("has more than {MOST_ATTRIBUTES} attributes")));
    }
    let names: Vec<_> = names.into_iter().map(|name| attribute(key, name)).collect::<Result<_, _>>()?;
    Ok((!names.is_empty()).then_some(names))
}

fn extra(names: Option<&OneOrMany>) -> Result<Vec<AttributeName>, Fault> {
    let is_none = names.is_none_or(OneOrMany::is_empty_list);
    Ok(if is_none { None } else { attributes("extra_attributes", names)? }.unwrap_or_default())
}

fn groups(settings: &Settings) -> Result<Option<GroupChoices>, Fault> {
    let required = group_dns("required_groups", settings.required_groups.as_ref())?;
    let denied = group_dns("denied_groups", settings.denied_groups.as_ref())?;
    let decides = !(required.is_empty() && denied.is_empty());
    let base = match present(settings.group_base_dn.as_deref()) {
        None => None,
        Some(text) => Some(dn("group_base_dn", text)?),
    };
    match settings.groups {
        Some(GroupsChoice::None) if decides => {
            Err(Fault::setting("groups", "is none, but required_groups or denied_groups depend on groups"))
        }
        None if !decides => Ok(None),
        Some(GroupsChoice::None) => Ok(None),
        Some(GroupsChoice::TokenGroups) if !settings.nested_groups => {
            Err(Fault::setting("nested_groups", "is false, but tokenGroups always has the groups of groups too"))
        }
        choice => {
            if let Some(base) = &base
                && let Some((key, dn)) = [("required_groups", &required), ("denied_groups", &denied)]
                    .into_iter()
                    .find_map(|(key, dns)| Some((key, dns.iter().find(|dn| dn.levels_below(base).is_none())?)))
            {
                return Err(Fault::setting(key, format!("has {dn}, which does not lie below group_base_dn")));
            }
            Ok(Some(GroupChoices {
                source: choice.and_then(GroupsChoice::source),
                nested: settings.nested_groups,
                base,
                required,
                denied,
            }))
        }
    }
}

fn group_dns(key: &str, names: Option<&OneOrMany>) -> Result<Vec<Dn>, Fault> {
    // Whoever writes a list believes that it decides.
    if names.is_some_and(OneOrMany::is_empty_list) {
        return Err(Fault::setting(
            key,
            "is an empty list, which would let everybody in; name a group, or leave it out",
        ));
    }
    let names = names.map(OneOrMany::names).unwrap_or_default();
    if names.len() > MOST_GROUPS {
        return Err(Fault::setting(key, format!("has more than {MOST_GROUPS} groups")));
    }
    names.into_iter().map(|name| dn(key, name)).collect()
}

fn dn(key: &str, text: &str) -> Result<Dn, Fault> {
    let dn = Dn::parse(text.trim()).map_err(|error| Fault::setting(key, error.to_string()))?;
    if dn.is_empty() { Err(Fault::setting(key, "is empty; write a DN, or leave it out")) } else { Ok(dn) }
}
