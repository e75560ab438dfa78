use std::fmt::Write as _;

use provider_api::host::Plugin;
use provider_api::one_line;
use serde_json::Value;

use super::Table;

/// What a plugin says of itself, for people.
pub fn inspection(plugin: &Plugin) -> String {
    let description = plugin.description();
    let capabilities: Vec<&str> = description.capabilities.iter().map(provider_api::Capability::as_str).collect();
    let mut head = Table::default();
    head.row(["provider", &description.id]);
    head.row(["version", &description.version]);
    head.row(["interface", &description.interface_version]);
    head.row(["can also", &if capabilities.is_empty() { "-".to_owned() } else { capabilities.join(", ") }]);
    head.row(["file", &plugin.path().display().to_string()]);
    head.row(["sha256", &plugin.sha256().to_string()]);
    let mut text = head.render(0);
    text.push_str("\nsettings, for [providers.settings]\n");
    let schema = &description.settings_schema;
    let secrets: Vec<&str> = description.secret_settings().collect();
    for (key, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let mut notes = vec![type_of(schema, property)];
        if schema.get("required").and_then(Value::as_array).is_some_and(|keys| keys.iter().any(|k| k == key)) {
            notes.push("required".to_owned());
        }
        if let Some(default) = property.get("default").filter(|default| !default.is_null()) {
            notes.push(format!("default {default}"));
        }
        if secrets.contains(&key.as_str()) {
            notes.push(format!("secret: may be given as {key}_file or {key}_env"));
        }
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n  {}  ({})", one_line(key), one_line(&notes.join(", ")));
        for paragraph in property.get("description").and_then(Value::as_str).map(paragraphs).unwrap_or_default() {
            for line in wrapped(&one_line(&paragraph)) {
                let _ = writeln!(text, "      {line}");
            }
        }
    }
    text
}

/// The paragraphs of a text, which blank lines part; its other line breaks are those of somebody's source file.
fn paragraphs(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.split(|line| line.is_empty()).filter(|lines| !lines.is_empty()).map(|lines| lines.join(" ")).collect()
}

/// A paragraph in lines that fit a terminal.
fn wrapped(paragraph: &str) -> Vec<String> {
    const WIDTH: usize = 90;
    let mut lines: Vec<String> = Vec::new();
    for word in paragraph.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The type of a setting, as far as a person wants to know.
fn type_of(schema: &Value, property: &Value) -> String {
    if let Some(choices) = property.get("enum").and_then(Value::as_array) {
        return choices.iter().map(Value::to_string).collect::<Vec<_>>().join(" or ");
    }
    if let Some(constant) = property.get("const") {
        return constant.to_string();
    }
    if let Some(name) = property.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/")) {
        return schema
            .get("$defs")
            .and_then(|defs| defs.get(name))
            .map_or("value".to_owned(), |def| type_of(schema, def));
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(choices) = property.get(choice).and_then(Value::as_array) {
            let types = choices.iter().map(|choice| type_of(schema, choice)).filter(|name| name != "null");
            return types.collect::<Vec<_>>().join(" or ");
        }
    }
    match property.get("type") {
        Some(Value::String(name)) if name == "array" => match property.get("items") {
            Some(items) => format!("list of {}", type_of(schema, items)),
            None => "list".to_owned(),
        },
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => {
            let names = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            names.collect::<Vec<_>>().join(" or ")
        }
        _ => "value".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::paragraphs;

    #[test]
    fn the_line_breaks_of_a_description_are_not_kept_and_its_paragraphs_are() {
        assert_eq!(paragraphs("One thing\nand\r\n another.\n\n\nNext.\n"), ["One thing and another.", "Next."]);
        assert_eq!(paragraphs(""), [""; 0]);
    }
}
