//! The units of a baker, with Octez's real command lines.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bakehouse_contract::settings::{Dal, KeyRole, KeySettings, Settings, ToggleVote};

use super::spec::{
    ExecutableSpec, Level, Plan, PrepareSpec, ProbeSpec, RestartSpec, StopSpec, UnitName, UnitSpec,
};
use super::{Layout, PlanError, account, material, network_argument};

pub(super) const SIGNER_PORT: u16 = 6732;
pub(super) const NODE_RPC_PORT: u16 = 8732;
pub(super) const NODE_METRICS_PORT: u16 = 9932;
pub(super) const DAL_RPC_PORT: u16 = 10732;
pub(super) const SIGNER_HTTP: &str = "127.0.0.1:6732";
const NODE_RPC: &str = "127.0.0.1:8732";
const NODE_ENDPOINT: &str = "http://127.0.0.1:8732";
const DAL_ENDPOINT: &str = "http://127.0.0.1:10732";

/// How long a node may take to answer: after an unclean end it repairs its store first.
const NODE_RECOVERY: Duration = Duration::from_mins(30);

/// Octez's exit code after a clean stop by SIGTERM.
const OCTEZ_STOPPED: i32 = 127;

pub(super) fn runs_dal(settings: &Settings) -> bool {
    settings.dal == Dal::Outbound
}

/// Keys that the baker uses; a manager key is the operator's.
pub(super) fn baking_keys(settings: &Settings) -> impl Iterator<Item = &KeySettings> {
    settings
        .keys
        .iter()
        .filter(|key| key.role != KeyRole::Manager)
}

/// The signer's admin socket.
pub(super) fn admin_socket(plan: &Plan) -> PathBuf {
    plan.credentials_path
        .with_file_name("signer")
        .join("admin.sock")
}

/// The mark that the supervisor leaves once a snapshot has been imported whole.
pub(super) fn imported(layout: &Layout) -> PathBuf {
    layout.snapshot.with_file_name("node-imported")
}

/// All units, in start order.
pub(super) fn units(settings: &Settings, layout: &Layout) -> Result<Vec<UnitSpec>, PlanError> {
    let mut units = vec![signer(settings, layout)?, node(settings, layout)?];
    if runs_dal(settings) {
        units.push(dal(settings, layout)?);
    }
    units.push(baker(settings, layout)?);
    if settings.accuser {
        units.push(accuser(settings, layout)?);
    }
    Ok(units)
}

fn signer(settings: &Settings, layout: &Layout) -> Result<UnitSpec, PlanError> {
    let config = layout.credentials.join(material::SIGNER_CONFIG);
    let probe = ProbeSpec::Signer {
        http: local(SIGNER_PORT),
        admin: layout.signer_runtime.join("admin.sock"),
    };
    let mut unit = unit(
        settings,
        "signer",
        "bakehouse-signer",
        &layout.signer,
        probe,
    )?;
    unit.args = words(&["serve", "--config"]);
    unit.args.push(text(&config));
    unit.up_deadline = settings.timing.hsm_start;
    // It is in step once the node is, which may import, start and catch up first.
    unit.synced_deadline = NODE_RECOVERY + settings.timing.node_start * 2;
    unit.stop.success = vec![0];
    Ok(unit)
}

fn node(settings: &Settings, layout: &Layout) -> Result<UnitSpec, PlanError> {
    let data = text(&layout.node);
    let probe = ProbeSpec::Node {
        rpc: local(NODE_RPC_PORT),
        chain_id: settings.chain_id.clone(),
    };
    let mut unit = unit(settings, "node", "octez-node", &layout.node, probe)?;
    let mut init = words(&["config", "init", "--data-dir", &data, "--network"]);
    init.push(network_argument(&settings.network));
    init.extend(words(&["--history-mode", &settings.node.history_mode]));
    init.extend(words(&["--net-addr", "[::]:9732", "--rpc-addr", NODE_RPC]));
    unit.prepare.push(PrepareSpec {
        args: init,
        unless_exists: layout.node.join("config.json"),
        deadline: Duration::from_mins(2),
    });
    if let Some(snapshot) = &settings.node.snapshot {
        let file = text(&layout.snapshot);
        unit.prepare.push(PrepareSpec {
            args: words(&[
                "snapshot",
                "import",
                &file,
                "--data-dir",
                &data,
                "--block",
                &snapshot.block,
            ]),
            unless_exists: imported(layout),
            deadline: settings.timing.node_start,
        });
    }
    // The contract's word, not that of a configuration file from an earlier boot.
    unit.args = words(&["run", "--data-dir", &data, "--network"]);
    unit.args.push(network_argument(&settings.network));
    unit.args
        .extend(words(&["--history-mode", &settings.node.history_mode]));
    unit.args
        .extend(words(&["--rpc-addr", NODE_RPC, "--net-addr", "[::]:9732"]));
    unit.args
        .extend(settings.node.peers.iter().map(|(host, port)| {
            if host.contains(':') {
                format!("--peer=[{host}]:{port}")
            } else {
                format!("--peer={host}:{port}")
            }
        }));
    unit.args.extend(settings.node.extra_args.iter().cloned());
    unit.needs = vec![need("signer", Level::Up)];
    unit.umask = 0o027;
    unit.up_deadline = NODE_RECOVERY;
    Ok(unit)
}

