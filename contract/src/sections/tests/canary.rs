use std::collections::BTreeSet;

use super::read;
use crate::error::ContractError;
use crate::limits::Limits;
use crate::lint::lint;
use crate::network_config::NetworkConfig;
use crate::node::{Kind, Node, Origin, Style};
use crate::testing;
use crate::{Contract, ContractDocument, Opening};

/// A word and a number that look like secrets.
const CANARY: &str = "hunter2-CANARY-9f3c";
const NUMBER: &str = "7313370915";

/// What stands in a scalar's place: the secret in every shape that YAML has, and shapes of other types.
fn shapes() -> Vec<String> {
    let mut shapes = vec![
        CANARY.to_owned(),
        format!("\"{CANARY}\""),
        format!("[{CANARY}]"),
        format!("{{{CANARY}: {CANARY}}}"),
        format!("{{{CANARY}}}"),
        format!("\"{CANARY}"),
        format!("!{CANARY} {CANARY}"),
        format!("*{CANARY}"),
        format!("&{CANARY} {CANARY}"),
        format!("\"-----BEGIN {CANARY}-----\\n{CANARY}\\n-----END {CANARY}-----\""),
        format!("\"-----BEGIN CERTIFICATE-----\\n{CANARY}\\n-----END CERTIFICATE-----\""),
        CANARY.repeat(4000),
        NUMBER.to_owned(),
        format!("-{NUMBER}.{NUMBER}e9"),
        format!("[{NUMBER}, {{a: {NUMBER}}}]"),
    ];
    shapes.extend(["null", "~", "true", "\"\"", "[]", "{}"].map(str::to_owned));
    shapes
}

/// All that IBM's runtime uses and we read too.
const THEIRS: [&str; 2] = [
    "env: {PORT: \"8080\"}\nauths: {quay.io: {username: abc, password: def}}\n\
     volumes: {data: {seed: aaaaaaaaaaaaaaaa, mount: /mnt/x, filesystem: xfs, previousSeed: abc}}\n",
    "env: {A: x}\nauths: {\"r.example:5000\": {username: abc, password: def}}\n\
     volumes: {data: {seed: aaaaaaaaaaaaaaaa, previousSeed: abc}}\n\
     logging: {syslog: {hostname: a.b, server: x, cert: x, key: x, port: 6514}}\ncacerts: [{certificate: QUJD}]\n\
     crypto-pt: {lock: true, index-1: {type: secret, domain-id: \"03.0011\", secret: QUJD, mkvp: \"0x0\"}}\n",
];

fn silent(shown: &str) {
    let found = ["CANARY", "hunter2", NUMBER];
    assert!(!found.iter().any(|it| shown.contains(it)), "{shown}");
}

/// Every scalar of the sample, replaced one after the other by something that looks like a secret, in every shape: whatever
/// comes of it, the secret is in no word of it.
#[test]
fn no_value_is_ever_shown() {
    let samples = [testing::workload() + THEIRS[0], testing::env() + THEIRS[1]];
    let (shapes, mut codes, mut scalars) = (shapes(), BTreeSet::new(), 0);
    for which in [0, 1] {
        let text = &samples[which];
        let tree = Node::parse(text, &Limits::default(), Origin::Document).unwrap();
        let (count, whole) = spoil(&tree, usize::MAX, "");
        read_pair(&samples, which, &whole).expect("the sample does not survive being written anew");
        scalars += count;
        for (target, shape) in (0..count)
            .step_by(if cfg!(target_arch = "s390x") { 8 } else { 1 })
            .flat_map(|target| shapes.iter().map(move |shape| (target, shape)))
        {
            let spoilt = spoil(&tree, target, shape).1;
            match read_pair(&samples, which, &spoilt) {
                Ok(contract) => silent(&secrets_of(&contract)),
                Err(error) => {
                    codes.insert(error.code());
                    silent(&format!("{error} {error:?} {error:#?} {}", error.remedy()));
                }
            }
            let mut sections = samples.clone();
            sections[which].clone_from(&spoilt);
            let [workload, env] = sections;
            let document = ContractDocument::new(workload, env);
            let limits = Limits::default();
            let opening = Opening {
                now: Some(1_800_000_000),
                ..Opening::new(&[], &limits)
            };
            silent(&format!("{document:?} {:?}", lint(&document, &opening)));
        }
    }
    assert!(scalars >= 70, "{scalars}");
    assert!(codes.len() >= 2, "{codes:?}");
}

/// What was accepted may be shown where it belongs, in the settings; never in a warning, and a secret never at all.
fn secrets_of(contract: &Contract) -> String {
    let seeds = contract.volumes.iter().map(|volume| &volume.key);
    let logins = contract.auths.values().map(|login| &login.password);
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?}",
        contract.warnings,
        contract.settings.grep11.credentials.key,
        contract
            .settings
            .keys
            .iter()
            .map(|key| &key.blob)
            .collect::<Vec<_>>(),
        contract.environment,
        seeds.collect::<Vec<_>>(),
        logins.collect::<Vec<_>>(),
    )
}

#[test]
fn no_value_of_a_network_config_is_ever_shown() {
    const SAMPLE: &str = "{network: {version: 2, ethernets: {enc1: {dhcp4: false, mtu: 1500, addresses: [192.0.2.1/24], \
        gateway4: 192.0.2.2, routes: [{to: default, via: 192.0.2.2}], nameservers: {addresses: [192.0.2.3], search: [a.b]}}, \
        enc2: {dhcp4: true}}}}";
    let tree = Node::parse(SAMPLE, &Limits::default(), Origin::Document).unwrap();
    let (count, _) = spoil(&tree, usize::MAX, "");
    let mut refused = 0;
    for target in 0..count {
        for shape in shapes() {
            let spoilt = spoil(&tree, target, &shape).1;
            match NetworkConfig::parse(spoilt.as_bytes(), &Limits::default()) {
                Ok(config) => silent(&format!("{:?}", config.warnings)),
                Err(error) => {
                    refused += 1;
                    silent(&format!("{error} {error:?}"));
                }
            }
        }
    }
    assert!(count >= 10 && refused > 150, "{count} {refused}");
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
