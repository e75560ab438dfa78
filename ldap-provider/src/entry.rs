use std::borrow::Cow;

use bytes::Bytes;
use ldap3::ResultEntry;
use ldap3::asn1::{PL, StructureTag};
use wire_guard::FoundEntry;

use directory_data::Dn;
use directory_data::range::{Range, range_option};
use directory_data::{AttributeName, Malformed, attribute_key};

/// An entry of a search result.
///
/// Built from the library's tree, not with its `SearchEntry::construct`, which panics on what it does not expect.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Its DN, as the server wrote it.
    pub(crate) dn: Dn,
    attributes: Attributes,
}

/// Attributes with their values.
#[derive(Clone, Debug, Default)]
struct Attributes {
    each: Vec<Attribute>,
    /// The values of all of them.
    values: Vec<Bytes>,
}

#[derive(Clone, Debug)]
struct Attribute {
    /// The key of its name without options, see [`attribute_key`].
    key: Cow<'static, str>,
    /// The options, such as `lang-de` in `cn;lang-de`.
    options: Option<String>,
    /// Where its values are among all.
    values: std::ops::Range<usize>,
}

impl Attributes {
    /// With room for as many as are usually asked for.
    fn with_room() -> Self {
        Self { each: Vec::with_capacity(16), values: Vec::with_capacity(16) }
    }

    fn push(&mut self, name: &str, values: impl Iterator<Item = Bytes>) {
        let (name, options) = name.split_once(';').map_or((name, None), |(name, options)| (name, Some(options)));
        let begin = self.values.len();
        self.values.extend(values);
        let values = begin..self.values.len();
        self.each.push(Attribute { key: attribute_key(name), options: options.map(ToOwned::to_owned), values });
    }

    /// The values of the attributes that are wanted.
    fn values(&self, is_wanted: impl Fn(&Attribute) -> bool) -> impl Iterator<Item = &[u8]> {
        let wanted = self.each.iter().filter(move |attribute| is_wanted(attribute));
        wanted.flat_map(|attribute| self.values.get(attribute.values.clone()).unwrap_or_default()).map(Bytes::as_ref)
    }
}

impl Attribute {
    /// Which piece of all values these are.
    fn range(&self) -> Result<Option<Range>, Malformed> {
        let Some(options) = &self.options else { return Ok(None) };
        let description = format!("{};{options}", self.key);
        range_option(&description).map(|range| range.map(|(_, range)| range))
    }
}

/// An entry that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum UnusableEntry {
    #[error("an entry that is not in the form that LDAP asks for")]
    Malformed,
    /// What else it says can be read.
    #[error("an entry whose DN `{text}` cannot be read, so that nobody can bind as it")]
    Dn {
        /// On one line.
        text: String,
        /// The entry as if its DN were empty.
        rest: Box<Entry>,
    },
}

impl Entry {
    /// Reads an entry.
    pub(crate) fn read(found: ResultEntry) -> Result<Self, UnusableEntry> {
        // The guard lets neither through.
        if found.is_ref() || found.is_intermediate() {
            return Err(UnusableEntry::Malformed);
        }
        let mut parts = constructed(found.0)?.into_iter();
        let dn = text(parts.next())?;
        let mut attributes = Attributes::default();
        for attribute in constructed(parts.next().ok_or(UnusableEntry::Malformed)?)? {
            let (name, values) = read_attribute(attribute)?;
            attributes.push(&name, values.into_iter());
        }
        Self::with(&dn, attributes)
    }

    /// Reads an entry that the guard has found.
    pub(crate) fn found(found: &FoundEntry) -> Result<Self, UnusableEntry> {
        let mut attributes = Attributes::with_room();
        let dn = found.read(|name, values| attributes.push(name, values.map(|value| found.keep(value))));
        Self::with(&dn, attributes)
    }

    fn with(dn: &str, attributes: Attributes) -> Result<Self, UnusableEntry> {
        match Dn::parse(dn) {
            Ok(dn) => Ok(Self { dn, attributes }),
            Err(_) => Err(UnusableEntry::Dn {
                text: provider_api::one_line(dn),
                rest: Box::new(Self { dn: Dn::root(), attributes }),
            }),
        }
    }

