//! `docs/contract-tool.md`: every command is on it, and its examples run.

use std::process::Command;

use crate::pages::commands;
use crate::run::{run, said};
use crate::support::folder;

const PAGE: &str = include_str!("../../../docs/contract-tool.md");

#[test]
fn every_command_is_on_the_page_and_no_other() {
    let dir = folder();
    let (_, rest) = PAGE.split_once("## Commands").unwrap();
    let (table, _) = rest.split_once("\n## ").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let told = rows.filter_map(|row| row.split('`').next());
    assert_eq!(
        told.map(str::to_owned)
            .collect::<std::collections::BTreeSet<_>>(),
        commands(dir.path())
    );
}

/// Each line of the examples, in its order, in a folder that has what they begin with.
#[test]
fn the_examples_run() {
    let dir = folder();
    let tool = std::path::Path::new(env!("CARGO_BIN_EXE_bakehouse-contract"));
    let folder_of_tool = tool.parent().unwrap().display();
    let path = format!("{folder_of_tool}:{}", std::env::var("PATH").unwrap());
    let mut examples = 0;
    for line in PAGE.lines().filter_map(|line| line.strip_prefix("$ ")) {
        assert!(line.starts_with("bakehouse-contract "), "{line}");
        let output = Command::new("sh")
            .args(["-euc", line])
            .current_dir(dir.path())
            .env("PATH", &path)
            .output()
            .unwrap();
        let (code, out, err) = said(&output);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{line}: {out}");
        examples += 1;
    }
    assert!(examples >= 11, "{examples}");
    for made in [
        "made/env.yaml",
        "cidata.iso",
        "bakehouse-contract.bash",
        "man/man1/bakehouse-contract.1",
    ] {
        assert!(dir.path().join(made).is_file(), "{made}");
    }
}

#[test]
fn wrong_usage_is_json_where_json_is_asked_for() {
    let dir = folder();
    let (code, out, err) = run(dir.path(), "bake --json");
    assert_eq!((code, err.as_str()), (Some(64), ""));
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["error"]["code"], "usage");
    assert!(
        answer["error"]["message"]
            .as_str()
            .unwrap()
            .contains("Usage")
    );
}
