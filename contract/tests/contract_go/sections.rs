//! Random contracts that IBM's schema takes, with our keys in both sections.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::Value;

use super::keys::Pair;

/// Two sections and the platform that they are for.
#[derive(Debug)]
pub(crate) struct Sections {
    pub(crate) os: &'static str,
    pub(crate) workload: String,
    pub(crate) env: String,
}

// === impl Sections ===

impl Sections {
    /// A contract without anything by chance.
    pub(crate) fn plain(os: &'static str) -> Self {
        let archive = STANDARD.encode("an archive");
        Self {
            os,
            workload: format!("{}{}", workload_keys(os, &archive), workload()),
            env: format!("{}{}", env_keys("logs.example"), env()),
        }
    }
}

/// Contracts of any platform that has a schema of its own, with variables of any text and in any order of keys.
pub(crate) fn contract() -> impl Strategy<Value = Sections> {
    let os = prop::sample::select(vec!["hpvs", "ccrt", "ccrv"]);
    let archive = prop::collection::vec(any::<u8>(), 3..400);
    let host = "[a-z]{1,12}\\.example";
    let order = any::<[bool; 2]>();
    (os, archive, host, variables(), variables(), order).prop_map(
        |(os, archive, host, ours, theirs, order)| {
            let join = |first: bool, a: String, b: String| {
                if first { a + &b } else { b + &a }
            };
            let ibm = workload_keys(os, &STANDARD.encode(archive));
            Sections {
                os,
                workload: join(order[0], format!("{ibm}{ours}"), workload()),
                env: join(order[1], format!("{}{theirs}", env_keys(&host)), env()),
            }
        },
    )
}

/// The key `env` with variables, in no order and of any text; a comment before it, which is lost where the section is written anew.
fn variables() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        "\\PC{0,60}",
        "[ \t\n\\PC]{0,40}",
        "(yes|no|null|~|0x1F|1e3|-)"
    ];
    prop::collection::btree_map("[A-Za-z_][A-Za-z0-9_]{0,20}", value, 1..6).prop_map(|map| {
        let mut text = "# variables\nenv:\n".to_owned();
        for (name, value) in map {
            // What contract-go makes of a text that begins with a line feed has a test of its own.
            let value = value.trim_start_matches('\n');
            writeln!(text, "  {}: {}", Value::from(name), Value::from(value)).unwrap();
        }
        text
    })
}

fn workload_keys(os: &str, archive: &str) -> String {
    let what = if os == "ccrv" { "play" } else { "compose" };
    format!("type: workload\n{what}:\n  archive: {archive}\n")
}

fn env_keys(host: &str) -> String {
    let server = STANDARD.encode(&Pair::deployer().certificate);
    format!(
        "type: env\nlogging:\n  syslog:\n    hostname: {host}\n    port: 6514\n    server: {server}\n"
    )
}

/// The least of our keys in `workload`.
pub(crate) fn workload() -> String {
    let (blob, digest) = ("ab".repeat(120), "0f".repeat(32));
    format!(
        "bakehouse:\n  network: shadownet\n  chain_id: NetXsqzbfFenSTS\n  node: {{history_mode: rolling}}\n  \
         baker: {{liquidity_baking_toggle_vote: pass}}\n  dal: none\n  accuser: false\n  keys:\n    - name: baker\n      \
         role: consensus\n      public_key: p2pk688cprNqHHt5iodkEVD1NaCNRMKxk3VTDRrkB1KmmFLnnGw9Gpk\n      blob: {blob}\n  \
         executables:\n    bakehouse-signer: {digest}\n    octez-node: {digest}\n    octez-baker: {digest}\n"
    )
}

/// The least of our keys in `env`.
pub(crate) fn env() -> String {
    let certificate = STANDARD.encode(&Pair::deployer().certificate);
    let key = STANDARD.encode(&Pair::deployer().key);
    format!(
        "bakehouse:\n  state: {{path: /var/lib/bakehouse}}\n  grep11:\n    endpoints: [{{address: \"hsm.example:9876\"}}]\n    \
         credentials: {{ca: {certificate}, certificate: {certificate}, key: {key}}}\n"
    )
}

/// A section as values, for where only its values are kept.
pub(crate) fn values(section: &str) -> Value {
    serde_yaml::from_str(section).unwrap_or_else(|error| panic!("{error}\n{section}"))
}
