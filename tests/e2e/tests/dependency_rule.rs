//! The dependency rule of the house: `contract` and `proto` know nobody, the signer knows `proto`, the supervisor knows
//! `contract`, and nothing that runs in a guest reaches the stand-ins.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Normal and build dependencies among our own crates; what only tests use is not in a guest.
fn own_dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
            "--manifest-path",
            manifest,
        ])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let own: BTreeSet<&str> = packages
        .iter()
        .map(|package| package["name"].as_str().unwrap())
        .collect();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            let linked = dependencies.filter(|dependency| dependency["kind"] != "dev");
            let names = linked.map(|dependency| dependency["name"].as_str().unwrap());
            let of_ours = names
                .filter(|name| own.contains(name))
                .map(str::to_owned)
                .collect();
            (package["name"].as_str().unwrap().to_owned(), of_ours)
        })
        .collect()
}

fn reached(from: &str, graph: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut queue = vec![from.to_owned()];
    while let Some(name) = queue.pop() {
        for next in graph.get(&name).into_iter().flatten() {
            if reached.insert(next.clone()) {
                queue.push(next.clone());
            }
        }
    }
    reached
}

#[test]
fn each_crate_knows_only_whom_it_may() {
    let graph = own_dependencies();
    let known = |name: &str| graph[name].iter().map(String::as_str).collect::<Vec<_>>();
    assert!(known("bakehouse-contract").is_empty());
    assert!(known("bakehouse-proto").is_empty());
    assert_eq!(known("bakehouse-signer"), ["bakehouse-proto"]);
    assert_eq!(known("bakehouse-supervisor"), ["bakehouse-contract"]);
}

#[test]
fn no_guest_program_reaches_a_stand_in() {
    let graph = own_dependencies();
    for guest in [
        "bakehouse-contract",
        "bakehouse-proto",
        "bakehouse-signer",
        "bakehouse-supervisor",
    ] {
        let reached = reached(guest, &graph);
        assert!(
            !reached.contains("bakehouse-devkit") && !reached.contains("bakehouse-e2e"),
            "{guest}: {reached:?}"
        );
    }
}
