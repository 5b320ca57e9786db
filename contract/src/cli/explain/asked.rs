//! What a contract asks of a guest, without its secrets.

use std::collections::BTreeMap;

use bakehouse_contract::settings::{
    Dal, Egress, Endpoint, KeyRole, KeySettings, Network, NodeSettings, Settings, Timing,
    ToggleVote,
};
use serde::Serialize;

use super::certificates::{self, Certificate};

#[derive(Serialize)]
pub(super) struct Asked {
    pub(super) network: String,
    pub(super) chain_id: String,
    pub(super) node: Node,
    pub(super) baker: Baker,
    pub(super) dal: &'static str,
    pub(super) accuser: bool,
    pub(super) delegate: Option<String>,
    pub(super) keys: Vec<HsmKey>,
    pub(super) hsm: Hsm,
    pub(super) egress: Reached,
    /// Powers that the guest may lack.
    pub(super) waived: Vec<String>,
    /// Deadlines and intervals, in seconds.
    pub(super) timing: BTreeMap<&'static str, u64>,
    pub(super) state: String,
    /// SHA-256 of what may run.
    pub(super) executables: BTreeMap<String, String>,
}

#[derive(Serialize)]
pub(super) struct Node {
    pub(super) history_mode: String,
    pub(super) snapshot: Option<Snapshot>,
    pub(super) peers: Vec<String>,
    pub(super) extra_args: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct Snapshot {
    pub(super) url: String,
    pub(super) sha256: String,
    pub(super) block: String,
}

#[derive(Serialize)]
pub(super) struct Baker {
    pub(super) liquidity_baking_toggle_vote: &'static str,
    pub(super) extra_args: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct HsmKey {
    pub(super) name: String,
    pub(super) role: &'static str,
    pub(super) public_key_hash: String,
    pub(super) public_key: String,
    pub(super) floor: u32,
    /// Kinds of operations that it may sign beside consensus operations.
    pub(super) operations: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct Hsm {
    pub(super) endpoints: Vec<HsmServer>,
    pub(super) ca: Vec<Certificate>,
    pub(super) certificate: Vec<Certificate>,
}

#[derive(Serialize)]
pub(super) struct HsmServer {
    pub(super) address: String,
    /// The name that its certificate is checked for.
    pub(super) server_name: String,
    pub(super) pin_sha256: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Reached {
    pub(super) dns: Vec<String>,
    pub(super) ntp: Vec<String>,
    pub(super) logs: Vec<String>,
}

// === impl Asked ===

impl Asked {
    pub(super) fn of(settings: &Settings, now: u64) -> Self {
        let credentials = &settings.grep11.credentials;
        Self {
            network: match &settings.network {
                Network::BuiltIn(name) => name.clone(),
                Network::Url(url) => without_query(url),
            },
            chain_id: settings.chain_id.clone(),
            node: Node::of(&settings.node),
            baker: Baker {
                liquidity_baking_toggle_vote: match settings.baker.liquidity_baking_toggle_vote {
                    ToggleVote::On => "on",
                    ToggleVote::Off => "off",
                    ToggleVote::Pass => "pass",
                },
                extra_args: settings.baker.extra_args.clone(),
            },
            dal: match settings.dal {
                Dal::None => "none",
                Dal::Outbound => "outbound",
            },
            accuser: settings.accuser,
            delegate: settings.delegate.clone(),
            keys: settings.keys.iter().map(HsmKey::of).collect(),
            hsm: Hsm {
                endpoints: settings
                    .grep11
                    .endpoints
                    .iter()
                    .map(HsmServer::of)
                    .collect(),
                ca: certificates::all(&credentials.ca, now),
                certificate: certificates::all(&credentials.certificate, now),
            },
            egress: Reached::of(&settings.egress),
            waived: settings.powers.delegated.clone(),
            timing: seconds(&settings.timing),
            state: settings.state.path.clone(),
            executables: settings
                .executables
                .iter()
                .map(|(name, digest)| (name.clone(), hex::encode(digest)))
                .collect(),
        }
    }
}

// === impl Node ===

impl Node {
    fn of(node: &NodeSettings) -> Self {
        Self {
            history_mode: node.history_mode.clone(),
            snapshot: node.snapshot.as_ref().map(|snapshot| Snapshot {
                url: without_query(&snapshot.url),
                sha256: hex::encode(snapshot.sha256),
                block: snapshot.block.clone(),
            }),
            peers: node.peers.iter().map(address).collect(),
            extra_args: node.extra_args.clone(),
        }
    }
}

// === impl HsmKey ===

impl HsmKey {
    fn of(key: &KeySettings) -> Self {
        Self {
            name: key.name.clone(),
            role: match key.role {
                KeyRole::Consensus => "consensus",
                KeyRole::Companion => "companion",
                KeyRole::Manager => "manager",
            },
            public_key_hash: key.public_key_hash.clone(),
            public_key: key.public_key.clone(),
            floor: key.floor,
            operations: key.policy.operations.clone(),
        }
    }
}

// === impl HsmServer ===

impl HsmServer {
    fn of(endpoint: &Endpoint) -> Self {
        Self {
            address: address(&(endpoint.host.clone(), endpoint.port)),
            server_name: endpoint
                .server_name
                .clone()
                .unwrap_or_else(|| endpoint.host.clone()),
            pin_sha256: endpoint.pin_sha256.map(hex::encode),
        }
    }
}

// === impl Reached ===

impl Reached {
    fn of(egress: &Egress) -> Self {
        Self {
            dns: egress.dns.iter().map(ToString::to_string).collect(),
            ntp: egress.ntp.iter().map(ToString::to_string).collect(),
            logs: egress.logs.iter().map(address).collect(),
        }
    }
}

fn address((host, port): &(String, u16)) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// A query may hold a token.
fn without_query(url: &str) -> String {
    match url.split_once('?') {
        Some((address, _)) => format!("{address}?(masked)"),
        None => url.to_owned(),
    }
}

fn seconds(timing: &Timing) -> BTreeMap<&'static str, u64> {
    [
        ("dead_man", timing.dead_man),
        ("hsm_start", timing.hsm_start),
        ("node_start", timing.node_start),
        ("stop_grace", timing.stop_grace),
        ("drain", timing.drain),
    ]
    .into_iter()
    .map(|(name, duration)| (name, duration.as_secs()))
    .collect()
}
