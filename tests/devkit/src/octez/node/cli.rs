//! octez-node's options: the real ones, each with its kind of value, and two of the stand-in's own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::octez::args::{Dialect, Opt, Parsed, Takes};
use crate::octez::chain::Network;
use crate::octez::exit::Failure;
use crate::octez::listen;

use super::config::{Config, HistoryMode};

const DIALECT: Dialect = Dialect::Cmdliner;

/// Default port of the peer-to-peer network.
pub(super) const NET_PORT: u16 = 9732;
/// Default port of the RPC.
pub(super) const RPC_PORT: u16 = 8732;
/// Default port of the metrics.
pub(super) const METRICS_PORT: u16 = 9932;

/// Where the files are: all commands have these.
const PLACE: &[Opt] = &[
    (&["data-dir", "d"], Takes::Value),
    (&["config-file"], Takes::Value),
];

/// What a configuration file holds: `config` and `run` have these.
const SETTINGS: &[Opt] = &[
    (&["network"], Takes::Value),
    (&["history-mode"], Takes::Value),
    (&["net-addr"], Takes::Value),
    (&["rpc-addr"], Takes::Values),
    (&["external-rpc-addr"], Takes::Values),
    (&["metrics-addr"], Takes::Values),
    (&["peer"], Takes::Values),
    (&["connections"], Takes::Value),
    (&["synchronisation-threshold"], Takes::Value),
    (&["sync-latency"], Takes::Value),
    (&["advertised-net-port"], Takes::Value),
    (&["expected-pow"], Takes::Value),
    (&["max-download-speed"], Takes::Value),
    (&["max-upload-speed"], Takes::Value),
    (&["binary-chunks-size"], Takes::Value),
    (&["peer-table-size"], Takes::Value),
    (&["discovery-addr"], Takes::Value),
    (&["no-bootstrap-peers"], Takes::Flag),
    (&["private-mode"], Takes::Flag),
    (&["disable-mempool"], Takes::Flag),
    (&["disable-p2p-maintenance"], Takes::Flag),
    (&["disable-p2p-swap"], Takes::Flag),
    (&["enable-testchain"], Takes::Flag),
    (&["disable-config-validation"], Takes::Flag),
    (&["allow-all-rpc"], Takes::Values),
    (&["media-type"], Takes::Value),
    (&["max-active-rpc-connections"], Takes::Value),
    (&["rpc-tls"], Takes::Value),
    (&["cors-origin"], Takes::Values),
    (&["cors-header"], Takes::Values),
    (&["log-output"], Takes::Value),
    (&["log-coloring"], Takes::Value),
    (&["operation-metadata-size-limit"], Takes::Value),
    (&["context-pruning"], Takes::Value),
    (&["storage-maintenance-delay"], Takes::Value),
];

const RUN: &[Opt] = &[
    (&["singleprocess"], Takes::Flag),
    (&["force-history-mode-switch"], Takes::Flag),
    (&["target"], Takes::Value),
    (&["v"], Takes::Flag),
    // The stand-in's own.
    (&["block-time"], Takes::Value),
    (&["shutdown-delay"], Takes::Value),
];

const SNAPSHOT: &[Opt] = &[
    (&["network"], Takes::Value),
    (&["block"], Takes::Value),
    (&["no-check"], Takes::Flag),
    (&["reconstruct"], Takes::Flag),
    (&["on-disk"], Takes::Flag),
    (&["in-memory"], Takes::Flag),
    (&["progress-display-mode"], Takes::Value),
    (&["rolling"], Takes::Flag),
    (&["export-format"], Takes::Value),
    (&["block-time"], Takes::Value),
];

const NUMBERS: &[&str] = &[
    "connections",
    "synchronisation-threshold",
    "sync-latency",
    "advertised-net-port",
    "max-download-speed",
    "max-upload-speed",
    "binary-chunks-size",
    "peer-table-size",
];

/// Which command's options are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Config,
    Identity,
    Snapshot,
    Upgrade,
    Run,
}

/// A command line of octez-node, its values read.
#[derive(Debug)]
pub(super) struct NodeArgs {
    pub(super) data_dir: PathBuf,
    pub(super) words: Vec<String>,
    pub(super) network: Option<Network>,
    history_mode: Option<HistoryMode>,
    parsed: Parsed,
}

// === impl NodeArgs ===

