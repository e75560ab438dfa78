//! What the provider counts.

use std::collections::BTreeMap;

use super::bench::{Bench, NOBODY, WRONG_PASSWORD, patient};
use super::report::Problems;
use crate::host::Provider;

pub(super) async fn metrics(bench: &Bench<'_>) -> Result<(), Vec<String>> {
    let provider = bench.provider().await?;
    let mut problems = Problems::default();
    let Some(known) = bench.subject.users.first() else { return Ok(()) };
    let before = counted(bench, &provider, &mut problems).await;
    for (name, password) in [(&*known.name, &*known.password), (&*known.name, WRONG_PASSWORD), (NOBODY, WRONG_PASSWORD)]
    {
        let _ = bench.login(&provider, name, password).await;
    }
    let after = counted(bench, &provider, &mut problems).await;
    for (name, value) in before.iter().filter(|(name, _)| is_counter(name)) {
        match after.get(name) {
            Some(later) => {
                problems.expect(later >= value, || format!("the counter {name} went back from {value} to {later}"));
            }
            // What is not finite does not cross the border.
            None => problems.add(format!("the counter {name} was there and is not any more, or is no finite number")),
        }
    }
    problems.result()
}

/// Asks for the metrics; in what they are called secrets are looked for later.
async fn counted(bench: &Bench<'_>, provider: &Provider, problems: &mut Problems) -> BTreeMap<String, f64> {
    let mut counted = BTreeMap::new();
    match provider.metrics(&patient()).await {
        Ok(metrics) => {
            bench.hear(&metrics);
            for metric in metrics {
                problems.expect(is_name(&metric.name), || format!("{:?} is no name of a metric", metric.name));
                if counted.insert(metric.name.clone(), metric.value).is_some() {
                    problems.add(format!("{} is there twice", metric.name));
                }
            }
        }
        Err(fault) => {
            bench.hear(&fault);
            bench.count_panic(&fault);
            problems.add(format!("the metrics are not to be had: {fault}"));
        }
    }
    counted
}

/// Whether a metric may be called so: a name as Prometheus takes it, and perhaps labels: `login_seconds_bucket{le="1"}`.
fn is_name(text: &str) -> bool {
    let (name, labels) = match text.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}')),
        None => (text, Some("")),
    };
    let printable = !text.chars().any(char::is_control);
    printable && is_word(name) && labels.is_some_and(are_labels)
}

fn is_word(text: &str) -> bool {
    let first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    text.bytes().next().is_some_and(first) && text.bytes().all(|byte| first(byte) || byte.is_ascii_digit())
}

/// Whether these are labels: `a="1",b="2"`. In a value, a quotation mark and a backslash have a backslash before them, an end of a
/// line is `\n`, and nothing else has one.
fn are_labels(mut text: &str) -> bool {
    while !text.is_empty() {
        let Some((name, rest)) = text.split_once("=\"") else { return false };
        let (mut is_escaped, mut is_sound) = (false, true);
        let ends = |character: char| {
            is_sound &= !is_escaped || matches!(character, '"' | '\\' | 'n');
            let ends = character == '"' && !is_escaped;
            is_escaped = character == '\\' && !is_escaped;
            ends
        };
        let Some((_, rest)) = rest.split_once(ends) else { return false };
        if !is_sound || !is_word(name) || !(rest.is_empty() || rest.starts_with(',')) {
            return false;
        }
        text = rest.strip_prefix(',').unwrap_or(rest);
    }
    true
}

/// Whether a metric only ever grows, as its name says.
fn is_counter(name: &str) -> bool {
    name.split('{').next().is_some_and(|name| name.ends_with("_total"))
}

#[cfg(test)]
mod tests {
    use super::{is_counter, is_name};

    #[test]
    fn names_of_metrics_are_what_prometheus_takes() {
        for name in [
            "logins_total",
            "a",
            "_b2",
            "login_seconds_bucket{le=\"0.1\"}",
            "x{a=\"1\",b=\"two\"}",
            r#"x{a="cn=a,dc=b",b="\"",c="\\",d="\n"}"#,
        ] {
            assert!(is_name(name), "{name}");
        }
        for name in
            ["", "2a", "a b", "a{", "a{le=1}", "a{le}", "a{=\"1\"}", "a\n", "ä", "a-b", "a{x=\"1\"", "a{x=\"\n\"}"]
                .into_iter()
                .chain([r#"a{x="1"y="2"}"#, r#"a{x="\"}"#, r#"a{x="1",y}"#, r#"a{x="C:\d"}"#])
        {
            assert!(!is_name(name), "{name:?}");
        }
        assert!(is_counter("a_total") && is_counter("a_total{b=\"c\"}") && !is_counter("a_open"));
    }
}
