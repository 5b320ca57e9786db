//! The node's data directory: what another program reads there, and that only one node has it.
//!
//! The baker opens `context/` and `store/` as a member of the node's group: directories are 0750 and files 0640, while
//! the identity is for the node alone.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::octez::chain::{self, Block, Chain, Network};
use crate::octez::exit::Failure;
use crate::tezos::base58;
use crate::tezos::hash::blake2b_256;

use super::config::HistoryMode;

/// What `context/toy-context` says: whose chain this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ToyContext {
    /// `--network`
    pub(crate) network: String,
    /// `Net…`
    pub(crate) chain_id: String,
    /// As `--history-mode` says it.
    pub(crate) history_mode: String,
}

/// What `context/toy-head` says, anew for each block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ToyHead {
    /// Level of the last block written.
    pub(crate) level: i32,
    /// Its hash.
    pub(crate) hash: String,
}

/// A data directory by its path.
#[derive(Debug, Clone)]
pub(crate) struct DataDir {
    path: PathBuf,
}

/// Held while a node runs on the directory.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

// === impl DataDir ===

impl DataDir {
    /// The directory at a path; nothing is touched.
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// Makes the directory with its version file; refuses one of another version.
    pub(crate) fn create(&self) -> Result<(), Failure> {
        make_directory(&self.path)?;
        let version = self.path.join("version.json");
        if version.exists() {
            return Ok(());
        }
        write_file(&version, 0o640, b"{ \"version\": \"3.2\" }\n")
    }

    /// Takes the lock; refuses if another process has it.
    pub(crate) fn lock(&self) -> Result<Lock, Failure> {
        let path = self.path.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o640)
            .open(&path)
            .map_err(|error| failed(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(Failure::new("Data directory is locked by another process"))
            }
            Err(TryLockError::Error(error)) => Err(failed(&path, &error)),
        }
    }

    /// Where the identity is.
    pub(crate) fn identity_file(&self) -> PathBuf {
        self.path.join("identity.json")
    }

    /// True if there is an identity.
    pub(crate) fn has_identity(&self) -> bool {
        self.identity_file().exists()
    }

    /// True if a chain was stored here, by a run or an import.
    pub(crate) fn has_store(&self) -> bool {
        self.path.join("store").exists() || self.path.join("context").exists()
    }

    /// The peer id; made if missing.
    pub(crate) fn ensure_identity(&self) -> Result<String, Failure> {
        let file = self.identity_file();
        if self.has_identity() {
            let bytes = std::fs::read(&file).map_err(|error| failed(&file, &error))?;
            return serde_json::from_slice::<serde_json::Value>(&bytes)
                .ok()
                .and_then(|identity| identity.get("peer_id")?.as_str().map(str::to_owned))
                .ok_or_else(|| {
                    Failure::new(format!("the identity {} is invalid", file.display()))
                });
        }
        let seed = format!(
            "{}/{}/{}",
            chain::now_ms(),
            std::process::id(),
            self.path.display()
        );
        let digest = blake2b_256(&[seed.as_bytes()]);
        let peer = base58::encode(base58::PEER, digest.get(..16).unwrap_or_default());
        let identity = serde_json::json!({
            "peer_id": peer,
            "public_key": hex::encode(blake2b_256(&[b"public", &digest])),
            "secret_key": hex::encode(blake2b_256(&[b"a stand-in has no secret", &digest])),
            "proof_of_work_stamp": "00".repeat(24),
        });
        write_file(&file, 0o600, format!("{identity:#}\n").as_bytes())?;
        Ok(peer)
    }

    /// Lays down store and context for a chain, or checks that those that are there fit it.
    pub(super) fn ensure_chain(
        &self,
        network: &Network,
        history_mode: HistoryMode,
        force_mode: bool,
    ) -> Result<(), Failure> {
        for name in ["store", "context"] {
            make_directory(&self.path.join(name))?;
        }
        let file = self.path.join("context/toy-context");
        if file.exists() {
            let stored = read_context(&self.path)?;
            let same_mode = stored
                .history_mode
                .parse::<HistoryMode>()
                .is_ok_and(|mode| mode.same_kind(history_mode));
            if stored.chain_id != network.chain_id_text() || stored.network != network.name {
                return Err(Failure::new(format!(
                    "the data directory {} belongs to the network {} ({}), not to {}; \
                     the network of a data directory cannot be changed",
                    self.path.display(),
                    stored.network,
                    stored.chain_id,
                    network.name
                )));
            }
            if !same_mode && !force_mode {
                return Err(Failure::new(format!(
                    "Cannot switch from history mode '{}' to '{history_mode}'. Use --force-history-mode-switch, \
                     or import a corresponding snapshot in an empty data directory.",
                    stored.history_mode
                )));
            }
        }
        let context = ToyContext {
            network: network.name.clone(),
            chain_id: network.chain_id_text(),
            history_mode: history_mode.to_string(),
        };
        let text = serde_json::to_vec_pretty(&context).unwrap_or_default();
        write_file(&file, 0o640, &text)?;
        write_file(
            &self.path.join("store/toy-store"),
            0o640,
            b"a toy chain has nothing to store\n",
        )
    }

    /// Writes the head down, for the baker to read.
    pub(crate) fn write_head(&self, chain: &Chain, block: &Block) -> Result<(), Failure> {
        let hash = base58::encode(base58::BLOCK, &chain.hash(block.level));
        let head = ToyHead {
            level: block.level,
            hash,
        };
        let text = serde_json::to_vec(&head).unwrap_or_default();
        write_file(&self.path.join("context/toy-head"), 0o640, &text)
    }
}

/// Reads the context as a baker does: through the directory's and the files' permissions.
pub(crate) fn read_context(data_dir: &Path) -> Result<ToyContext, Failure> {
    read_json(&data_dir.join("context/toy-context"))
}

/// Reads the last head as a baker does.
pub(crate) fn read_head(data_dir: &Path) -> Result<ToyHead, Failure> {
    read_json(&data_dir.join("context/toy-head"))
}

fn read_json<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T, Failure> {
    let bytes = std::fs::read(file).map_err(|error| failed(file, &error))?;
    serde_json::from_slice(&bytes)
        .map_err(|_| Failure::new(format!("{} is not a node's toy context", file.display())))
}

pub(in crate::octez) fn make_directory(path: &Path) -> Result<(), Failure> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(path)
        .map_err(|error| failed(path, &error))
}

/// Replaces a file in one step.
pub(in crate::octez) fn write_file(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), Failure> {
    let beside = path.with_extension("new");
    let write = || {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(mode)
            .open(&beside)?;
        file.write_all(bytes)?;
        std::fs::rename(&beside, path)
    };
    write().map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}
