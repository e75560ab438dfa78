//! Which names are let through, and which passwords: written from what the README and the documentation of
//! `provider_api::Credentials` promise, over the data of Unicode, without a look at the code that decides.

use icu_properties::props::{BidiControl, GeneralCategory, WhiteSpace};
use icu_properties::{CodePointMapData, CodePointSetData};

/// "Names of up to 256 characters and passwords of up to 1,024 bytes are taken."
const LONGEST_NAME: usize = 256;
const LONGEST_PASSWORD: usize = 1_024;

/// "Blank, too long, or with control characters, line separators or characters that change the direction of writing":
/// these are refused, and the byte order mark. Everything else is let through.
pub(super) fn lets_name_through(name: &str) -> bool {
    let blank = name.chars().all(|character| CodePointSetData::new::<WhiteSpace>().contains(character));
    let refused = |character| {
        character == '\u{feff}'
            || CodePointSetData::new::<BidiControl>().contains(character)
            || matches!(
                category(character),
                GeneralCategory::Control | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator
            )
    };
    !blank && name.chars().count() <= LONGEST_NAME && !name.chars().any(refused)
}

/// Refused are: the empty one, too long ones, and NUL or other control characters. A blank is a password.
pub(super) fn lets_password_through(password: &str) -> bool {
    let refused = |character| category(character) == GeneralCategory::Control;
    !password.is_empty() && password.len() <= LONGEST_PASSWORD && !password.chars().any(refused)
}

/// The general category of a character.
pub(super) fn category(character: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(character)
}
