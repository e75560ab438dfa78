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
/// (MS-ADA3): a number in decimal digits, from 0 to 2^31 - 1. [`Sid::domain_with`] makes the group of it.
pub fn primary_group_id(value: &[u8]) -> Result<u32, Malformed> {
    let malformed = |why| Malformed::new("the number of a primary group", why);
    let number = integer::parse(value).map_err(|error| malformed(error.why()))?;
    let number = i32::try_from(number).map_err(|_| malformed("it has more than 32 bits"))?;
    u32::try_from(number).map_err(|_| malformed("it is negative"))
}

#[cfg(test)]
mod tests {
    use super::{Sid, primary_group_id};

    fn octets(authority: u64, sub_authorities: &[u32]) -> Vec<u8> {
        let mut octets = vec![1, u8::try_from(sub_authorities.len()).unwrap()];
        octets.extend(&authority.to_be_bytes()[2..]);
        octets.extend(sub_authorities.iter().flat_map(|sub_authority| sub_authority.to_le_bytes()));
        octets
    }

    fn sid(authority: u64, sub_authorities: &[u32]) -> Sid {
        Sid::parse(&octets(authority, sub_authorities)).unwrap()
    }

    #[test]
    fn a_sid_is_written_as_windows_writes_it() {
        for (sid, expected) in [
            (
                sid(5, &[21, 3_623_811_015, 3_361_044_348, 30_300_820, 1013]),
                "S-1-5-21-3623811015-3361044348-30300820-1013",
            ),
            (sid(5, &[32, 544]), "S-1-5-32-544"),
            (sid(1, &[0]), "S-1-1-0"),
            (sid(u64::from(u32::MAX), &[u32::MAX]), "S-1-4294967295-4294967295"),
            (sid(0x1_0000_0000, &[1]), "S-1-0x000100000000-1"),
            (sid(0xffff_ffff_ffff, &[1]), "S-1-0xFFFFFFFFFFFF-1"),
            (sid(15, &[7; 15]), "S-1-15-7-7-7-7-7-7-7-7-7-7-7-7-7-7-7"),
        ] {
            assert_eq!(sid.to_string(), expected);
        }
    }

    #[test]
    fn a_sid_is_searched_for_by_its_octets() {
        let octets = octets(5, &[21, 1, 2, 3, 1104]);
        assert_eq!(Sid::parse(&octets).unwrap().as_bytes(), octets);
    }

    #[test]
    fn what_is_cut_off_too_long_or_of_another_revision_is_no_sid() {
        let sound = octets(5, &[21, 1, 2, 3, 500]);
        for length in 0..sound.len() {
            assert!(Sid::parse(&sound[..length]).is_err(), "{length}");
        }
        let changed = |at: usize, octet: u8| {
            let mut changed = sound.clone();
            changed[at] = octet;
            changed
        };
        assert!(Sid::parse(&[&sound[..], &[0]].concat()).is_err());
        for wrong in [changed(0, 0), changed(0, 2), changed(1, 4), changed(1, 6), changed(1, 0), changed(1, 0xff)] {
            assert!(Sid::parse(&wrong).is_err(), "{wrong:?}");
        }
        assert!(Sid::parse(&octets(5, &[])).is_err());
        assert!(Sid::parse(&octets(5, &[1; 16])).is_err());
        assert!(Sid::parse(b"S-1-5-21-1-2-3-500").is_err());
    }

    #[test]
    fn with_one_bit_changed_a_sid_is_another_or_none() {
        let sound = octets(5, &[21, 1, 2, 3, 500]);
        let text = Sid::parse(&sound).unwrap().to_string();
        for bit in 0..sound.len() * 8 {
            let mut changed = sound.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let other = Sid::parse(&changed);
            assert_eq!(other.is_err(), bit < 16, "{bit}");
            assert!(other.is_err() || other.unwrap().to_string() != text, "{bit}");
        }
    }

    #[test]
    fn the_primary_group_is_in_the_accounts_domain() {
        let rid = primary_group_id(b"513").unwrap();
        let group = sid(5, &[21, 1, 2, 3, 1104]).domain_with(rid);
        assert_eq!(group, Some(sid(5, &[21, 1, 2, 3, 513])));
    }

    #[test]
    fn what_is_in_no_domain_has_no_primary_group() {
        for other in [
            sid(5, &[32, 545]),
            sid(5, &[18]),
            sid(1, &[21, 1, 2, 3, 4]),
            sid(5, &[20, 1, 2, 3, 4]),
            sid(5, &[21, 1, 2, 3]),
            sid(5, &[21, 1, 2, 3, 4, 5]),
        ] {
            assert_eq!(other.domain_with(544), None, "{other}");
        }
    }

    #[test]
    fn the_number_of_a_primary_group_is_not_negative() {
        assert_eq!(primary_group_id(b"2147483647"), Ok(0x7fff_ffff));
        for value in [&b""[..], b"-1", b"2147483648", b"513 ", b"0513", b"x", b"513\0"] {
            assert!(primary_group_id(value).is_err(), "{value:?}");
        }
    }
}
