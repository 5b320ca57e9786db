//! `new`: a template that lint leads its operator through.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::run::run;
use crate::sections::{env, workload};
use crate::support::folder;

const NEW: &str = "new --network mainnet --dal outbound --accuser --out made/here";
const LINT: &str = "lint --workload made/here/workload.yaml --env made/here/env.yaml";

#[test]
fn a_template_is_written_once_and_lint_says_what_is_missing_and_where() {
    let dir = folder();
    let (code, out, err) = run(dir.path(), NEW);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(
        out.starts_with("made/here/workload.yaml and made/here/env.yaml are written: 13 values"),
        "{out}"
    );
    for name in ["workload.yaml", "env.yaml"] {
        let path = dir.path().join("made/here").join(name);
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }

    let text = std::fs::read_to_string(dir.path().join("made/here/workload.yaml")).unwrap();
    let line = 1 + text
        .lines()
        .position(|line| line.contains("public_key:"))
        .unwrap();
    let (code, out, err) = run(dir.path(), LINT);
    assert_eq!((code, out.as_str()), (Some(65), ""));
    let wanted = format!(
        "placeholder_left: workload.bakehouse.keys[0].public_key (line {line}, column 19 of the text of workload): still to be filled in"
    );
    assert!(err.lines().any(|it| it == wanted), "{wanted}\n{err}");
    assert_eq!(err.matches("placeholder_left: ").count(), 13, "{err}");
    assert!(
        err.ends_with("remedy: Replace each \"<to do: …>\" by a value.\n"),
        "{err}"
    );

    let (_, out, _) = run(dir.path(), &format!("--json {LINT}"));
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["error"]["code"], "placeholder_left");
    assert_eq!(answer["error"]["places"].as_array().unwrap().len(), 13);

    let (code, _, err) = run(dir.path(), NEW);
    assert_eq!(code, Some(73));
    assert_eq!(
        err,
        "made/here/workload.yaml: is there already, and nothing is overwritten\n"
    );
    assert_eq!(
        std::fs::read_to_string(dir.path().join("made/here/workload.yaml")).unwrap(),
        text
    );
}

#[test]
fn neither_file_is_written_where_one_is_there() {
    let dir = folder();
    std::fs::remove_file(dir.path().join("workload.yaml")).unwrap();
    let (code, ..) = run(dir.path(), "new --network mainnet --out .");
    assert_eq!(code, Some(73));
    assert!(!dir.path().join("workload.yaml").exists());
    assert_eq!(
        std::fs::read_to_string(dir.path().join("env.yaml")).unwrap(),
        env()
    );
}

#[test]
fn sections_are_linted_without_a_document() {
    let dir = folder();
    let args = "lint --workload workload.yaml --env env.yaml";
    let (code, out, err) = run(dir.path(), args);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(
        out.contains("\nworkload.yaml and env.yaml: sound (digest "),
        "{out}"
    );
    let broken = workload().replace("accuser:", "acuser:");
    std::fs::write(dir.path().join("workload.yaml"), broken).unwrap();
    let (code, _, err) = run(dir.path(), args);
    assert_eq!(code, Some(65));
    assert!(
        err.contains("(line 8, column 3 of the text of workload)"),
        "{err}"
    );
    for bad in [
        "lint --workload workload.yaml",
        "lint --env env.yaml",
        "lint",
    ] {
        assert_eq!(run(dir.path(), bad).0, Some(64), "{bad}");
    }
    let both = format!("{args} plain.yaml");
    assert_eq!(run(dir.path(), &both).0, Some(64));
}

#[test]
fn a_network_that_is_none_is_refused() {
    let dir = folder();
    for bad in ["Mainnet", "http://a.example"] {
        let (code, _, err) = run(dir.path(), &format!("new --network {bad} --out made"));
        assert_eq!(code, Some(64));
        assert!(err.starts_with("the network must be mainnet, "), "{err}");
    }
    assert!(!dir.path().join("made").exists());
}
