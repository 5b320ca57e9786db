use jsonschema::Validator;
use serde_json::{Value, json};

use super::*;
use crate::error::{Code, ContractError};
use crate::limits::Limits;
use crate::testing::{self, TZ3};
use crate::{Contract, Opening};

/// A step on the way to a value.
#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Item(usize),
}

/// Both sections as JSON, and who judges them.
struct Bench {
    sections: [Value; 2],
    validator: Validator,
}

impl Bench {
    fn new() -> Self {
        let read = |text: String| serde_yaml::from_str::<Value>(&text).unwrap();
        Self {
            sections: [read(testing::workload()), read(testing::env())],
            validator: jsonschema::validator_for(&json_schema()).unwrap(),
        }
    }

    /// The schema's verdict and the reader's, one section changed.
    fn judge(&self, which: usize, changed: &Value) -> (bool, Result<(), ContractError>) {
        let mut texts = self.sections.each_ref().map(Value::to_string);
        texts[which] = changed.to_string();
        let read =
            Contract::from_sections(&texts[0], &texts[1], &Opening::new(&[], &Limits::default()));
        (self.validator.is_valid(changed), read.map(drop))
    }

    /// Every value of both sections below `bakehouse`.
    fn paths(&self) -> Vec<(usize, Vec<Step>)> {
        let mut paths = Vec::new();
        for (which, section) in self.sections.iter().enumerate() {
            walk(section, &mut Vec::new(), &mut |path| {
                if matches!(path.first(), Some(Step::Key(key)) if key == "bakehouse") {
                    paths.push((which, path.to_vec()));
                }
            });
        }
        assert!(paths.len() > 75, "{}", paths.len());
        paths
    }

    fn changed(
        &self,
        which: usize,
        path: &[Step],
        change: impl FnOnce(&mut Value, &Step),
    ) -> Value {
        let mut whole = self.sections[which].clone();
        let (last, way) = path.split_last().unwrap();
        let mut at = &mut whole;
        for step in way {
            at = match step {
                Step::Key(key) => &mut at[key],
                Step::Item(index) => &mut at[index],
            };
        }
        change(at, last);
        whole
    }

    fn replaced(&self, which: usize, path: &[Step], with: &Value) -> Value {
        self.changed(which, path, |parent, last| {
            *at(parent, last) = with.clone();
        })
    }
}

fn at<'a>(parent: &'a mut Value, step: &Step) -> &'a mut Value {
    match step {
        Step::Key(key) => &mut parent[key],
        Step::Item(index) => &mut parent[*index],
    }
}

