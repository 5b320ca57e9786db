//! From contract to plan: what the guest will do, decided before it does any of it.
//!
//! [`plan()`] is pure. It keeps names as names, so that one contract gives one plan and one [`PlanDigest`] everywhere;
//! [`resolve()`] turns names into addresses and renders the files whose bytes no plan may hold.

pub mod spec;

mod material;
mod network;
mod resolve;
mod units;

use std::path::PathBuf;

use bakehouse_contract::settings::{KeyRole, Network, Settings};
use sha2::{Digest, Sha256};

pub use material::Content;
pub use resolve::{Resolution, Resolved, resolve};

use spec::{Account, DirectorySpec, FileSpec, Plan, SnapshotSpec};

/// Version of the plan's format; part of its digest.
pub const VERSION: u32 = 1;

/// The group that lets the baker read the node's files.
const OCTEZ_GROUP: u32 = 9100;

/// What a plan needs to know beside the contract; all of it is part of the plan.
#[derive(Debug, Clone)]
pub struct Facts {
    /// `sealed`, `workload` or `bench`.
    pub host: String,
    /// Where sockets and credentials lie.
    pub runtime_dir: PathBuf,
    /// Digest of the pins that the contract had to satisfy, hex.
    pub pins: Option<String>,
}

/// Why a contract gives no plan.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlanError {
    /// An executable that must run has no digest in the contract.
    #[error("workload.bakehouse.executables names no digest of {0}; add its SHA-256")]
    ExecutableUndeclared(String),
    /// No key can bake.
    #[error("workload.bakehouse.keys holds no consensus key; add one with role consensus")]
    NoConsensusKey,
    /// A name that has no address.
    #[error(
        "{0} has no address; name it by IP or give env.bakehouse.egress.dns a server that knows it"
    )]
    Unresolved(String),
    /// Rendering failed; a bug.
    #[error("a part of the plan cannot be rendered")]
    Render,
}

/// SHA-256 of a plan's canonical JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanDigest(pub String);

/// Where each thing lies, derived once.
#[derive(Debug, Clone)]
struct Layout {
    credentials: PathBuf,
    signer_runtime: PathBuf,
    signer: PathBuf,
    node: PathBuf,
    baker: PathBuf,
    accuser: PathBuf,
    dal: PathBuf,
    snapshot: PathBuf,
}

// === impl PlanError ===

impl PlanError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ExecutableUndeclared(_) | Self::NoConsensusKey => "key_missing",
            Self::Unresolved(_) => "name_unresolved",
            Self::Render => "internal",
        }
    }
}

// === impl Layout ===

impl Layout {
    fn new(settings: &Settings, facts: &Facts) -> Self {
        let state = PathBuf::from(&settings.state.path);
        Self {
            credentials: facts.runtime_dir.join("credentials"),
            signer_runtime: facts.runtime_dir.join("signer"),
            signer: state.join("signer"),
            node: state.join("node"),
            baker: state.join("baker"),
            accuser: state.join("accuser"),
            dal: state.join("dal"),
            snapshot: state.join("snapshot"),
        }
    }
}

/// The account of a unit.
fn account(unit: &str) -> Account {
    let (uid, groups) = match unit {
        "signer" => (9101, vec![]),
        "node" => (9102, vec![OCTEZ_GROUP]),
        "baker" => (9103, vec![OCTEZ_GROUP]),
        "accuser" => (9104, vec![]),
        _ => (9105, vec![]),
    };
    let gid = if unit == "node" { OCTEZ_GROUP } else { uid };
    Account { uid, gid, groups }
}

/// Decides what the guest will do.
pub fn plan(settings: &Settings, contract_digest: &str, facts: &Facts) -> Result<Plan, PlanError> {
    if !settings
        .keys
        .iter()
        .any(|key| key.role == KeyRole::Consensus)
    {
        return Err(PlanError::NoConsensusKey);
    }
    let layout = Layout::new(settings, facts);
    let units = units::units(settings, &layout)?;
    Ok(Plan {
        version: VERSION,
        host: facts.host.clone(),
        contract_digest: contract_digest.to_owned(),
        pins: facts.pins.clone(),
        network: network_argument(&settings.network),
        chain_id: settings.chain_id.clone(),
        state_path: PathBuf::from(&settings.state.path),
        credentials_path: layout.credentials.clone(),
        directories: directories(settings, &layout),
        files: files(settings, &layout)?,
        firewall: network::firewall(settings),
        snapshot: snapshot(settings, &layout),
        units,
        waived: settings.powers.delegated.clone(),
        hsm_start: settings.timing.hsm_start,
        drain: settings.timing.drain,
    })
}

/// The digest that is attested: the same contract, host and layout give the same one everywhere.
pub fn digest(plan: &Plan) -> Result<PlanDigest, PlanError> {
    let bytes = serde_json::to_vec(plan).map_err(|_| PlanError::Render)?;
    let mut hash = Sha256::new();
    hash.update(b"bakehouse plan 1\n");
    hash.update(&bytes);
    Ok(PlanDigest(hex::encode(hash.finalize())))
}

fn network_argument(network: &Network) -> String {
    match network {
        Network::BuiltIn(name) => name.clone(),
        Network::Url(url) => url.clone(),
    }
}

fn directories(settings: &Settings, layout: &Layout) -> Vec<DirectorySpec> {
    let own = |path: &PathBuf, unit: &str, gid: Option<u32>, mode: u32| {
        let account = account(unit);
        DirectorySpec {
            path: path.clone(),
            uid: account.uid,
            gid: gid.unwrap_or(account.gid),
            mode,
        }
    };
    let mut directories = vec![
        own(&layout.signer_runtime, "signer", Some(0), 0o2750),
        own(&layout.signer, "signer", None, 0o700),
        own(&layout.node, "node", Some(OCTEZ_GROUP), 0o750),
        own(&layout.baker, "baker", None, 0o700),
    ];
    if settings.accuser {
        directories.push(own(&layout.accuser, "accuser", None, 0o700));
    }
    if units::runs_dal(settings) {
        directories.push(own(&layout.dal, "dal", None, 0o700));
    }
    directories
}

fn files(settings: &Settings, layout: &Layout) -> Result<Vec<FileSpec>, PlanError> {
    let signer = account("signer");
    let secret = |name: &str| FileSpec {
        path: layout.credentials.join(name),
        uid: signer.uid,
        gid: signer.gid,
        mode: 0o400,
        sha256: None,
        secret: true,
    };
    let mut files: Vec<_> = material::CREDENTIALS
        .iter()
        .map(|name| secret(name))
        .collect();
    let baker = account("baker");
    for (name, bytes) in material::wallet(settings)? {
        files.push(FileSpec {
            path: layout.baker.join(name),
            uid: baker.uid,
            gid: baker.gid,
            mode: 0o600,
            sha256: Some(hex::encode(Sha256::digest(&bytes))),
            secret: false,
        });
    }
    Ok(files)
}

fn snapshot(settings: &Settings, layout: &Layout) -> Option<SnapshotSpec> {
    settings
        .node
        .snapshot
        .as_ref()
        .map(|snapshot| SnapshotSpec {
            url: snapshot.url.clone(),
            sha256: hex::encode(snapshot.sha256),
            file: layout.snapshot.clone(),
            unless_exists: units::imported(layout),
        })
}

#[cfg(test)]
mod tests;
