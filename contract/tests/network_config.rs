//! network-config files of IBM's, and IBM's own schema for them, where Go's module cache has them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

use std::path::PathBuf;
use std::process::Command;

use bakehouse_contract::Limits;
use bakehouse_contract::network_config::NetworkConfig;
use serde_json::{Value, json};

/// The folder of contract-go, if it was fetched.
fn contract_go() -> Option<PathBuf> {
    let asked = Command::new("go").args(["env", "GOMODCACHE"]).output();
    let cache = match asked {
        Ok(output) if output.status.success() => {
            PathBuf::from(String::from_utf8(output.stdout).ok()?.trim())
        }
        _ => PathBuf::from(std::env::var_os("HOME")?).join("go/pkg/mod"),
    };
    let newest = std::fs::read_dir(cache.join("github.com/ibm-hyper-protect/contract-go"))
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.join("schema/network/hpse-network-schema.json")
                .exists()
        })
        .max();
    if newest.is_none() {
        eprintln!("NOT CHECKED against contract-go: Go's module cache does not have it");
    }
    newest
}

fn read(text: &str) -> bool {
    NetworkConfig::parse(text.as_bytes(), &Limits::default()).is_ok()
}

#[test]
fn ibms_own_files_are_judged_as_ibm_judges_them() {
    let Some(folder) = contract_go() else { return };
    let file = |name: &str| std::fs::read_to_string(folder.join("samples/network").join(name));
    assert!(read(&file("network_config.yaml").unwrap()));
    assert!(!read(&file("network_config_invalid.yaml").unwrap()));
}

/// What we take, IBM's schema takes: each value of a file replaced by many others.
#[test]
fn nothing_is_taken_that_ibms_schema_refuses() {
    let Some(folder) = contract_go() else { return };
    let schema = folder.join("schema/network/hpse-network-schema.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let sample = json!({ "network": { "version": 2, "ethernets": {
        "enc1": {
            "dhcp4": false, "mtu": 1500, "addresses": ["192.0.2.1/24"], "gateway4": "192.0.2.2",
            "routes": [{ "to": "198.51.100.0/24", "via": "192.0.2.2" }],
            "nameservers": { "addresses": ["192.0.2.3"], "search": ["a.b"] },
        },
        "enc2": { "dhcp4": true },
    } } });
    assert!(read(&sample.to_string()) && validator.is_valid(&sample));
    let pointers = pointers(&sample);
    let values = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(1500),
        json!(1.5),
        json!(""),
        json!("x"),
        json!("192.0.2.9"),
        json!("192.0.2.9/0"),
        json!("192.0.2.9/32"),
        json!("192.0.2.9/33"),
        json!("default"),
        json!("2001:db8::1"),
        json!([]),
        json!(["192.0.2.9/8"]),
        json!({}),
        json!({ "dhcp4": true }),
        json!({ "dhcp4": false }),
        json!({ "dhcp4": true, "addresses": [] }),
        json!({ "enc5": { "dhcp4": true } }),
        json!({ "eth0": { "dhcp4": true } }),
        json!({ "enc5": { "dhcp4": true, "gateway4": "192.0.2.1" } }),
    ];
    let (mut taken, mut refused) = (0, 0);
    for pointer in &pointers {
        for value in &values {
            let mut changed = sample.clone();
            *changed.pointer_mut(pointer).unwrap() = value.clone();
            let ours = read(&changed.to_string());
            assert!(!ours || validator.is_valid(&changed), "{pointer}: {value}");
            if ours { taken += 1 } else { refused += 1 }
        }
    }
    assert!(taken > 10 && refused > 100, "{taken} {refused}");
}

fn pointers(value: &Value) -> Vec<String> {
    let below = |key: String, value: &Value| -> Vec<String> {
        let own = format!("/{key}");
        let mut all: Vec<String> = pointers(value)
            .iter()
            .map(|it| format!("{own}{it}"))
            .collect();
        all.push(own);
        all
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, it)| below(key.clone(), it))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(at, it)| below(at.to_string(), it))
            .collect(),
        _ => Vec::new(),
    }
}
