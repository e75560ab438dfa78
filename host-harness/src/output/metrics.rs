use std::fmt::Write as _;

use provider_api::{Metric, one_line};

/// The counters of a provider, a line each, in the text format that Prometheus reads. Each gets a label with the
/// provider's instance.
pub fn metrics(instance: &str, metrics: &[Metric]) -> String {
    let instance = one_line(instance).replace('\\', r"\\").replace('"', "\\\"");
    let mut text = String::new();
    for metric in metrics {
        let (name, labels) = match metric.name.split_once('{') {
            Some((name, labels)) => (one_line(name), format!(",{}", one_line(labels))),
            None => (one_line(&metric.name), "}".to_owned()),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}{{provider=\"{instance}\"{labels} {}", metric.value);
    }
    text
}

#[cfg(test)]
mod tests {
    use provider_api::Metric;

    use super::metrics;

    #[test]
    fn each_counter_is_a_line_with_the_providers_name() {
        let counters = [
            Metric::new("logins_accepted_total", 3.0),
            Metric::new("login_seconds_bucket{le=\"0.01\"}", 2.0),
            Metric::new("line\nbreak", 0.5),
        ];
        assert_eq!(
            metrics("a\"b", &counters),
            "logins_accepted_total{provider=\"a\\\"b\"} 3\n\
             login_seconds_bucket{provider=\"a\\\"b\",le=\"0.01\"} 2\n\
             line\\u{a}break{provider=\"a\\\"b\"} 0.5\n"
        );
    }
}
