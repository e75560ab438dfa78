use directory_data::Dn;
use directory_data::folding::fold;

/// What stands for the typed name.
const USERNAME: &str = "{username}";

/// How a typed name becomes the name that is bound as, without a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BindTemplate {
    /// A DN, of which the name is the value that names the entry.
    Dn {
        /// What stands before the name.
        before: String,
        /// What stands behind it.
        behind: String,
    },
    /// A name of Active Directory's, `user@domain` (MS-ADTS section 5.1.1.1.1).
    Principal {
        /// Behind the `@`.
        domain: String,
    },
}

/// The name to bind as.
#[derive(Clone, Debug)]
pub(crate) enum Rendered {
    /// The entry's own DN.
    Dn(Dn),
    /// A principal name, and the part before its `@`.
    Principal { name: String, user: String },
}

/// A typed name that cannot be put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unrenderable(&'static str);

impl BindTemplate {
    /// Checks a template. A DN has to lie below `base`.
    pub(crate) fn parse(text: &str, base: &Dn) -> Result<Self, String> {
        let text = text.trim();
        let Some((before, behind)) = text.split_once(USERNAME) else {
            return Err(format!("does not have {USERNAME} in it, which stands for the name that is typed"));
        };
        if behind.contains(USERNAME) {
            return Err(format!("has {USERNAME} in it more than once"));
        }
        if let ("", Some(domain)) = (before, behind.strip_prefix('@')) {
            let is_label = |label: &str| {
                !label.is_empty() && label.chars().all(|character| character.is_alphanumeric() || character == '-')
            };
            return if domain.split('.').all(is_label) {
                Ok(Self::Principal { domain: domain.to_owned() })
            } else {
                Err("does not have the name of a domain, such as example.com, behind the @".to_owned())
            };
        }
        let template = Self::Dn { before: before.to_owned(), behind: behind.to_owned() };
        // A name that needs escaping shows whether it lies within a value.
        for name in ["x", "#a, b"] {
            let dn = template.dn(name).map_err(|error| {
                format!("{error}; write uid={USERNAME},ou=people,dc=example,dc=com, or {USERNAME}@example.com")
            })?;
            if dn.first_value().as_deref() != Some(name) {
                return Err(format!("has more than {USERNAME} in the value that names the entry"));
            }
            if dn.levels_below(base).is_none_or(|levels| levels == 0) {
                return Err("does not lie below base_dn".to_owned());
            }
        }
        Ok(template)
    }

    /// What has to be asked for of each user, to know who is bound.
    pub(crate) fn user_attributes(&self) -> impl Iterator<Item = &'static str> {
        let wanted: &[_] = match self {
            Self::Dn { .. } => &[],
            Self::Principal { .. } => &["userPrincipalName", "sAMAccountName"],
        };
        wanted.iter().copied()
    }

    /// The name to bind as for what was typed.
    pub(crate) fn render(&self, typed: &str) -> Result<Rendered, Unrenderable> {
        match self {
            Self::Dn { .. } => {
                self.dn(typed).map(Rendered::Dn).map_err(|_| Unrenderable("the name cannot be a part of a DN"))
            }
            Self::Principal { domain } => {
                let user = match typed.rsplit_once('@') {
                    None => typed,
                    Some((user, typed_domain)) if fold(typed_domain) == fold(domain) => user,
                    Some(_) => return Err(Unrenderable("the name is one of another domain")),
                };
                // Of these Windows lets none be in an account name, and some would make another kind of name of it.
                if user.is_empty()
                    || user.contains(['"', '/', '\\', '[', ']', ':', ';', '|', '=', ',', '+', '*', '?', '<', '>', '@'])
                {
                    return Err(Unrenderable("the name has characters that no account of a domain has"));
                }
                Ok(Rendered::Principal { name: format!("{user}@{domain}"), user: user.to_owned() })
            }
        }
    }

    fn dn(&self, typed: &str) -> Result<Dn, String> {
        let Self::Dn { before, behind } = self else { return Err("is no DN".to_owned()) };
        Dn::parse(&format!("{before}{}{behind}", Dn::escape_value(typed))).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use directory_data::Dn;

    use super::{BindTemplate, Rendered};

    fn parse(text: &str) -> Result<BindTemplate, String> {
        BindTemplate::parse(text, &Dn::parse("dc=example,dc=com").unwrap())
    }

    #[test]
    fn a_name_is_a_value_of_the_dn_whatever_it_looks_like() {
        let template = parse("uid={username},ou=people,dc=example,dc=com").unwrap();
        for name in ["alice", "a,ou=admins", "a+cn=b", " alice ", "#a", "a\\", "\"", "a=b", "*"] {
            let Rendered::Dn(dn) = template.render(name).unwrap() else { panic!("a DN") };
            assert_eq!(dn.first_value().as_deref(), Some(name), "{dn}");
            assert_eq!(dn.levels_below(&Dn::parse("ou=people,dc=example,dc=com").unwrap()), Some(1), "{dn}");
        }
    }

    #[test]
    fn a_principal_has_the_domain_of_the_template_and_no_other() {
        let template = parse("{username}@Example.com").unwrap();
        for (typed, expected) in [("alice", "alice@Example.com"), ("alice@EXAMPLE.com", "alice@Example.com")] {
            let Rendered::Principal { name, user } = template.render(typed).unwrap() else { panic!("a principal") };
            assert_eq!((name.as_str(), user.as_str()), (expected, "alice"));
        }
        for typed in
            ["alice@other.com", "EXAMPLE\\alice", "cn=alice,dc=x", "@example.com", "", "a@b@example.com", "a/b"]
        {
            assert!(template.render(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn what_is_no_template_is_refused_with_what_to_write() {
        for text in [
            "",
            "uid=alice,dc=example,dc=com",
            "uid={username},cn={username},dc=example,dc=com",
            "{username}",
            "{username},dc=example,dc=com",
            "uid={username}",
            "uid=svc-{username},dc=example,dc=com",
            "ou=x,uid={username},dc=example,dc=com",
            "uid={username},dc=example,dc=org",
            "{username}@",
            "{username}@exa mple.com",
            "EXAMPLE\\{username}",
            "uid=x,{username}=y,dc=example,dc=com",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