    /// All values of an attribute, whatever the case that the server writes its name in.
    pub(crate) fn values(&self, name: &AttributeName) -> impl Iterator<Item = &[u8]> {
        self.attributes.values(|own| own.options.is_none() && own.key == name.key())
    }

    /// The same of an attribute that has one name alone, and that no setting can name.
    pub(crate) fn values_named(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        self.attributes.values(move |own| own.options.is_none() && own.key.eq_ignore_ascii_case(name))
    }

    /// The same with the values of its subtypes by option, such as `cn;lang-de`: a server that looks for a value looks
    /// there too (RFC 4512 section 2.5.2).
    pub(crate) fn values_with_options(&self, name: &AttributeName) -> impl Iterator<Item = &[u8]> {
        self.attributes.values(|own| own.key == name.key())
    }

    /// The values of a piece of an attribute: Active Directory hands out many values piece by piece, under names such as
    /// `memberOf;range=0-1499` (MS-ADTS section 3.1.1.3.1.3.3).
    pub(crate) fn values_in_range(&self, name: &AttributeName) -> impl Iterator<Item = &[u8]> {
        self.attributes.values(|own| own.key == name.key() && matches!(own.range(), Ok(Some(_))))
    }

    /// Which piece of an attribute it is, if it is one.
    pub(crate) fn range_of(&self, name: &AttributeName) -> Result<Option<Range>, Malformed> {
        let mut ranges = self.attributes.each.iter().filter(|own| own.key == name.key()).map(Attribute::range);
        ranges.find_map(Result::transpose).transpose()
    }

    /// The values of an attribute that are texts with something in them.
    pub(crate) fn texts(&self, name: &AttributeName) -> impl Iterator<Item = &str> {
        self.values(name).filter_map(|value| str::from_utf8(value).ok()).filter(|text| !text.trim().is_empty())
    }

    #[cfg(test)]
    pub(crate) fn of(dn: &str, shown: &[(&str, &[&[u8]])]) -> Self {
        let mut attributes = Attributes::default();
        for (name, values) in shown {
            attributes.push(name, values.iter().map(|value| Bytes::copy_from_slice(value)));
        }
        Self { dn: Dn::parse(dn).expect("a DN"), attributes }
    }
}

fn read_attribute(tag: StructureTag) -> Result<(String, Vec<Bytes>), UnusableEntry> {
    let mut parts = constructed(tag)?.into_iter();
    let name = text(parts.next())?;
    let values = constructed(parts.next().ok_or(UnusableEntry::Malformed)?)?;
    let values = values.into_iter().map(|value| value.expect_primitive().map(Bytes::from));
    Ok((name, values.map(|value| value.ok_or(UnusableEntry::Malformed)).collect::<Result<_, _>>()?))
}

fn constructed(tag: StructureTag) -> Result<Vec<StructureTag>, UnusableEntry> {
    match tag.payload {
        PL::C(parts) => Ok(parts),
        PL::P(_) => Err(UnusableEntry::Malformed),
    }
}

fn text(tag: Option<StructureTag>) -> Result<String, UnusableEntry> {
    let octets = tag.and_then(StructureTag::expect_primitive).ok_or(UnusableEntry::Malformed)?;
    String::from_utf8(octets).map_err(|_| UnusableEntry::Malformed)
}

#[cfg(test)]
mod tests {
    use super::Entry;
    use directory_data::AttributeName;

    #[test]
    fn attributes_are_found_whatever_the_case_of_their_names() {
        let entry = Entry::of("cn=x", &[("MAIL", &[b"x@y"]), ("jpegPhoto", &[&[0xff, 0xd8]])]);
        assert_eq!(entry.texts(&AttributeName::parse("mail").unwrap()).next(), Some("x@y"));
        assert_eq!(entry.texts(&AttributeName::parse("jpegphoto").unwrap()).next(), None);
        assert_eq!(entry.values(&AttributeName::parse("jpegphoto").unwrap()).next(), Some(&[0xff, 0xd8][..]));
    }
}
