//! The node's `config.json`, as far as the stand-in needs it, in Octez's field names.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::octez::exit::Failure;

/// How much of the chain is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) enum HistoryMode {
    Archive,
    Full(Option<u32>),
    Rolling(Option<u32>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Config {
    #[serde(rename = "data-dir")]
    pub(super) data_dir: String,
    pub(super) rpc: Rpc,
    pub(super) p2p: P2p,
    pub(super) shell: Shell,
    pub(super) network: String,
    #[serde(default)]
    pub(super) metrics_addr: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rpc {
    #[serde(rename = "listen-addrs", default)]
    pub(super) listen_addrs: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct P2p {
    #[serde(rename = "bootstrap-peers", default)]
    pub(super) bootstrap_peers: Vec<String>,
    #[serde(rename = "listen-addr")]
    pub(super) listen_addr: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shell {
    pub(super) history_mode: HistoryMode,
}

// === impl HistoryMode ===

impl HistoryMode {
    /// True if a store of this mode can be run in the other without force: only the number of cycles differs.
    pub(super) fn same_kind(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

impl FromStr for HistoryMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, cycles) = match text.split_once(':') {
            Some((kind, cycles)) => (
                kind,
                Some(
                    cycles
                        .parse()
                        .map_err(|_| format!("bad number of cycles in {text}"))?,
                ),
            ),
            None => (text, None),
        };
        match (kind.to_ascii_lowercase().as_str(), cycles) {
            ("archive", None) => Ok(HistoryMode::Archive),
            ("full", cycles) => Ok(HistoryMode::Full(cycles)),
            ("rolling", cycles) => Ok(HistoryMode::Rolling(cycles)),
            _ => Err(format!("unknown history mode {text}")),
        }
    }
}

impl TryFrom<String> for HistoryMode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<HistoryMode> for String {
    fn from(mode: HistoryMode) -> Self {
        mode.to_string()
    }
}

impl fmt::Display for HistoryMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HistoryMode::Archive => f.write_str("archive"),
            HistoryMode::Full(None) => f.write_str("full"),
            HistoryMode::Rolling(None) => f.write_str("rolling"),
            HistoryMode::Full(Some(cycles)) => write!(f, "full:{cycles}"),
            HistoryMode::Rolling(Some(cycles)) => write!(f, "rolling:{cycles}"),
        }
    }
}

// === impl Config ===

impl Config {
    /// What Octez takes when nothing is said: mainnet, rolling, all interfaces, no RPC.
    pub(super) fn default_in(data_dir: &Path) -> Self {
        Self {
            data_dir: data_dir.display().to_string(),
            rpc: Rpc {
                listen_addrs: Vec::new(),
            },
            p2p: P2p {
                bootstrap_peers: Vec::new(),
                listen_addr: None,
            },
            shell: Shell {
                history_mode: HistoryMode::Rolling(None),
            },
            network: "mainnet".to_owned(),
            metrics_addr: Vec::new(),
        }
    }

    pub(super) fn read(file: &Path) -> Result<Self, Failure> {
        let failed = |reason: String| {
            Failure::new(format!(
                "Corrupted or unreadable configuration file {}: {reason}",
                file.display()
            ))
        };
        let bytes = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
        serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))
    }

    pub(super) fn write(&self, file: &Path) -> Result<(), Failure> {
        if let Some(parent) = file.parent() {
            super::data_dir::make_directory(parent)?;
        }
        super::data_dir::write_file(file, 0o640, self.render().as_bytes())
    }

    pub(super) fn render(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_modes_are_read_and_unknown_ones_refused() {
        for text in ["archive", "full", "full:3", "rolling", "rolling:79"] {
            assert_eq!(text.parse::<HistoryMode>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "light",
            "rolling:",
            "rolling:x",
            "archive:1",
            "rolling:-1",
        ] {
            assert!(text.parse::<HistoryMode>().is_err(), "{text}");
        }
        let rolling = HistoryMode::Rolling(None);
        assert!(rolling.same_kind(HistoryMode::Rolling(Some(2))));
        assert!(!rolling.same_kind(HistoryMode::Archive));
    }
}
