use std::time::Duration;

/// The RustDesk client gives up after 12 s: the answer has to be there before.
pub(super) fn default_text() -> String {
    "8s".to_owned()
}

const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_mins(10);

/// Reads a duration: a whole number with its unit.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let split = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let number: Option<u64> = digits.parse().ok();
    let duration = number.and_then(|number| match unit.trim() {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        _ => None,
    });
    match duration {
        Some(duration) if (SHORTEST..=LONGEST).contains(&duration) => Ok(duration),
        Some(_) => Err("is not between 50ms and 10m".to_owned()),
        None => Err("is not a duration such as \"8s\" or \"500ms\"".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{default_text, parse};

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(parse("8s"), Ok(Duration::from_secs(8)));
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse(" 2 m "), Ok(Duration::from_mins(2)));
        assert!(parse(&default_text()).is_ok());
        for text in ["", "8", "s", "-1s", "1.5s", "8 seconds", "0s", "49ms", "11m", "99999999999999999999s", "1h"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
