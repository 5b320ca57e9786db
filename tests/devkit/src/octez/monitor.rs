//! How a baker, accuser or DAL node sees the node: its version, whether it is bootstrapped, and its heads as they come.

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use super::http::{Base, HttpError, Lines};

/// No start-up call of ours waits longer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at a node that is not there or not ready.
pub const RETRY: Duration = Duration::from_millis(200);

/// Why a node is of no use.
#[derive(Debug, Error)]
pub enum NodeError {
    /// It cannot be reached.
    #[error("cannot reach the node: {0}")]
    Unreachable(#[from] HttpError),
    /// It says something unexpected.
    #[error("the node's answer to {0} is not understood")]
    Answer(String),
}

/// A node's RPC.
#[derive(Debug, Clone)]
pub struct Node {
    base: Base,
}

/// A head, as its header tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Level.
    pub level: i32,
    /// `B…`
    pub hash: String,
    /// When it was made; whole seconds, or finer where the node is a stand-in.
    pub time_ms: u64,
}

/// The stream of heads; the first is the one that is current.
pub struct Heads(Lines);

// === impl Node ===

impl Node {
    /// The node at a base address.
    pub fn new(base: Base) -> Self {
        Self { base }
    }

    /// Its address.
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// GET of a JSON document.
    pub async fn json(&self, path: &str) -> Result<Value, NodeError> {
        let reply = self.base.get_within(path, PATIENCE).await?;
        match reply.json() {
            Some(value) if reply.status == 200 => Ok(value),
            _ => Err(NodeError::Answer(format!("{path} ({})", reply.reason()))),
        }
    }

    /// Major and minor version.
    pub async fn version(&self) -> Result<(u64, u64), NodeError> {
        let version = self.json("/version").await?;
        let number = |name| version.get("version")?.get(name)?.as_u64();
        number("major")
            .zip(number("minor"))
            .ok_or_else(|| NodeError::Answer("/version".into()))
    }

    /// `Net…`
    pub async fn chain_id(&self) -> Result<String, NodeError> {
        let id = self.json("/chains/main/chain_id").await?;
        id.as_str()
            .map(str::to_owned)
            .ok_or_else(|| NodeError::Answer("chain_id".into()))
    }

    /// True once it follows the chain.
    pub async fn bootstrapped(&self) -> Result<bool, NodeError> {
        let state = self.json("/chains/main/is_bootstrapped").await?;
        Ok(state.get("bootstrapped").and_then(Value::as_bool) == Some(true))
    }

    /// Time between blocks.
    pub async fn block_time(&self) -> Result<Duration, NodeError> {
        let constants = self
            .json("/chains/main/blocks/head/context/constants")
            .await?;
        let milliseconds = constants
            .get("stand_in_block_time_ms")
            .and_then(Value::as_u64);
        let seconds = constants
            .get("minimal_block_delay")
            .and_then(Value::as_str)
            .and_then(|text| text.parse::<u64>().ok());
        milliseconds
            .map(Duration::from_millis)
            .or(seconds.map(Duration::from_secs))
            .ok_or_else(|| NodeError::Answer("constants".into()))
    }

    /// The stream of heads from now on.
    pub async fn heads(&self) -> Result<Heads, NodeError> {
        Ok(Heads(self.base.lines("/monitor/heads/main").await?))
    }
}

// === impl Heads ===

impl Heads {
    /// The next head; none when the node ends the stream.
    pub async fn next(&mut self) -> Result<Option<Head>, NodeError> {
        match self.0.next().await? {
            None => Ok(None),
            Some(header) => Head::read(&header).map(Some),
        }
    }
}

// === impl Head ===

impl Head {
    fn read(header: &Value) -> Result<Self, NodeError> {
        let read = || {
            let level = i32::try_from(header.get("level")?.as_i64()?).ok()?;
            let hash = header.get("hash")?.as_str()?.to_owned();
            let time_ms = header.get("stand_in_time_ms")?.as_u64()?;
            Some(Self {
                level,
                hash,
                time_ms,
            })
        };
        read().ok_or_else(|| NodeError::Answer("/monitor/heads/main".into()))
    }
}
