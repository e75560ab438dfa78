use directory_data::active_directory::{self, LogonFailure};

/// The message of a refused bind is read.
///
/// The input is the message. A number is found in it exactly where a second opinion finds one, which looks at it octet
/// by octet. In a message of Active Directory's form, each number is found and is that number's reason.
pub fn logon_failure(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let read = active_directory::logon_failure(text);
    assert_eq!(read.map(code), second_opinion(text), "{text:?}");
    assert_eq!(active_directory::logon_failure(&text.to_ascii_uppercase()), read, "{text:?}");
    let number = input.iter().fold(0_u32, |sum, octet| sum.rotate_left(8) ^ u32::from(*octet));
    for named in NAMED {
        assert_eq!(LogonFailure::from(code(named)), named);
    }
    for number in [number, number & 0x7ff, read.map_or(0, code)] {
        let failure = LogonFailure::from(number);
        assert_eq!(code(failure), number);
        for end in [", v1db1", ", v2580\0", "\0", ""] {
            let start = "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data ";
            let message = format!("{start}{number:x}{end}");
            assert_eq!(active_directory::logon_failure(&message), Some(failure), "{message:?}");
        }
    }
}

const NAMED: [LogonFailure; 11] = [
    LogonFailure::NoSuchUser,
    LogonFailure::WrongPassword,
    LogonFailure::AccountRestriction,
    LogonFailure::InvalidLogonHours,
    LogonFailure::InvalidWorkstation,
    LogonFailure::PasswordExpired,
    LogonFailure::AccountDisabled,
    LogonFailure::TooManyContextIds,
    LogonFailure::AccountExpired,
    LogonFailure::PasswordMustChange,
    LogonFailure::AccountLockedOut,
];

/// The number of a reason. Only those that have no name are others.
fn code(failure: LogonFailure) -> u32 {
    match failure {
        LogonFailure::NoSuchUser => 1317,
        LogonFailure::WrongPassword => 1326,
        LogonFailure::AccountRestriction => 1327,
        LogonFailure::InvalidLogonHours => 1328,
        LogonFailure::InvalidWorkstation => 1329,
        LogonFailure::PasswordExpired => 1330,
        LogonFailure::AccountDisabled => 1331,
        LogonFailure::TooManyContextIds => 1384,
        LogonFailure::AccountExpired => 1793,
        LogonFailure::PasswordMustChange => 1907,
        LogonFailure::AccountLockedOut => 1909,
        LogonFailure::Other(number) => {
            assert_eq!(LogonFailure::from(number), failure);
            number
        }
    }
}

fn second_opinion(text: &str) -> Option<u32> {
    let octets = text.as_bytes();
    let after = |from: usize, word: &str| {
        let place =
            octets[from..].windows(word.len()).position(|window| window.eq_ignore_ascii_case(word.as_bytes()))?;
        Some(from + place + word.len())
    };
    let begin = after(after(0, "AcceptSecurityContext")?, "data ")?;
    let mut end = begin;
    let mut number = 0_u64;
    while let Some(digit) = octets.get(end).and_then(|octet| char::from(*octet).to_digit(16)) {
        number = number.saturating_mul(16).saturating_add(digit.into());
        end += 1;
    }
    let is_whole = end > begin && !text[end..].chars().next().is_some_and(char::is_alphanumeric);
    u32::try_from(number).ok().filter(|_| is_whole)
}