fn dal(settings: &Settings, layout: &Layout) -> Result<UnitSpec, PlanError> {
    let data = text(&layout.dal);
    let probe = ProbeSpec::Http {
        address: local(DAL_RPC_PORT),
        path: "/health".to_owned(),
    };
    let mut unit = unit(settings, "dal", "octez-dal-node", &layout.dal, probe)?;
    let attester = format!("--attester-profiles={}", delegate(settings)?);
    unit.prepare.push(PrepareSpec {
        args: words(&[
            "config",
            "init",
            "--endpoint",
            NODE_ENDPOINT,
            &attester,
            "--data-dir",
            &data,
        ]),
        unless_exists: layout.dal.join("config.json"),
        deadline: Duration::from_mins(2),
    });
    unit.args = words(&[
        "run",
        "--endpoint",
        NODE_ENDPOINT,
        &attester,
        "--data-dir",
        &data,
    ]);
    unit.needs = vec![need("node", Level::Synced)];
    Ok(unit)
}

fn baker(settings: &Settings, layout: &Layout) -> Result<UnitSpec, PlanError> {
    let mut unit = unit(settings, "baker", "octez-baker", &layout.baker, alive())?;
    let (base, data) = (text(&layout.baker), text(&layout.node));
    unit.args = words(&["--base-dir", &base, "--endpoint", NODE_ENDPOINT]);
    unit.args
        .extend(words(&["run", "with", "local", "node", &data]));
    unit.args
        .extend(baking_keys(settings).map(|key| key.name.clone()));
    let vote = match settings.baker.liquidity_baking_toggle_vote {
        ToggleVote::On => "on",
        ToggleVote::Off => "off",
        ToggleVote::Pass => "pass",
    };
    unit.args
        .extend(words(&["--liquidity-baking-toggle-vote", vote]));
    unit.needs = vec![need("signer", Level::Synced), need("node", Level::Synced)];
    if runs_dal(settings) {
        unit.args.extend(words(&["--dal-node", DAL_ENDPOINT]));
        unit.needs.push(need("dal", Level::Up));
    } else {
        unit.args.push("--without-dal".to_owned());
    }
    unit.args.push("--keep-alive".to_owned());
    unit.args.extend(baker_words(&settings.baker.extra_args));
    Ok(unit)
}

/// The baker's command line takes a value as a word of its own; `--keep-alive` it always has.
fn baker_words(extra: &[String]) -> impl Iterator<Item = String> {
    let asked = extra.iter().filter(|arg| *arg != "--keep-alive");
    asked.flat_map(|arg| match arg.split_once('=') {
        Some((name, value)) => vec![name.to_owned(), value.to_owned()],
        None => vec![arg.clone()],
    })
}

fn accuser(settings: &Settings, layout: &Layout) -> Result<UnitSpec, PlanError> {
    let mut unit = unit(
        settings,
        "accuser",
        "octez-accuser",
        &layout.accuser,
        alive(),
    )?;
    let base = text(&layout.accuser);
    unit.args = words(&[
        "--base-dir",
        &base,
        "--endpoint",
        NODE_ENDPOINT,
        "run",
        "--keep-alive",
    ]);
    unit.needs = vec![need("node", Level::Synced), need("baker", Level::Up)];
    Ok(unit)
}

/// The delegate whose shards the DAL node attests: named, else the manager, else the consensus key itself.
fn delegate(settings: &Settings) -> Result<&str, PlanError> {
    let of_role = |role| settings.keys.iter().find(move |key| key.role == role);
    settings
        .delegate
        .as_deref()
        .or_else(|| of_role(KeyRole::Manager).map(|key| key.public_key_hash.as_str()))
        .or_else(|| of_role(KeyRole::Consensus).map(|key| key.public_key_hash.as_str()))
        .ok_or(PlanError::NoConsensusKey)
}

/// What all units share.
fn unit(
    settings: &Settings,
    name: &str,
    executable: &str,
    cwd: &Path,
    probe: ProbeSpec,
) -> Result<UnitSpec, PlanError> {
    let sha256 = settings
        .executables
        .get(executable)
        .ok_or_else(|| PlanError::ExecutableUndeclared(executable.to_owned()))?;
    Ok(UnitSpec {
        name: UnitName(name.to_owned()),
        executable: ExecutableSpec {
            name: executable.to_owned(),
            sha256: hex::encode(sha256),
        },
        args: Vec::new(),
        env: Vec::new(),
        account: account(name),
        cwd: cwd.to_owned(),
        umask: 0o077,
        prepare: Vec::new(),
        needs: Vec::new(),
        probe,
        probe_interval: Duration::from_millis(500),
        up_deadline: Duration::from_mins(2),
        synced_deadline: settings.timing.node_start,
        restart: RestartSpec {
            backoff_min: Duration::from_millis(500),
            backoff_max: Duration::from_secs(30),
            stable_after: Duration::from_mins(1),
            max_deaths: 10,
            window: Duration::from_mins(10),
        },
        stop: StopSpec {
            grace: settings.timing.stop_grace,
            success: vec![0, OCTEZ_STOPPED],
        },
    })
}

fn alive() -> ProbeSpec {
    ProbeSpec::Alive {
        stable_for: Duration::from_secs(1),
    }
}

fn need(unit: &str, level: Level) -> (UnitName, Level) {
    (UnitName(unit.to_owned()), level)
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Paths of a plan are made from UTF-8 settings.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
