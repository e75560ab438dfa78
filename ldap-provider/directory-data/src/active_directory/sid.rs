use std::fmt;

use crate::{Malformed, integer};

/// A security identifier: who an account or a group is (MS-DTYP section 2.4.2).
///
/// The octets of `objectSid` and of `tokenGroups`: the revision 1, the number of sub-authorities (1 to 15), the
/// authority (6 octets, the greatest first), and the sub-authorities (4 octets each, the least first).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid(Vec<u8>);

const REVISION: u8 = 1;
const MOST_SUB_AUTHORITIES: u8 = 15;
/// Octets before the sub-authorities.
const HEADER: usize = 8;
/// Octets of a sub-authority.
const SUB_AUTHORITY: usize = 4;

/// What an account or a group of a domain begins with, `S-1-5-21`, and three more sub-authorities and its own.
const DOMAIN: [u8; HEADER + SUB_AUTHORITY] = [REVISION, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0];

impl Sid {
    /// Checks the octets of one.
    pub fn parse(value: &[u8]) -> Result<Self, Malformed> {
        let malformed = |why| Malformed::new("a security identifier", why);
        match value {
            [REVISION, 1..=MOST_SUB_AUTHORITIES, ..] => {}
            [REVISION, _, ..] => return Err(malformed("it does not have 1 to 15 sub-authorities")),
            _ => return Err(malformed("it is not of revision 1")),
        }
        let count = value.get(1).copied().map_or(0, usize::from);
        if value.len() != HEADER + count * SUB_AUTHORITY {
            return Err(malformed("it has more or fewer octets than it says"));
        }
        Ok(Self(value.to_vec()))
    }

    /// The octets, as they are searched for.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The identifier in the same domain that ends with `rid`: `primaryGroupID` names a group so. `None` if this is not
    /// an account or a group of a domain, `S-1-5-21-x-y-z-rid` (MS-DTYP section 2.4.2.4).
    pub fn domain_with(&self, rid: u32) -> Option<Self> {
        let domain = self.0.strip_suffix(self.0.last_chunk::<SUB_AUTHORITY>()?)?;
        domain.starts_with(&DOMAIN).then(|| Self([domain, &rid.to_le_bytes()].concat()))
    }
}

/// `S-1-5-21-1-2-3-500` (MS-DTYP section 2.4.2.1).
impl fmt::Display for Sid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (header, sub_authorities) = self.0.split_at_checked(HEADER).unwrap_or_default();
        let authority = header.iter().skip(2).fold(0_u64, |sum, &octet| sum << 8 | u64::from(octet));
        // Larger ones than 32 bits are written in hexadecimal digits.
        if u32::try_from(authority).is_ok() {
            write!(formatter, "S-{REVISION}-{authority}")?;
        } else {
            write!(formatter, "S-{REVISION}-0x{authority:012X}")?;
        }
        let (sub_authorities, _) = sub_authorities.as_chunks::<SUB_AUTHORITY>();
        sub_authorities.iter().try_for_each(|&octets| write!(formatter, "-{}", u32::from_le_bytes(octets)))
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Sid({self})")
    }
}

/// The last sub-authority of an account's primary group, which its `memberOf` does not name, from `primaryGroupID`
/// (MS-ADA3 section 2.121): a number in decimal digits, from 0 to 2^31 - 1. [`Sid::domain_with`] makes the group of it.
pub fn primary_group_id(value: &[u8]) -> Result<u32, Malformed> {
    let malformed = |why| Malformed::new("the number of a primary group", why);
    let number = integer::parse(value).map_err(|error| malformed(error.why()))?;
    let number = i32::try_from(number).map_err(|_| malformed("it has more than 32 bits"))?;
    u32::try_from(number).map_err(|_| malformed("it is negative"))
}
