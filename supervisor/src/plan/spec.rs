//! The shapes of a plan: plain data, made by [`plan()`](super::plan), carried out by the rest of this crate.
//!
//! A plan names everything that the guest will do: which files it writes for whom, which packets may pass, which programs
//! run under which uid in which order, and when each counts as ready. It serialises without any secret.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A uid with its groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// A folder that exists before any unit starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectorySpec {
    /// Absolute path.
    pub path: PathBuf,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
}

/// A file that is written before any unit starts. Its bytes travel beside the plan, never in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSpec {
    /// Absolute path.
    pub path: PathBuf,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
    /// SHA-256 of the bytes, hex; absent for secrets.
    pub sha256: Option<String>,
    /// True for a credential: it lies on the private tmpfs and is wiped on drain.
    pub secret: bool,
}

/// Name of a unit, unique within the plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnitName(pub String);

/// A program, known by the digest of its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutableSpec {
    /// File name within the units folder; also `argv[0]`.
    pub name: String,
    /// SHA-256, hex.
    pub sha256: String,
}

/// A command that runs to its end before the unit's main process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrepareSpec {
    /// Arguments after `argv[0]`.
    pub args: Vec<String>,
    /// Not run when this path exists.
    pub unless_exists: PathBuf,
    /// Killed, and the unit failed, after this time.
    pub deadline: Duration,
}

/// How far a unit must have come before another starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It runs and answers.
    Up,
    /// It is in step with the world: node bootstrapped with a fresh head, signer armed.
    Synced,
}

/// How a unit's state is read from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ProbeSpec {
    /// `GET /readyz` of the signer: `ready` is Up, `armed` with the node's head above the floor is Synced.
    Signer {
        /// Its HTTP address.
        http: SocketAddr,
        /// Its admin socket.
        admin: PathBuf,
    },
    /// The node's RPC: health is Up (chain id compared), bootstrapped with a fresh, growing head is Synced.
    Node {
        /// Its RPC address.
        rpc: SocketAddr,
        /// The chain it must follow.
        chain_id: String,
    },
    /// An HTTP route that answers 200 is both Up and Synced.
    Http {
        /// Its address.
        address: SocketAddr,
        /// The route.
        path: String,
    },
    /// No interface at all (baker, accuser): alive for this long is both Up and Synced.
    Alive {
        /// Time without an exit.
        stable_for: Duration,
    },
}

/// What happens when a unit ends by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartSpec {
    /// First delay; doubles with each death, jittered.
    pub backoff_min: Duration,
    /// Longest delay.
    pub backoff_max: Duration,
    /// Backoff and tally start anew after running this long.
    pub stable_after: Duration,
    /// This many deaths within the window are a permanent failure.
    pub max_deaths: u32,
    /// The window.
    pub window: Duration,
}

/// How a unit is asked to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopSpec {
    /// Between the one SIGTERM and SIGKILL.
    pub grace: Duration,
    /// Exit codes that are success after our SIGTERM (0 always is).
    pub success: Vec<i32>,
}

/// One child of the supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitSpec {
    /// Its name.
    pub name: UnitName,
    /// What it runs.
    pub executable: ExecutableSpec,
    /// Arguments after `argv[0]`; never a secret.
    pub args: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// Who it runs as.
    pub account: Account,
    /// Working directory.
    pub cwd: PathBuf,
    /// File mode mask.
    pub umask: u32,
    /// Commands that run first, in order.
    pub prepare: Vec<PrepareSpec>,
    /// What must be ready before it starts.
    pub needs: Vec<(UnitName, Level)>,
    /// How its readiness is seen.
    pub probe: ProbeSpec,
    /// Time between probes; a proof older than this is stale.
    pub probe_interval: Duration,
    /// How long it may take to be Up, from its start.
    pub up_deadline: Duration,
    /// How long it may take to be Synced, from Up.
    pub synced_deadline: Duration,
    /// Restarts.
    pub restart: RestartSpec,
    /// Stop.
    pub stop: StopSpec,
}

/// New connections that a uid may open to the outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EgressRule {
    /// Why, in one word: `hsm`, `peers`, `dns`, `ntp`, `logs`, `snapshot`.
    pub purpose: String,
    /// Who may; for `hsm` everyone else is dropped, even where a wider rule would let them.
    pub uids: Vec<u32>,
    /// Over what.
    pub protocol: Protocol,
    /// To where.
    pub to: Destinations,
    /// True when all other uids are refused these destinations.
    pub exclusive: bool,
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP
    Tcp,
    /// UDP
    Udp,
}

/// Where packets may go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Destinations {
    /// Any address, any port.
    Any,
    /// These hosts and ports, by name: what a plan holds. Resolution turns it into [`Destinations::Listed`].
    Named(Vec<(String, u16)>),
    /// These addresses and ports only.
    Listed(Vec<(IpAddr, u16)>),
}

/// New connections over loopback to a local port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoopbackRule {
    /// The listening port.
    pub port: u16,
    /// Who may connect; everybody else is dropped.
    pub uids: Vec<u32>,
}

/// What the firewall lets through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallSpec {
    /// The one port that the world may reach, while it is open.
    pub port: u16,
    /// How long it stays open without a re-arm.
    pub dead_man: Duration,
    /// Outbound rules, the most specific first.
    pub egress: Vec<EgressRule>,
    /// Loopback rules.
    pub loopback: Vec<LoopbackRule>,
}

/// A snapshot that the supervisor fetches and checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotSpec {
    /// `https://…` or `file:///…`.
    pub url: String,
    /// SHA-256 of the file, hex.
    pub sha256: String,
    /// Where it is put, for the node to read; removed after the import.
    pub file: PathBuf,
    /// Not fetched when this path exists.
    pub unless_exists: PathBuf,
}

/// Everything the guest will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this format.
    pub version: u32,
    /// `sealed`, `workload` or `bench`.
    pub host: String,
    /// Digest of the contract, hex.
    pub contract_digest: String,
    /// Digest of the pins that the contract satisfies, hex: none where every deployer is as good as another.
    pub pins: Option<String>,
    /// `--network` of the node.
    pub network: String,
    /// The one chain whose consensus operations are signed.
    pub chain_id: String,
    /// The persistent volume.
    pub state_path: PathBuf,
    /// Where the credentials' private tmpfs is mounted.
    pub credentials_path: PathBuf,
    /// Folders, parents first.
    pub directories: Vec<DirectorySpec>,
    /// Files.
    pub files: Vec<FileSpec>,
    /// The firewall.
    pub firewall: FirewallSpec,
    /// A snapshot to fetch before the node's first start.
    pub snapshot: Option<SnapshotSpec>,
    /// Units in start order.
    pub units: Vec<UnitSpec>,
    /// Powers that the contract waives.
    pub waived: Vec<String>,
    /// How long an HSM may be late.
    pub hsm_start: Duration,
    /// How long the whole drain may take.
    pub drain: Duration,
}
