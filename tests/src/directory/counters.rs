use super::data;

/// What a server counts of itself (slapd-monitor(5)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections accepted.
    pub connections: u64,
    /// Binds answered.
    pub binds: u64,
    /// Searches answered.
    pub searches: u64,
    /// Octets sent.
    pub octets: u64,
}

impl Counters {
    /// Reads the entries below `cn=monitor`.
    pub(super) fn read(ldif: &str) -> Self {
        let counter = |dn: &str, attribute: &str| {
            let is_the_entry =
                |entry: &&str| data::values(entry, "dn").first().is_some_and(|own| own.eq_ignore_ascii_case(dn));
            let entry =
                ldif.split("\n\n").find(is_the_entry).unwrap_or_else(|| panic!("the server does not tell {dn}"));
            let value = data::values(entry, attribute);
            value.first().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{dn} has no {attribute}"))
        };
        Self {
            connections: counter("cn=Total,cn=Connections,cn=Monitor", "monitorCounter"),
            binds: counter("cn=Bind,cn=Operations,cn=Monitor", "monitorOpCompleted"),
            searches: counter("cn=Search,cn=Operations,cn=Monitor", "monitorOpCompleted"),
            octets: counter("cn=Bytes,cn=Statistics,cn=Monitor", "monitorCounter"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Counters;

    #[test]
    fn a_counter_is_read_from_its_own_entry() {
        let ldif = "dn: cn=Operations,cn=Monitor\nmonitorOpCompleted: 9\n\n\
            dn: cn=Bind,cn=Operations,cn=Monitor\nmonitorOpCompleted: 3\n\n\
            dn: cn=Search,cn=Operations,cn=Monitor\nmonitorOpCompleted: 4\n\n\
            dn: cn=Current,cn=Connections,cn=Monitor\nmonitorCounter: 1\n\n\
            dn: cn=Bytes,cn=Statistics,cn=Monitor\nmonitorCounter: 7\n\n\
            dn: cn=Total,cn=Connections,cn=Monitor\nmonitorCounter: 5\n";
        assert_eq!(Counters::read(ldif), Counters { connections: 5, binds: 3, searches: 4, octets: 7 });
    }
}
