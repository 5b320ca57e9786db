//! What is published about our keys: a JSON Schema for editors and other programs, and a table for people.
//!
//! Both are written from the table that the readers check every contract against, so they take what a guest takes. Where a
//! schema can't tell (checksums, names that must differ, whether a key matches its certificate) it takes more, never less.

mod reference;

use serde_json::{Map, Value, json};

pub use reference::reference;

use crate::sections::{Allowed, Key, Kind, TABLES, TIMING_KEY};

/// Our sections as JSON Schema (2020-12). It takes a whole document, a workload section or an env section.
pub fn json_schema() -> Value {
    let section = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
    let (mut definitions, mut choice) = (Map::new(), section("document"));
    for (name, keys) in TABLES {
        definitions.insert(name.to_owned(), root(name, keys));
        let is_this = json!({ "required": ["type"], "properties": { "type": { "const": name } } });
        choice = json!({ "if": is_this, "then": section(name), "else": choice });
    }
    definitions.insert("document".to_owned(), document());
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Contract of a Bakehouse guest",
        "description": "A contract's document, or its workload or env section alone. Keys of IBM's are left open.",
        "$defs": definitions,
    });
    if let (Value::Object(schema), Value::Object(choice)) = (&mut schema, choice) {
        schema.extend(choice);
    }
    schema
}

/// The document: its sections are texts, which a schema can point at and not look into.
fn document() -> Value {
    let section = |name: &str| {
        json!({
            "type": "string",
            "contentMediaType": "application/yaml",
            "contentSchema": { "$ref": format!("#/$defs/{name}") },
            "description": format!("The {name} section as text, or encrypted."),
        })
    };
    json!({
        "type": "object",
        "required": ["workload", "env"],
        "properties": {
            "workload": section("workload"),
            "env": section("env"),
            "attestationPublicKey": { "type": "string" },
            "envWorkloadSignature": { "type": "string" },
        },
    })
}

fn root(name: &str, keys: &[Key]) -> Value {
    let both: Vec<&Key> = keys.iter().chain([&TIMING_KEY]).collect();
    let mut ours = mapping(&both);
    if name == "workload"
        && let Value::Object(ours) = &mut ours
    {
        ours.insert("allOf".to_owned(), programs());
    }
    json!({
        "type": "object",
        "required": ["type", "bakehouse"],
        "properties": { "type": { "const": name }, "bakehouse": ours },
    })
}

/// A program that runs must be named among the executables.
fn programs() -> Value {
    let needs = |key: &str, value: Value, program: &str| {
        json!({
            "if": { "required": [key], "properties": { key: { "const": value } } },
            "then": { "properties": { "executables": { "required": [program] } } },
        })
    };
    json!([
        needs("accuser", json!(true), "octez-accuser"),
        needs("dal", json!("outbound"), "octez-dal-node"),
    ])
}

fn mapping(keys: &[&Key]) -> Value {
    let taken = || keys.iter().filter(|key| key.is_taken());
    let must: Vec<&str> = taken().filter(|key| key.must).map(|key| key.name).collect();
    let properties: Map<String, Value> = taken()
        .map(|key| (key.name.to_owned(), described(key)))
        .collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": must,
        "properties": properties,
    })
}

fn described(key: &Key) -> Value {
    let mut schema = shape(&key.kind);
    let Value::Object(fields) = &mut schema else {
        return schema;
    };
    let mut description = key.meaning.to_owned();
    if !key.unit.is_empty() {
        description = format!("{description} Unit: {}.", key.unit);
    }
    match (key.default.parse::<u64>(), key.default) {
        (Ok(number), _) => {
            fields.insert("default".to_owned(), json!(number));
        }
        (Err(_), "") => {}
        (Err(_), words) => description = format!("{description} Default: {words}."),
    }
    fields.insert("description".to_owned(), json!(description));
    schema
}

fn shape(kind: &Kind) -> Value {
    match kind {
        Kind::Mapping(keys) => mapping(&keys.iter().collect::<Vec<_>>()),
        Kind::List(least, most, of) => {
            let each_once = matches!(of, Kind::Words(_) | Kind::Argument(_));
            json!({
                "type": "array",
                "minItems": least,
                "maxItems": most,
                "uniqueItems": each_once,
                "items": shape(of),
            })
        }
        Kind::Words(words) => json!({ "enum": words }),
        Kind::Whole(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Kind::Truth => json!({ "type": "boolean" }),
        Kind::Text(form) => {
            let (least, most) = form.length;
            let mut schema = Map::from_iter([
                ("type".to_owned(), json!("string")),
                ("minLength".to_owned(), json!(least)),
            ]);
            schema.extend(form.pattern.map(|it| ("pattern".to_owned(), json!(it))));
            let most = (most < usize::MAX).then_some(most);
            schema.extend(most.map(|it| ("maxLength".to_owned(), json!(it))));
            Value::Object(schema)
        }
        Kind::Argument(allowed) => {
            let patterns: Vec<String> = allowed.iter().map(Allowed::pattern).collect();
            json!({ "type": "string", "pattern": format!("^({})$", patterns.join("|")) })
        }
        Kind::Refused(_) => json!(false),
    }
}

#[cfg(test)]
mod tests;
