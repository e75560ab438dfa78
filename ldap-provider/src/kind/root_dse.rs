use directory_data::{AttributeName, Dn};
use wire_guard::SearchRequest;

use super::Kind;
use crate::entry::Entry;

/// What a server says of itself (RFC 4512 section 5.1). None of it is secret and none of it is to be trusted: it decides
/// where to look, and never whom to let in.
#[derive(Clone, Debug, Default)]
pub(crate) struct RootDse {
    vendor_name: String,
    object_classes: Vec<String>,
    capabilities: Vec<String>,
    extensions: Vec<String>,
    naming_contexts: Vec<Dn>,
    pub(crate) configuration_context: Option<Dn>,
    is_configured_in_the_directory: bool,
    is_ipa: bool,
}

/// The capability of Active Directory (MS-ADTS section 3.1.1.3.4.3).
const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";

/// FreeIPA's own arc of extended operations.
const IPA_EXTENSIONS: &str = "2.16.840.1.113730.3.8.10.";

/// More values of an attribute than a root DSE has.
const MOST: usize = 256;

impl RootDse {
    /// The attributes to ask for. By name: OpenLDAP shows operational attributes only to who names them.
    pub(crate) const ATTRIBUTES: [&str; 10] = [
        "objectClass",
        "vendorName",
        "supportedCapabilities",
        "supportedExtension",
        "namingContexts",
        "configContext",
        "ipaTopologyPluginVersion",
        "ipaDomainLevel",
        "defaultNamingContext",
        "configurationNamingContext",
    ];

    /// The search for it.
    pub(crate) fn request() -> SearchRequest {
        SearchRequest::root_dse(&Self::ATTRIBUTES)
    }

    /// Reads it.
    pub(crate) fn read(entry: &Entry) -> Self {
        let texts = |name: &str| -> Vec<String> {
            let name = AttributeName::parse(name).ok();
            let texts = name.iter().flat_map(|name| entry.texts(name).take(MOST).map(ToOwned::to_owned));
            texts.collect()
        };
        let contexts = [texts("namingContexts"), texts("defaultNamingContext")].concat();
        Self {
            vendor_name: texts("vendorName").into_iter().next().unwrap_or_default(),
            object_classes: texts("objectClass"),
            capabilities: texts("supportedCapabilities"),
            extensions: texts("supportedExtension"),
            naming_contexts: contexts.iter().filter_map(|text| Dn::parse(text).ok()).collect(),
            configuration_context: texts("configurationNamingContext").first().and_then(|text| Dn::parse(text).ok()),
            is_configured_in_the_directory: !texts("configContext").is_empty(),
            is_ipa: !(texts("ipaTopologyPluginVersion").is_empty() && texts("ipaDomainLevel").is_empty()),
        }
    }

    /// Which server says so.
    pub(crate) fn kind(&self) -> Kind {
        let vendor = self.vendor_name.to_ascii_lowercase();
        if self.capabilities.iter().any(|capability| capability == ACTIVE_DIRECTORY) {
            return if vendor.contains("samba") { Kind::Samba } else { Kind::ActiveDirectory };
        }
        if self.is_ipa || self.extensions.iter().any(|extension| extension.starts_with(IPA_EXTENSIONS)) {
            return Kind::FreeIpa;
        }
        if vendor.contains("389 project") {
            return Kind::Dirsrv389;
        }
        if vendor.contains("lldap") {
            return Kind::Lldap;
        }
        let is_class = |class: &String| class.eq_ignore_ascii_case("OpenLDAProotDSE");
        if self.object_classes.iter().any(is_class) || (vendor.is_empty() && self.is_configured_in_the_directory) {
            return Kind::OpenLdap;
        }
        Kind::Other
    }

    /// The longest of the server's naming contexts that holds this DN.
    pub(crate) fn naming_context_of(&self, dn: &Dn) -> Option<&Dn> {
        let holding = self.naming_contexts.iter().filter(|context| !context.is_empty());
        holding
            .filter_map(|context| Some((dn.levels_below(context)?, context)))
            .min_by_key(|(levels, _)| *levels)
            .map(|(_, context)| context)
    }
}

#[cfg(test)]
mod tests {
    use directory_data::Dn;

    use super::{Kind, RootDse};
    use crate::entry::Entry;

    fn kind(attributes: &[(&str, &[&[u8]])]) -> Kind {
        RootDse::read(&Entry::of("", attributes)).kind()
    }

    #[test]
    fn each_server_is_known_by_what_it_says() {
        let active_directory: (&str, &[&[u8]]) =
            ("supportedCapabilities", &[b"1.2.840.113556.1.4.1670", b"1.2.840.113556.1.4.800"]);
        let samba: (&str, &[&[u8]]) = ("vendorName", &[b"Samba Team (https://www.samba.org)"]);
        let project: (&str, &[&[u8]]) = ("vendorName", &[b"389 Project"]);
        assert_eq!(kind(&[active_directory]), Kind::ActiveDirectory);
        assert_eq!(kind(&[active_directory, samba]), Kind::Samba);
        assert_eq!(kind(&[("objectClass", &[b"top", b"OpenLDAProotDSE"])]), Kind::OpenLdap);
        assert_eq!(kind(&[("configContext", &[b"cn=config"])]), Kind::OpenLdap);
        assert_eq!(kind(&[project]), Kind::Dirsrv389);
        assert_eq!(kind(&[project, ("ipaDomainLevel", &[b"1"])]), Kind::FreeIpa);
        assert_eq!(kind(&[project, ("supportedExtension", &[b"2.16.840.1.113730.3.8.10.3"])]), Kind::FreeIpa);
        assert_eq!(kind(&[("vendorName", &[b"LLDAP"])]), Kind::Lldap);
        assert_eq!(kind(&[("vendorName", &[b"Apache Software Foundation"])]), Kind::Other);
        assert_eq!(kind(&[("vendorName", &[&[0xff, 0xfe]])]), Kind::Other);
        assert_eq!(kind(&[]), Kind::Other);
    }

    #[test]
    fn the_naming_context_of_a_dn_is_the_nearest_that_holds_it() {
        let contexts: &[&[u8]] = &[b"dc=lab,dc=test", b"DC=a,dc=lab,dc=test", b"not a dn", b""];
        let root = RootDse::read(&Entry::of("", &[("namingContexts", contexts)]));
        let of = |text: &str| root.naming_context_of(&Dn::parse(text).unwrap()).map(ToString::to_string);
        assert_eq!(of("ou=x,dc=a,dc=lab,dc=test").as_deref(), Some("DC=a,dc=lab,dc=test"));
        assert_eq!(of("ou=x,dc=lab,dc=test").as_deref(), Some("dc=lab,dc=test"));
        assert_eq!(of("dc=test"), None);
    }
}