fn walk(value: &Value, path: &mut Vec<Step>, found: &mut impl FnMut(&[Step])) {
    found(path);
    match value {
        Value::Object(fields) => {
            for (key, below) in fields {
                path.push(Step::Key(key.clone()));
                walk(below, path, found);
                path.pop();
            }
        }
        Value::Array(items) => {
            for (index, below) in items.iter().enumerate() {
                path.push(Step::Item(index));
                walk(below, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

/// The part of the schema that rules a path.
fn rule(which: usize, path: &[Step]) -> Value {
    let schema = json_schema();
    let mut rule = schema["$defs"][TABLES[which].0].clone();
    for step in path {
        rule = match step {
            Step::Key(key) => rule["properties"][key].clone(),
            Step::Item(_) => rule["items"].clone(),
        };
    }
    assert!(rule.is_object(), "{path:?}");
    rule
}

/// Complaints that no schema can make: what a text means, and what must differ from what.
fn beyond_a_schema(error: &ContractError, rule: &Value) -> bool {
    let of_meaning = matches!(error.code(), Code::ValueInvalid | Code::ChainInvalid);
    let text = rule["type"] == "string" && rule.get("enum").is_none();
    let message = error.message();
    of_meaning
        && (text
            || message.contains("already")
            || message.contains("is there twice")
            || message.contains("companion")
            || message.contains("is not the chain id"))
}

#[test]
fn the_sample_is_taken_by_both() {
    let bench = Bench::new();
    for which in [0, 1] {
        let (schema, reader) = bench.judge(which, &bench.sections[which]);
        assert!(schema && reader.is_ok(), "{which}: {schema} {reader:?}");
    }
}

#[test]
fn both_require_the_same_keys() {
    let (bench, mut refused, mut taken) = (Bench::new(), 0, 0);
    for (which, path) in bench.paths() {
        let Some(Step::Key(key)) = path.last().cloned() else {
            continue;
        };
        let without = bench.changed(which, &path, |parent, _| {
            parent.as_object_mut().unwrap().remove(&key);
        });
        let (schema, reader) = bench.judge(which, &without);
        assert_eq!(schema, reader.is_ok(), "{path:?}: {reader:?}");
        if let Err(error) = reader {
            assert_eq!(error.code(), Code::KeyMissing, "{path:?}: {error}");
            refused += 1;
        } else {
            taken += 1;
        }
    }
    assert!(refused >= 25 && taken >= 15, "{refused} {taken}");
}

#[test]
fn both_know_the_same_keys() {
    let (bench, mut mappings) = (Bench::new(), 0);
    for (which, path) in bench.paths() {
        let mut unknown = Vec::new();
        let with = bench.changed(which, &path, |parent, last| {
            if let Some(fields) = at(parent, last).as_object_mut() {
                unknown = rule(which, &path)["properties"]
                    .as_object()
                    .unwrap()
                    .keys()
                    .cloned()
                    .collect();
                fields.insert("qqqqqq".to_owned(), json!(1));
            }
        });
        if unknown.is_empty() {
            continue;
        }
        mappings += 1;
        let (schema, reader) = bench.judge(which, &with);
        let error = reader.unwrap_err();
        assert!(!schema, "{path:?}");
        assert_eq!(error.code(), Code::KeyUnknown, "{path:?}: {error}");
        // Our own words name every key that the reader knows there.
        let (_, known) = error.message().split_once("those known here are ").unwrap();
        let mut known: Vec<&str> = known.split(", ").collect();
        if path.len() == 1 {
            // The other section's keys are known so that they can be sent home.
            known.retain(|name| unknown.iter().any(|key| key == name));
        }
        known.sort_unstable();
        assert_eq!(known, unknown, "{path:?}");
    }
    assert!(mappings >= 18, "{mappings}");
}

#[test]
fn both_take_values_of_the_same_kinds() {
    let (bench, mut beyond) = (Bench::new(), 0);
    let values = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(5),
        json!(-1),
        json!(1.5),
        json!(10_u64.pow(12)),
        json!(""),
        json!("x"),
        json!("5"),
        json!("true"),
        json!("null"),
        json!("a b"),
        json!("x".repeat(20_000)),
        json!([]),
        json!(["x"]),
        json!([[]]),
        json!([{}]),
        json!(vec!["x"; 100]),
        json!({}),
        json!({ "x": 1 }),
    ];
    for (which, path) in bench.paths() {
        let rule = rule(which, &path);
        for value in &values {
            let (schema, reader) = bench.judge(which, &bench.replaced(which, &path, value));
            match reader {
                Ok(()) => assert!(schema, "{path:?}: the schema refuses {value}"),
                Err(error) if schema => {
                    assert!(
                        beyond_a_schema(&error, &rule),
                        "{path:?} {value}: the schema takes it, the reader says: {error}"
                    );
                    beyond += 1;
                }
                Err(_) => {}
            }
        }
    }
    assert!(beyond < 100, "{beyond}");
}

#[test]
fn both_have_the_same_bounds_and_words() {
    let (bench, mut numbers, mut words) = (Bench::new(), 0, 0);
    for (which, path) in bench.paths() {
        let rule = rule(which, &path);
        let mut tries: Vec<(Value, bool)> = Vec::new();
        if rule["type"] == "integer" {
            numbers += 1;
            let (least, most) = (&rule["minimum"], &rule["maximum"]);
            let (least, most) = (least.as_i64().unwrap(), most.as_i64().unwrap());
            tries.extend([
                (json!(least), true),
                (json!(most), true),
                (json!(least - 1), false),
                (json!(most + 1), false),
            ]);
        }
        if let Some(all) = rule["enum"].as_array() {
            words += 1;
            tries.extend(all.iter().map(|word| (word.clone(), true)));
            tries.push((json!("frobnicate"), false));
        }
        for (value, taken) in tries {
            let (schema, reader) = bench.judge(which, &bench.replaced(which, &path, &value));
            match reader {
                Ok(()) => assert!(taken && schema, "{path:?}: {value}"),
                Err(error) if taken => {
                    assert!(beyond_a_schema(&error, &rule), "{path:?} {value}: {error}");
                }
                Err(error) => {
                    assert_eq!(error.code(), Code::ValueInvalid);
                    assert!(!schema, "{path:?}: {value}");
                }
            }
        }
    }
    assert!(numbers >= 4 && words >= 8, "{numbers} {words}");
}

#[test]
fn every_default_is_the_readers() {
    let timing = crate::settings::Timing::default();
    let rules = &json_schema()["$defs"]["env"]["properties"]["bakehouse"]["properties"]["timing"];
    for (key, default) in [
        ("dead_man_seconds", timing.dead_man),
        ("hsm_start_seconds", timing.hsm_start),
        ("node_start_seconds", timing.node_start),
        ("stop_grace_seconds", timing.stop_grace),
        ("drain_seconds", timing.drain),
    ] {
        assert_eq!(
            rules["properties"][key]["default"],
            json!(default.as_secs()),
            "{key}"
        );
    }
}

#[test]
fn a_program_that_runs_is_required_by_both() {
    let bench = Bench::new();
    for (key, value, program) in [
        ("accuser", json!(false), "octez-accuser"),
        ("dal", json!("none"), "octez-dal-node"),
    ] {
        let mut without = bench.sections[0].clone();
        let programs = without["bakehouse"]["executables"].as_object_mut();
        programs.unwrap().remove(program);
        let (schema, reader) = bench.judge(0, &without);
        assert!(!schema && reader.is_err(), "{program}");
        without["bakehouse"][key] = value;
        let (schema, reader) = bench.judge(0, &without);
        assert!(schema && reader.is_ok(), "{program}: {reader:?}");
    }
}

#[test]
fn what_is_published_is_what_is_written_from_the_table() {
    let published: Value =
        serde_json::from_str(include_str!("../../../docs/contract.schema.json")).unwrap();
    assert!(
        published == json_schema(),
        "run: bakehouse-contract schema > docs/contract.schema.json"
    );
    assert_eq!(
        include_str!("../../../docs/contract-keys.md"),
        reference(),
        "run: bakehouse-contract schema --reference > docs/contract-keys.md"
    );
}

/// The contract that the README shows, its gaps filled.
#[test]
fn the_readmes_contract_is_taken_by_both() {
    let readme = include_str!("../../../README.md");
    let (_, after) = readme.split_once("```yaml\n").unwrap();
    let (yaml, _) = after.split_once("```").unwrap();
    let certificate = testing::pem("CERTIFICATE", &[7; 90]).replace('\n', "\n          ");
    let key = testing::pem("PRIVATE KEY", &[9; 90]).replace('\n', "\n          ");
    let filled = yaml
        .replace("p2pk…", TZ3)
        .replacen("\"…\"", &"ab".repeat(120), 1)
        .replace("\"…\"", &"0f".repeat(32))
        .replacen("-----BEGIN CERTIFICATE-----\n          …", &certificate, 1)
        .replacen("…", &certificate, 1)
        .replacen("…", &key, 1);
    assert!(!filled.contains('…'), "{filled}");
    let document: Value = serde_yaml::from_str(&filled).unwrap();
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    assert!(validator.is_valid(&document));
    let text = |name: &str| document[name].as_str().unwrap();
    for name in ["workload", "env"] {
        let section: Value = serde_yaml::from_str(text(name)).unwrap();
        let problems: Vec<String> = validator
            .iter_errors(&section)
            .map(|error| error.to_string())
            .collect();
        assert!(problems.is_empty(), "{name}: {problems:?}");
    }
    Contract::from_sections(
        text("workload"),
        text("env"),
        &Opening::new(&[], &Limits::default()),
    )
    .unwrap();
}
