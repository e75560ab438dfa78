use provider_api::conformance::{CheckOutcome, ConformanceReport, Subject};
use serde_json::json;
use tests::plugin::built;
use tokio::task::JoinSet;

/// Each fault of the bad provider, and the check that is meant for it.
const FAULTS: &[(&str, &str)] = &[
    ("takes_unknown_keys", "settings"),
    ("requires_nothing", "settings"),
    ("names_no_key", "settings"),
    ("fails_to_validate", "validation"),
    ("names_stages_badly", "validation"),
    ("new_subjects", "accepted"),
    ("one_subject", "accepted"),
    ("takes_any_password", "rejected"),
    ("unknown_is_wrong", "rejected"),
    ("tells_strangers", "rejected"),
    ("lets_the_disabled_in", "disabled"),
    ("tells_who_is_disabled", "disabled"),
    ("outage_is_a_rejection", "unreachable"),
    ("matches_patterns", "hostile_input"),
    ("chokes_on_names", "hostile_input"),
    ("blocks", "deadlines"),
    ("keeps_a_lock", "cancellation"),
    ("mixes_up", "concurrency"),
    ("misses_somebody", "listing"),
    ("lists_twice", "listing"),
    ("names_metrics_badly", "metrics"),
    ("counts_to_infinity", "metrics"),
    ("counts_backwards", "metrics"),
    ("counts_twice", "metrics"),
    ("hogs_its_threads", "shutdown"),
    ("logs_passwords", "secrets"),
    ("tells_passwords", "secrets"),
    ("logs_its_secret", "secrets"),
    ("counts_passwords", "secrets"),
    ("panics", "panics"),
];

async fn report(fault: Option<&str>) -> ConformanceReport {
    let mut settings = json!({ "secret": "canary: the secret setting" });
    if let Some(fault) = fault {
        settings["fault"] = json!(fault);
    }
    let mut unreachable = settings.clone();
    unreachable["unreachable"] = json!(true);
    Subject::new(built("libbad.so"), settings)
        .user("alice", "canary: alice")
        .user("bob", "canary: bob")
        .disabled("mallory", "canary: mallory")
        .unreachable(unreachable)
        .check()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_caught_by_the_check_that_is_meant_for_it() {
    // Without a fault it passes, so that it is the fault that is caught.
    let sound = report(None).await;
    sound.assert_passed();
    assert!(sound.checks.iter().all(|check| check.outcome == CheckOutcome::Passed), "{sound}");
    let mut runs = JoinSet::new();
    for (fault, check) in FAULTS {
        runs.spawn(async move { (*fault, *check, report(Some(fault)).await) });
    }
    while let Some(run) = runs.join_next().await {
        let (fault, check, report) = run.expect("the kit does not panic");
        assert!(report.failed().contains(&check), "{fault} is not caught by {check}:\n{report}");
    }
    let caught: Vec<&str> = FAULTS.iter().map(|(_, check)| *check).collect();
    let without_fault = sound.checks.iter().map(|check| check.id).filter(|id| !caught.contains(id));
    // What a plugin says of itself cannot depend on settings; the faulty plugin describes itself badly.
    assert_eq!(without_fault.collect::<Vec<_>>(), ["description"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_are_not_described_are_noticed() {
    let report = Subject::new(built("libfaulty.so"), json!({})).user("alice", "canary: alice").check().await;
    assert!(report.failed().contains(&"description"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_does_not_load_fails_with_the_hosts_reason() {
    let report = Subject::new("/nowhere/libnone.so", json!({})).user("alice", "any").check().await;
    assert_eq!(report.failed(), ["description"]);
    assert!(report.to_string().contains("no such file"), "{report}");
}
