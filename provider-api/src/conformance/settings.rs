//! What the plugin says of itself, and whether its settings are what their schema says.

use serde_json::{Value, json};

use super::bench::{Bench, patient};
use super::report::Problems;
use crate::{Fault, StageOutcome};

pub(super) fn description(bench: &Bench<'_>) -> Result<(), Vec<String>> {
    let mut problems = Problems::default();
    let description = bench.plugin.description();
    let word =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    problems.expect(word(&description.id), || format!("the id {:?} is no word of a-z, 0-9 and -", description.id));
    problems.expect(!description.version.is_empty(), || "the version is empty".to_owned());
    let schema = &description.settings_schema;
    problems.expect(schema.get("type") == Some(&json!("object")), || "the schema is not that of an object".to_owned());
    for (key, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let described = property.get("description").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        problems.expect(described, || format!("the setting {key} has no description for the administrator"));
    }
    problems.result()
}

pub(super) async fn honest(bench: &Bench<'_>) -> Result<(), Vec<String>> {
    let mut problems = Problems::default();
    let schema = &bench.plugin.description().settings_schema;
    let Some(settings) = bench.subject.settings.as_object() else {
        return Err(vec!["state the settings as a JSON object".to_owned()]);
    };
    if let Err(fault) = bench.configure(&bench.subject.settings).await {
        return Err(vec![format!("settings that should work are refused: {fault}")]);
    }
    for key in settings.keys() {
        let listed = schema.get("properties").is_some_and(|properties| properties.get(key).is_some());
        problems.expect(listed, || format!("the setting {key} is taken and not in the schema"));
    }
    for key in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        let mut without = settings.clone();
        without.remove(key);
        refused(bench, &Value::Object(without), key, "is required by the schema and missing", &mut problems).await;
    }
    let unknown = "no_such_setting";
    let mut with_unknown = settings.clone();
    with_unknown.insert(unknown.to_owned(), json!("value"));
    refused(bench, &Value::Object(with_unknown), unknown, "is unknown", &mut problems).await;
    for key in settings.keys() {
        let mut of_another_type = settings.clone();
        // A number within an object is what no setting of a provider is so far.
        of_another_type.insert(key.clone(), json!({ "of": { "another": 7 } }));
        refused(bench, &Value::Object(of_another_type), key, "has another type", &mut problems).await;
    }
    problems.result()
}

/// Settings must be refused, naming the key.
async fn refused(bench: &Bench<'_>, settings: &Value, key: &str, why: &str, problems: &mut Problems) {
    match bench.configure(settings).await {
        Ok(_) => problems.add(format!("the setting {key} {why}, and it is not refused")),
        Err(Fault::Misconfigured { setting: Some(named), .. })
            if named == key || named.starts_with(&format!("{key}.")) => {}
        Err(fault) => problems.add(format!("the setting {key} {why}, and the refusal does not name it: {fault}")),
    }
}

pub(super) async fn validation(bench: &Bench<'_>) -> Result<(), Vec<String>> {
    let provider = bench.provider().await?;
    let mut problems = Problems::default();
    match provider.validate(&patient()).await {
        Ok(report) => {
            bench.hear(&report);
            problems.expect(report.is_valid(), || {
                report.first_failed().map_or_else(
                    || "the report has no stage that was tried".to_owned(),
                    |stage| format!("settings that work do not: {}: {}", stage.id, stage.detail),
                )
            });
            for stage in &report.stages {
                let code = |text: &str| {
                    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
                };
                problems.expect(code(&stage.id), || format!("the stage {:?} has no code for its name", stage.id));
                let said = stage.outcome != StageOutcome::Warned || stage.code.is_some();
                problems.expect(said, || format!("the stage {} warns without a code", stage.id));
            }
        }
        Err(fault) => {
            bench.count_panic(&fault);
            problems.add(format!("a validation reports and does not fail: {fault}"));
        }
    }
    problems.result()
}
