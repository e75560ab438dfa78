//! What differs between the servers.

use tests::deployment::{AccountState, Kind};

/// What a bind with the right password comes to at the server itself.
#[derive(Debug)]
pub(crate) enum Bound {
    /// The result code, and a part of what OpenLDAP's client says beside it.
    Answer(u32, &'static str),
    /// The server knows no such state.
    NoSuchState,
}

/// What the server answers to a bind with the right password.
pub(crate) fn bind_in(kind: Kind, state: AccountState) -> Bound {
    use AccountState::{
        Disabled, Expired, ExpiresSoon, GraceLogin, Locked, LogonHours, MustChange, PasswordExpired, Workstation,
    };
    use Bound::{Answer, NoSuchState};
    match (kind, state) {
        (Kind::OpenLdap, Disabled | Locked | Expired) => Answer(49, "Account locked"),
        (Kind::OpenLdap, PasswordExpired) => Answer(49, "Password expired"),

        (Kind::Ds389, Disabled) => Answer(53, "Account inactivated"),
        (Kind::Ds389, Locked) => Answer(19, "Exceed password retry limit"),
        (Kind::Ds389, PasswordExpired) => Answer(49, "password expired!"),

        (Kind::OpenLdap | Kind::Ds389, GraceLogin) => Answer(0, "grace"),
        (Kind::OpenLdap | Kind::Ds389, ExpiresSoon) => Answer(0, "expires in"),
        (Kind::OpenLdap | Kind::Ds389, MustChange) => Answer(0, "Password must be changed"),

        (Kind::Samba, Disabled) => Answer(49, "data 533"),
        (Kind::Samba, Locked) => Answer(49, "data 775"),
        (Kind::Samba, Expired) => Answer(49, "data 701"),
        (Kind::Samba, PasswordExpired) => Answer(49, "data 532"),
        (Kind::Samba, MustChange) => Answer(49, "data 773"),
        (Kind::Samba, LogonHours) => Answer(49, "data 530"),
        (Kind::Samba, Workstation) => Answer(49, "data 531"),
        // A warning is for the client to make, of the day until which the password is good.
        (Kind::Samba, ExpiresSoon) => Answer(0, ""),

        (Kind::OpenLdap | Kind::Ds389, LogonHours | Workstation)
        | (Kind::Ds389, Expired)
        | (Kind::Samba, GraceLogin) => NoSuchState,
    }
}

/// The names in `memberOf` of a member of a group that is a member of another one.
pub(crate) fn member_of(kind: Kind, inner: &str, outer: &str) -> Vec<String> {
    match kind {
        // Transitive.
        Kind::Ds389 => vec![inner.to_owned(), outer.to_owned()],
        Kind::OpenLdap | Kind::Samba => vec![inner.to_owned()],
    }
}
