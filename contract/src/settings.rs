//! What a contract asks for, once both sections are parsed, checked and merged.
//!
//! Everything here is valid by construction: a value of [`Settings`] was read from the two `bakehouse:` mappings, each key
//! from the section it belongs to, and merged in the order defaults < env < workload where a key may be in both.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::secret::Secret;

/// The whole of our two sections, merged.
#[derive(Debug)]
pub struct Settings {
    /// Tezos network as `octez-node --network` takes it.
    pub network: Network,
    /// Chain id, `NetX…`; equal to the network's own where that is built in.
    pub chain_id: String,
    /// The Octez node.
    pub node: NodeSettings,
    /// The baker.
    pub baker: BakerSettings,
    /// Whether a DAL node runs.
    pub dal: Dal,
    /// Public key hash of the delegate, for the DAL node's attester profile; by default the manager key's, else the first
    /// consensus key's.
    pub delegate: Option<String>,
    /// Whether an accuser runs.
    pub accuser: bool,
    /// Keys the signer serves, in the order of the contract; at least one, names and public keys unique.
    pub keys: Vec<KeySettings>,
    /// SHA-256 of each executable that runs, by file name.
    pub executables: BTreeMap<String, [u8; 32]>,
    /// Where state lives.
    pub state: StateSettings,
    /// The HSM service.
    pub grep11: Grep11Settings,
    /// What else may be reached from the guest.
    pub egress: Egress,
    /// Powers the guest is allowed to lack.
    pub powers: Powers,
    /// Serial of the contract, 1 to 2⁵³: a newer contract has a higher one, so that an image can turn older ones down.
    pub serial: Option<u64>,
    /// Deadlines and intervals.
    pub timing: Timing,
}

/// A Tezos network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Network {
    /// A network that Octez knows by name: `mainnet`, `ghostnet`, `shadownet` or `sandbox`.
    BuiltIn(String),
    /// An `https://` address of a network configuration.
    Url(String),
}

/// Settings of `octez-node`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSettings {
    /// `rolling`, `rolling:N`, `full`, `full:N` or `archive`.
    pub history_mode: String,
    /// Snapshot to import once, into an empty data directory.
    pub snapshot: Option<Snapshot>,
    /// Peers to dial, `host:port`; names are resolved by the supervisor. Needed where the network's own bootstrap peers are
    /// names, for the node itself may not ask DNS.
    pub peers: Vec<(String, u16)>,
    /// Further arguments of `octez-node run`, each from the allow-list.
    pub extra_args: Vec<String>,
}

/// A snapshot of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// `https://…` or `file:///…`.
    pub url: String,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// Hash of the block that it must end in, `BL…`.
    pub block: String,
}

/// Settings of `octez-baker`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BakerSettings {
    /// The mandatory vote.
    pub liquidity_baking_toggle_vote: ToggleVote,
    /// Further arguments of `octez-baker run`, each from the allow-list.
    pub extra_args: Vec<String>,
}

/// `--liquidity-baking-toggle-vote`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToggleVote {
    /// `on`
    On,
    /// `off`
    Off,
    /// `pass`
    Pass,
}

/// Whether a DAL node runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dal {
    /// No DAL node: the baker gets `--without-dal`.
    None,
    /// A DAL node that dials out only, since 9732 is the one open port.
    Outbound,
}

/// One key in the HSM.
#[derive(Debug)]
pub struct KeySettings {
    /// Alias in the baker's wallet.
    pub name: String,
    /// What it is for.
    pub role: KeyRole,
    /// `edpk…`, `sppk…` or `p2pk…`; its base58 checksum was verified.
    pub public_key: String,
    /// `tz1…`, `tz2…` or `tz3…` of that public key (BLAKE2b-160).
    pub public_key_hash: String,
    /// EP11 blob of the private key (100 to 9216 bytes). It is of no use without the HSM's master key, yet who holds it and
    /// the credentials can sign: it is kept as a secret.
    pub blob: Secret<Vec<u8>>,
    /// Nothing at or below this level is ever signed.
    pub floor: u32,
    /// What it may sign beside consensus operations.
    pub policy: Policy,
}

/// Role of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRole {
    /// Blocks, preattestations and attestations.
    Consensus,
    /// DAL companion key of a tz4 consensus key.
    Companion,
    /// The delegate's manager key.
    Manager,
}

/// What a key may sign.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Kinds of 0x03 contents, by Tezos's names; empty means consensus operations only.
    pub operations: Vec<String>,
}

/// Where state lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateSettings {
    /// Absolute path of a mounted, persistent volume.
    pub path: String,
}

/// The grep11 service.
#[derive(Debug)]
pub struct Grep11Settings {
    /// At least one.
    pub endpoints: Vec<Endpoint>,
    /// Mutual TLS.
    pub credentials: Grep11Credentials,
}

/// One grep11 server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Name to check in the server's certificate; by default the host.
    pub server_name: Option<String>,
    /// SHA-256 of the server's certificate (DER), where its names can't be checked.
    pub pin_sha256: Option<[u8; 32]>,
}

/// PEM texts of the mutual TLS with the grep11 service.
#[derive(Debug)]
pub struct Grep11Credentials {
    /// Certificate authority of the server (one or more certificates).
    pub ca: String,
    /// Client certificate (chain); X.509 v1 is accepted.
    pub certificate: String,
    /// Client private key.
    pub key: Secret<String>,
}

/// What else may be reached from the guest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Egress {
    /// DNS servers (IP addresses), port 53.
    pub dns: Vec<std::net::IpAddr>,
    /// NTP servers (IP addresses), port 123.
    pub ntp: Vec<std::net::IpAddr>,
    /// Log receivers, `host:port`.
    pub logs: Vec<(String, u16)>,
}

/// Powers that the contract waives; each is announced for as long as the guest runs.
///
/// Own uids and the private memory for credentials can't be waived: without them no guest starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Powers {
    /// Names of waived powers, sorted: `firewall`, `state`.
    pub delegated: Vec<String>,
}

/// Deadlines and intervals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// How long 9732 stays open without a re-arm, 1 to 10 s.
    pub dead_man: Duration,
    /// How long an HSM may be late.
    pub hsm_start: Duration,
    /// How long the node may take until it is bootstrapped.
    pub node_start: Duration,
    /// How long a unit may take to stop before it is killed.
    pub stop_grace: Duration,
    /// How long the whole drain may take.
    pub drain: Duration,
}

// === impl Timing ===

impl Default for Timing {
    fn default() -> Self {
        Self {
            dead_man: Duration::from_secs(2),
            hsm_start: Duration::from_mins(10),
            node_start: Duration::from_hours(24),
            stop_grace: Duration::from_mins(5),
            drain: Duration::from_mins(10),
        }
    }
}
