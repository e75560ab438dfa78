use std::time::Duration;

/// The RustDesk client gives up after 12 s: the answer has to be there before.
pub(super) fn default_timeout() -> String {
    "8s".to_owned()
}

/// Long enough to notice, and short enough not to be got used to.
pub(super) fn default_warning() -> String {
    "14d".to_owned()
}

const SHORTEST_TIMEOUT: Duration = Duration::from_millis(50);
const LONGEST_TIMEOUT: Duration = Duration::from_mins(10);
const LONGEST_WARNING: Duration = Duration::from_hours(24 * 365);

/// Reads a timeout.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    match parse(text) {
        Some(duration) if (SHORTEST_TIMEOUT..=LONGEST_TIMEOUT).contains(&duration) => Ok(duration),
        Some(_) => Err("is not between 50ms and 10m".to_owned()),
        None => Err("is not a duration such as \"8s\" or \"500ms\"".to_owned()),
    }
}

/// Reads how long before its end a password is warned of.
pub(super) fn warning(text: &str) -> Result<Duration, String> {
    match parse(text) {
        Some(duration) if duration <= LONGEST_WARNING => Ok(duration),
        Some(_) => Err("is longer than 365d".to_owned()),
        None => Err("is not a duration such as \"14d\" or \"36h\"".to_owned()),
    }
}

/// A whole number with its unit.
fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let split = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let number: u64 = digits.parse().ok()?;
    let seconds = match unit.trim() {
        "ms" => return Some(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    // Longer than anything that is let through.
    Some(Duration::from_secs(number.saturating_mul(seconds)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{default_timeout, default_warning, timeout, warning};

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(timeout("8s"), Ok(Duration::from_secs(8)));
        assert_eq!(timeout("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(timeout(" 2 m "), Ok(Duration::from_mins(2)));
        assert!(timeout(&default_timeout()).is_ok());
        for text in ["", "8", "s", "-1s", "1.5s", "8 seconds", "0s", "49ms", "11m", "99999999999999999999s", "1h", "1w"]
        {
            assert!(timeout(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_warning_may_come_days_before_or_never() {
        assert_eq!(warning("14d"), Ok(Duration::from_hours(14 * 24)));
        assert_eq!(warning("36h"), Ok(Duration::from_hours(36)));
        assert_eq!(warning("0s"), Ok(Duration::ZERO));
        assert!(warning(&default_warning()).is_ok());
        for text in ["", "14", "366d", "two weeks", "9999999999999999999d"] {
            assert!(warning(text).is_err(), "{text:?}");
        }
    }
}
