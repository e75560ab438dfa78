use wire_guard::Host;

/// What the setting `host` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) host: Host,
    /// The port of a URL or of `name:port`.
    pub(super) port: Option<u16>,
    pub(super) ldaps: bool,
}

impl Server {
    /// Reads a host name, an address, or a URL. What else a URL can hold is refused: a password has no place in it,
    /// and a base DN has a setting of its own.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (ldaps, authority) = match text.split_once("://") {
            None => (false, text),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("ldap") => (false, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("ldaps") => (true, rest),
            Some(_) => return Err("has a scheme other than ldap:// and ldaps://".to_owned()),
        };
        if authority.contains('@') {
            return Err("holds a user name; that goes into bind_dn, and the password into bind_password".to_owned());
        }
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains(['/', '?', '#']) {
            return Err(
                "holds more than a server and a port; base DN, scope and filter have settings of their own".to_owned()
            );
        }
        if authority.is_empty() {
            return Err("names no server; write a host name, an IP address, or a URL such as ldaps://ldap.example.com"
                .to_owned());
        }
        let (host, port) = split_port(authority)?;
        let host = Host::parse(host).map_err(|error| format!("`{}` {error}", provider_api::one_line(host)))?;
        Ok(Self { host, port, ldaps })
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), String> {
    // `2001:db8::7` is an address and not the host `2001:db8:` with a port.
    let bare_ipv6 = authority.parse::<std::net::Ipv6Addr>().is_ok();
    let after_host = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let colon = authority.get(after_host..).and_then(|rest| rest.rfind(':')).map(|colon| colon + after_host);
    match colon.and_then(|colon| authority.split_at_checked(colon)) {
        Some((host, port)) if !bare_ipv6 => match port.trim_start_matches(':').parse() {
            Ok(number) if number > 0 && !port.contains('+') => Ok((host, Some(number))),
            _ => Err("has a port that is not a number from 1 to 65535".to_owned()),
        },
        _ => Ok((authority, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::Server;

    #[test]
    fn names_addresses_and_urls_are_read() {
        for (text, host, port, ldaps) in [
            ("ldap.example.com", "ldap.example.com", None, false),
            ("ldap://ldap.example.com", "ldap.example.com", None, false),
            ("LDAPS://ldap.example.com/", "ldap.example.com", None, true),
            ("ldaps://ldap.example.com:1636", "ldap.example.com", Some(1636), true),
            ("ldap.example.com:1389", "ldap.example.com", Some(1389), false),
            ("127.0.0.1", "127.0.0.1", None, false),
            ("127.0.0.1:1389", "127.0.0.1", Some(1389), false),
            ("::1", "[::1]", None, false),
            ("[::1]", "[::1]", None, false),
            ("[::1]:1389", "[::1]", Some(1389), false),
            ("ldaps://[2001:db8::7]:1636/", "[2001:db8::7]", Some(1636), true),
            (" ldap.example.com ", "ldap.example.com", None, false),
        ] {
            let server = Server::parse(text).unwrap();
            assert_eq!((server.host.to_string().as_str(), server.port, server.ldaps), (host, port, ldaps), "{text}");
        }
    }

    #[test]
    fn whatever_else_a_url_can_hold_is_refused() {
        for text in [
            "",
            " ",
            "ldap://",
            "ldap:///",
            "ldap:///dc=x",
            "ldap:foo",
            "ldapi:///",
            "https://ldap.example.com",
            "ldap://admin:secret@ldap.example.com",
            "ldap://ldap.example.com/dc=example,dc=com",
            "ldap://ldap.example.com//",
            "ldap://ldap.example.com?uid",
            "ldap://ldap.example.com:0",
            "ldap://ldap.example.com:65536",
            "ldap://ldap.example.com:+389",
            "ldap://ldap.example.com:",
            "ldap://ldap.example.com:x",
            "[::1",
            "[::1]x",
            "two hosts",
            "a,b",
        ] {
            assert!(Server::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_not_repeated() {
        assert!(!Server::parse("ldap://admin:hunter2@x").unwrap_err().contains("hunter2"));
    }
}
