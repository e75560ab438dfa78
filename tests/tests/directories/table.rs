//! What differs between the servers.

use tests::deployment::{AccountState, Kind, Ldif, Person, samba};

use crate::answer::Answer;

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
        (Kind::Ds389, Expired) => Answer(19, "Account inactivity limit exceeded"),
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

        (Kind::OpenLdap | Kind::Ds389, LogonHours | Workstation) | (Kind::Samba, GraceLogin) => NoSuchState,
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

/// What may be typed for somebody, with no setting that says so.
pub(crate) fn name_forms(kind: Kind, person: &Person) -> Vec<String> {
    let login = &person.login;
    match kind {
        // `uid` and `cn`, both ignoring case.
        Kind::OpenLdap | Kind::Ds389 => vec![login.clone(), login.to_uppercase(), Person::full_name(login)],
        // `sAMAccountName`, `userPrincipalName`, and the two forms that every account of a domain has.
        Kind::Samba => vec![
            login.clone(),
            login.to_uppercase(),
            format!("{login}@{}", samba::UPN_SUFFIX),
            format!("{login}@{}", samba::DNS_DOMAIN),
            format!("{}\\{login}", samba::NETBIOS_DOMAIN),
        ],
    }
}

/// What means nobody although it looks like somebody.
pub(crate) fn names_of_somewhere_else(kind: Kind, person: &Person) -> Vec<String> {
    let login = &person.login;
    match kind {
        Kind::OpenLdap | Kind::Ds389 => vec![format!("{login}@example.com"), format!("EXAMPLE\\{login}")],
        Kind::Samba => vec![format!("{login}@example.com"), format!("EXAMPLE\\{login}"), Person::full_name(login)],
    }
}

/// The attribute that a person's subject is read from.
pub(crate) fn subject_attribute(kind: Kind) -> &'static str {
    match kind {
        Kind::OpenLdap => "entryUUID",
        // It has entryUUID as well, but not for entries from before its version 2.
        Kind::Ds389 => "nsUniqueId",
        Kind::Samba => "objectGUID",
    }
}

/// The attribute that holds the login.
pub(crate) fn login_attribute(kind: Kind) -> &'static str {
    match kind {
        Kind::OpenLdap | Kind::Ds389 => "uid",
        Kind::Samba => "sAMAccountName",
    }
}

/// Other attributes in which a login may be looked for, and that may have any value.
pub(crate) fn several_attributes(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::OpenLdap | Kind::Ds389 => &["cn", "mail", "employeeNumber"],
        Kind::Samba => &["displayName", "mail", "employeeNumber"],
    }
}

/// The DN or the name that somebody binds as, with nobody looked for first.
pub(crate) fn bind_template(kind: Kind, people: &str) -> String {
    match kind {
        Kind::OpenLdap | Kind::Ds389 => format!("uid={{username}},{people}"),
        Kind::Samba => format!("{{username}}@{}", samba::DNS_DOMAIN),
    }
}

/// A hard name in one of several units that have them.
pub(crate) fn hard_name(unit: &str, name: &str) -> String {
    // At the end: what is hard about some is the beginning. Where it is the end, that stays.
    let text = name.trim_end_matches(' ');
    format!("{text} {unit}{}", &name[text.len()..])
}

/// The settings of `groups` by which the server's groups can be found.
pub(crate) fn ways_to_find_groups(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::OpenLdap | Kind::Ds389 => &["auto", "member_of", "search"],
        Kind::Samba => &["auto", "member_of", "search", "token_groups", "in_chain"],
    }
}

/// How many requests a login makes for groups so deep in groups, beside the search and the bind.
pub(crate) fn requests_for_groups(kind: Kind, way: &str, deep: usize) -> usize {
    match (kind, way) {
        // The entry has all of them: what is asked for is their names and ids.
        (Kind::Ds389, "member_of") => 1,
        (_, "member_of" | "token_groups" | "in_chain") | (Kind::Samba, "auto") => 2,
        // One for each level, and one to see that there is no further one. Whether memberOf is kept cannot be seen on
        // OpenLDAP and 389 Directory Server, so that this is their `auto`.
        _ => deep + 1,
    }
}

/// Groups in which everybody is without having been put there.
pub(crate) fn everybodys_groups(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::OpenLdap | Kind::Ds389 => &[],
        // The primary group of new accounts, and the one that it is a member of.
        Kind::Samba => &["Domain Users", "Users"],
    }
}

/// Makes room for another group of the same name in another unit.
pub(crate) fn write_room_for_the_same_name(kind: Kind, group: &str, ldif: &mut Ldif) {
    match kind {
        Kind::OpenLdap | Kind::Ds389 => (),
        // A group's account name is one in the whole domain.
        Kind::Samba => ldif.replace(group, &[("sAMAccountName", "another account name")]),
    }
}

/// What a login with the right password comes to. `None`: the server knows no such state.
pub(crate) fn login_in(kind: Kind, state: AccountState) -> Option<Answer> {
    use AccountState::{
        Disabled, Expired, ExpiresSoon, GraceLogin, Locked, LogonHours, MustChange, PasswordExpired, Workstation,
    };
    let told = |code: &str| Some(Answer::rejected_telling(code, code));
    match (kind, state) {
        // To tell the person would tell strangers too: the servers say it without looking at the password. slapd knows
        // no other way to switch an account off, 389 Directory Server has one answer for all limits that are exceeded.
        (_, Locked) | (Kind::OpenLdap, Disabled) | (Kind::Ds389, Expired) => Some(Answer::rejected("account_locked")),
        (Kind::Ds389, Disabled) => Some(Answer::rejected("account_disabled")),
        // slapd says no more than that it is locked; the entry says when it was over.
        (Kind::OpenLdap, Expired) => Some(Answer::rejected("account_expired")),

        (Kind::Samba, Disabled) => told("account_disabled"),
        (Kind::Samba, Expired) => told("account_expired"),
        (Kind::Samba, LogonHours) => Some(Answer::rejected_telling("logon_not_allowed_now", "logon_not_allowed")),
        (Kind::Samba, Workstation) => Some(Answer::rejected_telling("logon_not_allowed_here", "logon_not_allowed")),

        (Kind::OpenLdap | Kind::Ds389, LogonHours | Workstation) | (Kind::Samba, GraceLogin) => None,

        (_, PasswordExpired | GraceLogin) => told("password_expired"),
        (_, MustChange) => told("password_must_change"),
        (_, ExpiresSoon) => Some(Answer::Accepted(vec!["password_expires".to_owned()])),
    }
}

/// Whether what was typed is taken for this login. Of what the servers do not take for it, nothing may be.
pub(crate) fn is_a_spelling_of(kind: Kind, login: &str, typed: &str) -> bool {
    // All ignore case and spaces at both ends, but for a capital sharp s and the sign for kelvin.
    let everywhere = typed.trim_matches(' ').to_lowercase() == login && !typed.contains(['\u{1e9e}', '\u{212a}']);
    // slapd also prepares what it compares (RFC 4518): compatibility forms, and what is composed of several characters.
    let prepared = ["alice\u{a0}", "ａｌｉｃｅ", "𝐚𝐥𝐢𝐜𝐞", "jose\u{301}", "\u{212a}elvin", "\u{130}stanbul"];
    match kind {
        Kind::OpenLdap => everywhere || prepared.contains(&typed),
        Kind::Ds389 | Kind::Samba => everywhere,
    }
}
