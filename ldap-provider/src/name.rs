//! What a typed name may mean: which attribute an entry would carry which value in.

use directory_data::AttributeName;
use directory_data::folding::fold;

/// A name that an entry may carry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CarriedName<'a> {
    pub(crate) attribute: &'a AttributeName,
    pub(crate) value: &'a str,
}

/// In which attributes names are looked for.
#[derive(Clone, Debug)]
pub(crate) struct NameRules {
    attributes: Vec<AttributeName>,
    windows: Option<WindowsNames>,
}

/// Active Directory's further names for whoever has a `sAMAccountName` (MS-ADTS section 5.1.1.1.1).
#[derive(Clone, Debug)]
struct WindowsNames {
    account_name: AttributeName,
    /// The domain's DNS name, if it is known.
    dns_domain: Option<String>,
}

/// What was typed.
#[derive(Clone, Debug)]
pub(crate) enum Meaning<'a> {
    /// Whoever carries one of these.
    Names(Vec<CarriedName<'a>>),
    /// `DOMAIN\user`: whoever has the account name, if it is this domain's.
    InDomain { domain: &'a str, user: CarriedName<'a> },
}

/// The attribute of account names.
const ACCOUNT_NAME: &str = "sAMAccountName";

impl NameRules {
    /// Names are looked for in these attributes. `dns_domain` is set where Windows names are understood.
    pub(crate) fn new(attributes: Vec<AttributeName>, has_windows_names: bool, dns_domain: Option<String>) -> Self {
        let account_name = attributes.iter().find(|name| name.is(ACCOUNT_NAME)).filter(|_| has_windows_names).cloned();
        Self { windows: account_name.map(|account_name| WindowsNames { account_name, dns_domain }), attributes }
    }

    /// The attributes, in order of preference.
    pub(crate) fn attributes(&self) -> &[AttributeName] {
        &self.attributes
    }

    /// Whether `DOMAIN\user` is understood.
    pub(crate) fn has_windows_names(&self) -> bool {
        self.windows.is_some()
    }

    /// What a typed name may mean.
    pub(crate) fn meaning<'a>(&'a self, typed: &'a str) -> Meaning<'a> {
        let mut names: Vec<_> =
            self.attributes.iter().map(|attribute| CarriedName { attribute, value: typed }).collect();
        let Some(WindowsNames { account_name, dns_domain }) = &self.windows else { return Meaning::Names(names) };
        let account = |value| CarriedName { attribute: account_name, value };
        if let Some((domain, user)) = typed.split_once('\\') {
            return if self.is_dns_domain(domain) {
                Meaning::Names(vec![account(user)])
            } else {
                Meaning::InDomain { domain, user: account(user) }
            };
        }
        // Everybody has an implicit principal name, beside the one that may be written in the entry.
        if let Some((user, domain)) = typed.rsplit_once('@')
            && dns_domain.is_some()
            && self.is_dns_domain(domain)
        {
            names.push(account(user));
        }
        Meaning::Names(names)
    }

    fn is_dns_domain(&self, text: &str) -> bool {
        let known = self.windows.as_ref().and_then(|windows| windows.dns_domain.as_deref());
        known.is_some_and(|known| is_same_domain(known, text))
    }
}

/// Whether two names are of one domain. Domain names compare without regard to case.
pub(crate) fn is_same_domain(one: &str, other: &str) -> bool {
    !one.is_empty() && fold(one) == fold(other)
}

#[cfg(test)]
mod tests {
    use directory_data::AttributeName;

    use super::{Meaning, NameRules};

    fn meant(typed: &str, attributes: &[&str], windows: bool) -> String {
        let attributes = attributes.iter().map(|name| AttributeName::parse(name).unwrap()).collect();
        let rules = NameRules::new(attributes, windows, windows.then(|| "lab.test".to_owned()));
        match rules.meaning(typed) {
            Meaning::Names(names) => {
                let names: Vec<_> = names.iter().map(|name| format!("{}={}", name.attribute, name.value)).collect();
                names.join(" ")
            }
            Meaning::InDomain { domain, user } => format!("{domain}: {}={}", user.attribute, user.value),
        }
    }

    #[test]
    fn a_name_may_stand_in_each_of_the_attributes() {
        assert_eq!(meant("alice", &["uid", "mail"], false), "uid=alice mail=alice");
        assert_eq!(meant(r"LAB\alice", &["uid"], false), r"uid=LAB\alice");
        assert_eq!(meant("alice@lab.test", &["uid"], false), "uid=alice@lab.test");
    }

    #[test]
    fn an_account_of_a_windows_domain_has_more_names() {
        const BOTH: [&str; 2] = ["sAMAccountName", "userPrincipalName"];
        assert_eq!(meant("alice", &BOTH, true), "sAMAccountName=alice userPrincipalName=alice");
        assert_eq!(
            meant("alice@LAB.test", &BOTH, true),
            "sAMAccountName=alice@LAB.test userPrincipalName=alice@LAB.test sAMAccountName=alice"
        );
        assert_eq!(
            meant("alice@example.com", &BOTH, true),
            "sAMAccountName=alice@example.com userPrincipalName=alice@example.com"
        );
        assert_eq!(meant(r"LAB\alice", &BOTH, true), "LAB: sAMAccountName=alice");
        assert_eq!(meant(r"lab.test\alice", &BOTH, true), "sAMAccountName=alice");
        assert_eq!(meant(r"LAB\alice", &["mail"], true), r"mail=LAB\alice", "account names are not looked for");
    }
}
