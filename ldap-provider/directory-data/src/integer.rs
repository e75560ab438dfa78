//! The text of an LDAP integer.

use std::num::IntErrorKind;

/// Why a value is no integer that fits.
pub(crate) enum NoInteger {
    /// It has not the form of one.
    Form,
    /// It has more bits than 64 bits with a sign.
    Overflow,
}

/// Reads an integer in decimal digits: a zero, or digits that do not begin with one, and a hyphen before them at most
/// (RFC 4517 section 3.3.16). Spaces, a plus sign, leading zeros and `-0` are none of that.
pub(crate) fn parse(value: &[u8]) -> Result<i64, NoInteger> {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let is_negative = digits.len() < value.len();
    let is_number = match digits {
        [] => false,
        [b'0'] => !is_negative,
        [first, ..] => *first != b'0' && digits.iter().all(u8::is_ascii_digit),
    };
    if !is_number {
        return Err(NoInteger::Form);
    }
    let text = str::from_utf8(value).map_err(|_| NoInteger::Form)?;
    text.parse().map_err(|error: std::num::ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => NoInteger::Overflow,
        _ => NoInteger::Form,
    })
}

impl NoInteger {
    /// The reason, for [`Malformed`](crate::Malformed).
    pub(crate) fn why(&self) -> &'static str {
        match self {
            Self::Form => "it is not a number in decimal digits",
            Self::Overflow => "the number is too large",
        }
    }
}
