use std::collections::BTreeSet;

use super::read;
use crate::error::ContractError;
use crate::limits::Limits;
use crate::node::{Kind, Node, Origin, Style};
use crate::testing;
use crate::{Contract, ContractDocument};

/// Every scalar of the sample, replaced one after the other by something that looks like a secret, in every shape: whatever
/// comes of it, the secret is in no word of it.
#[test]
fn no_value_is_ever_shown() {
    const CANARY: &str = "hunter2-CANARY-9f3c";
    let shapes = [
        CANARY.to_owned(),
        format!("\"{CANARY}\""),
        format!("[{CANARY}]"),
        format!("{{{CANARY}: {CANARY}}}"),
        format!("\"{CANARY}"),
        format!("!{CANARY} {CANARY}"),
        format!("*{CANARY}"),
        format!("\"-----BEGIN {CANARY}-----\\n{CANARY}\\n-----END {CANARY}-----\""),
    ];
    let samples = [testing::workload(), testing::env()];
    let trees = samples
        .each_ref()
        .map(|text| Node::parse(text, &Limits::default(), Origin::Document).unwrap());
    let (mut codes, mut scalars) = (BTreeSet::new(), 0);
    for (which, tree) in trees.iter().enumerate() {
        let (count, whole) = spoil(tree, usize::MAX, "");
        assert!(
            read_pair(&samples, which, &whole).is_ok(),
            "the sample does not survive being written anew"
        );
        scalars += count;
        for (target, shape) in (0..count)
            .step_by(if cfg!(target_arch = "s390x") { 8 } else { 1 })
            .flat_map(|target| shapes.iter().map(move |shape| (target, shape)))
        {
            let spoilt = spoil(tree, target, shape).1;
            let shown = match read_pair(&samples, which, &spoilt) {
                Ok(contract) => {
                    // What was accepted may be shown where it belongs, in the settings; never in a warning.
                    format!(
                        "{:?} {:?}",
                        contract.warnings, contract.settings.grep11.credentials.key
                    )
                }
                Err(error) => {
                    codes.insert(error.code());
                    format!("{error} {error:?} {error:#?} {}", error.remedy())
                }
            };
            assert!(
                !shown.contains("CANARY") && !shown.contains("hunter2"),
                "{shown}"
            );
            let document = ContractDocument::new(spoilt.clone(), spoilt);
            assert!(!format!("{document:?}").contains("CANARY"));
        }
    }
    assert!(scalars >= 50, "{scalars}");
    assert!(codes.len() >= 2, "{codes:?}");
}

fn read_pair(samples: &[String; 2], which: usize, text: &str) -> Result<Contract, ContractError> {
    if which == 0 {
        read(text, &samples[1])
    } else {
        read(&samples[0], text)
    }
}

/// Writes a tree anew, one scalar of it replaced; says how many scalars there are.
fn spoil(node: &Node, target: usize, shape: &str) -> (usize, String) {
    fn write(node: &Node, count: &mut usize, target: usize, shape: &str, out: &mut String) {
        match &node.kind {
            Kind::Scalar(scalar) => {
                if *count == target {
                    out.push_str(shape);
                } else if scalar.style == Style::Plain {
                    out.push_str(scalar.text.expose());
                } else {
                    out.push_str(&serde_json::to_string(scalar.text.expose()).unwrap());
                }
                *count += 1;
            }
            Kind::Sequence(items) => {
                out.push('[');
                for item in items {
                    write(item, count, target, shape, out);
                    out.push_str(" , ");
                }
                out.push(']');
            }
            Kind::Mapping(entries) => {
                out.push('{');
                for entry in entries {
                    out.push_str(entry.key.expose());
                    out.push_str(": ");
                    write(&entry.value, count, target, shape, out);
                    out.push_str(" , ");
                }
                out.push('}');
            }
        }
    }
    let (mut count, mut out) = (0, String::new());
    write(node, &mut count, target, shape, &mut out);
    (count, out)
}