impl NodeArgs {
    pub(super) fn parse(args: &[String], command: Command) -> Result<Self, Failure> {
        let more: &[&[Opt]] = match command {
            Command::Config => &[SETTINGS],
            Command::Identity => &[&[(&["expected-pow"], Takes::Value)]],
            Command::Snapshot => &[SNAPSHOT],
            Command::Upgrade => &[&[(&["status"], Takes::Flag)]],
            Command::Run => &[SETTINGS, RUN],
        };
        let options: Vec<Opt> = [&[PLACE], more].concat().concat();
        let mut parsed = DIALECT.parse(&options, args)?;
        let words = std::mem::take(&mut parsed.words);
        let needs_data_dir =
            command != Command::Snapshot || words.first().is_some_and(|word| word != "info");
        let data_dir = match parsed.value("data-dir") {
            Some(text) => PathBuf::from(text),
            None if needs_data_dir => {
                return Err(Failure::new(
                    "no --data-dir: Octez would take $HOME/.tezos-node, the stand-in reads no environment",
                ));
            }
            None => PathBuf::new(),
        };
        for key in NUMBERS {
            parsed.read::<u64>(DIALECT, key)?;
        }
        let network = parsed.value("network").map(read_network).transpose()?;
        let history_mode = parsed.read(DIALECT, "history-mode")?;
        let this = Self {
            data_dir,
            words,
            network,
            history_mode,
            parsed,
        };
        this.check_addresses()?;
        Ok(this)
    }

    pub(super) fn config_file(&self) -> PathBuf {
        self.parsed
            .value("config-file")
            .map_or_else(|| self.data_dir.join("config.json"), PathBuf::from)
    }

    /// The configuration that the file, if any, and the options give together.
    pub(super) fn current(&self) -> Result<Config, Failure> {
        let file = self.config_file();
        if !file.exists() {
            return self.patched(None);
        }
        let config = Config::read(&file)?;
        if let Some(network) = &self.network
            && network.name != config.network
        {
            return Err(Failure::new(format!(
                "the network of the configuration file {} is {}, which is not the requested {}; \
                 the network of a data directory cannot be changed",
                file.display(),
                config.network,
                network.name
            )));
        }
        self.patched(Some(config))
    }

    /// A configuration with this command line's values in it.
    pub(super) fn patched(&self, base: Option<Config>) -> Result<Config, Failure> {
        let mut config = base.unwrap_or_else(|| Config::default_in(&self.data_dir));
        if let Some(network) = &self.network {
            network.name.clone_into(&mut config.network);
        }
        if read_network(&config.network).is_err() {
            return Err(Failure::new(format!(
                "the network '{}' is unknown",
                config.network
            )));
        }
        if let Some(mode) = self.history_mode {
            config.shell.history_mode = mode;
        }
        if let Some(address) = self.parsed.value("net-addr") {
            config.p2p.listen_addr = Some(address.to_owned());
        }
        for (key, list) in [
            ("rpc-addr", &mut config.rpc.listen_addrs),
            ("metrics-addr", &mut config.metrics_addr),
            ("peer", &mut config.p2p.bootstrap_peers),
        ] {
            let given: Vec<String> = self.parsed.values(key).map(str::to_owned).collect();
            if !given.is_empty() {
                *list = given;
            }
        }
        Ok(config)
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        self.parsed.flag(key)
    }

    pub(super) fn value(&self, key: &str) -> Option<&str> {
        self.parsed.value(key)
    }

    /// A time in seconds, decimals allowed.
    pub(super) fn seconds(&self, key: &str, default: Duration) -> Result<Duration, Failure> {
        match self.parsed.read::<f64>(DIALECT, key)? {
            None => Ok(default),
            Some(seconds) => Duration::try_from_secs_f64(seconds).map_err(|_| {
                DIALECT.refuse(format!("option '--{key}': invalid value '{seconds}'"))
            }),
        }
    }

    fn check_addresses(&self) -> Result<(), Failure> {
        for (key, port) in [
            ("net-addr", NET_PORT),
            ("rpc-addr", RPC_PORT),
            ("metrics-addr", METRICS_PORT),
        ] {
            for text in self.parsed.values(key) {
                listen::parse(text, port).map_err(|error| Failure::new(error.to_string()))?;
            }
        }
        match self.parsed.value("log-output") {
            None | Some("stdout" | "stderr") => Ok(()),
            Some(text) if text.starts_with("syslog:") || Path::new(text).is_absolute() => Ok(()),
            Some(text) => {
                Err(DIALECT.refuse(format!("option '--log-output': invalid value '{text}'")))
            }
        }
    }
}

pub(super) fn read_network(text: &str) -> Result<Network, Failure> {
    Network::parse(text).ok_or_else(|| {
        DIALECT.refuse(format!(
            "option '--network': invalid value '{text}', expected one of 'mainnet, ghostnet, shadownet, sandbox', \
             a URL or an existing filename"
        ))
    })
}
