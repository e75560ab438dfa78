use std::fmt::Write as _;

/// The longest text, in characters, that [`one_line`] lets through.
const LONGEST: usize = 1_024;

/// Makes any text safe to print as one line of a log or a terminal.
///
/// Control characters, line and paragraph separators and the characters that change the direction of writing (which
/// can make a log line read as another one) are written as `\u{..}`, and what exceeds 1,024 characters is cut with
/// `…`. Directory servers put line breaks, NUL and whole requests into their messages; a typed name can hold
/// anything.
///
/// ```
/// assert_eq!(provider_api::one_line("no such object\n\0"), r"no such object\u{a}\u{0}");
/// ```
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(LONGEST));
    for (position, character) in text.chars().enumerate() {
        if position == LONGEST {
            line.push('…');
            break;
        }
        if is_unprintable(character) {
            // Writing to a String cannot fail.
            let _ = write!(line, "\\u{{{:x}}}", u32::from(character));
        } else {
            line.push(character);
        }
    }
    line
}

/// Whether a character is one that [`one_line`] does not let through as it is.
///
/// ```
/// assert!(provider_api::is_unprintable('\u{202e}') && !provider_api::is_unprintable('ü'));
/// ```
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn a_forged_log_line_stays_one_line() {
        let line = one_line("x\nINFO login ok user=admin\r\u{2028}\u{1b}[2J\u{202e}");
        assert_eq!(line, r"x\u{a}INFO login ok user=admin\u{d}\u{2028}\u{1b}[2J\u{202e}");
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let line = one_line(&"a".repeat(5_000));
        assert_eq!(line.chars().count(), 1_025);
        assert!(line.ends_with('…'));
    }
}
