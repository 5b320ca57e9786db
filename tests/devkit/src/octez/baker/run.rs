//! From a command line to a baker at work: data directory, wallet, node, then head after head.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::octez::VERSION;
use crate::octez::chain::{self, Chain, Network};
use crate::octez::exit::Failure;
use crate::octez::monitor::{Head, Node, NodeError, RETRY};
use crate::octez::node::data_dir::{self, ToyContext};
use crate::octez::say;
use crate::tezos::base58;

use super::bake::{Baker, Delegate, Tally};
use super::cli::BakerArgs;
use super::journal::Journal;
use super::marks::HighWatermarks;
use super::signer::{RemoteKey, public_key};
use super::wallet::{self, WalletKey};

/// No more unseen heads than this are written down one by one.
const MAX_UNSEEN: i32 = 1000;

/// A baker whose command line, wallet and node directory are in order.
pub(super) struct Prepared {
    args: BakerArgs,
    context: ToyContext,
    keys: Vec<WalletKey>,
    journal: Journal,
}

// === impl Prepared ===

impl Prepared {
    pub(super) fn new(args: BakerArgs) -> Result<Self, Failure> {
        let context = data_dir::read_context(&args.node_dir).map_err(|error| {
            Failure::new(format!("cannot read the node's data directory: {error}"))
        })?;
        let keys = wallet::load(&args.base_dir, &args.aliases, args.remote_signer.as_ref())
            .map_err(|error| Failure::new(error.to_string()))?;
        if keys.is_empty() {
            say::line("Warning: there is no key in the wallet, nothing will be baked");
        }
        let journal = Journal::open(&args.base_dir)
            .map_err(|error| Failure::new(format!("{}: {error}", args.base_dir.display())))?;
        if let Some(file) = &args.pidfile {
            std::fs::write(file, format!("{}\n", std::process::id()))
                .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
        }
        Ok(Self {
            args,
            context,
            keys,
            journal,
        })
    }

    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<(), Failure> {
        let node = Node::new(self.args.endpoint.clone());
        let block_time = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            ready = self.wait_for(&node) => ready?,
        };
        let baker = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            baker = self.baker(node, block_time) => Arc::new(baker?),
        };
        say::line("Baker started.");
        let mut tally = Tally::default();
        let mut last = None;
        let ended = loop {
            let follow = self.follow(&baker, &stop, &mut last, &mut tally).await;
            if stop.is_cancelled() {
                break Ok(());
            }
            let reason =
                follow.map_or_else(|error| error.to_string(), |()| "stream ended".to_owned());
            if !self.args.keep_alive {
                break Err(Failure::new(format!(
                    "Lost the connection to the node: {reason}"
                )));
            }
            say::line(&format!(
                "Lost the connection to the node ({reason}), retrying"
            ));
            tokio::time::sleep(RETRY).await;
        };
        say::line(&format!(
            "baker ends: {} blocks baked, {} messages signed, {} missed",
            tally.blocks, tally.signed, tally.missed
        ));
        ended
    }

    /// Waits until the node is there and bootstrapped, checks its version and chain; gives its block time.
    async fn wait_for(&self, node: &Node) -> Result<Duration, Failure> {
        let mut told = false;
        loop {
            match self.look(node).await {
                Ok(Some(block_time)) => return Ok(block_time),
                Ok(None) if !told => say::line("Waiting for the node to be bootstrapped..."),
                Err(Look::Refuse(failure)) => return Err(failure),
                Err(Look::Node(error)) if !self.args.keep_alive => {
                    return Err(Failure::new(error.to_string()));
                }
                Err(Look::Node(error)) if !told => say::line(&format!("{error}, retrying")),
                Ok(None) | Err(Look::Node(_)) => {}
            }
            told = true;
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn look(&self, node: &Node) -> Result<Option<Duration>, Look> {
        let (major, minor) = node.version().await?;
        let ours = (u64::from(VERSION.0), u64::from(VERSION.1));
        if (major, minor) < ours && !self.args.any_node_version {
            return Err(Look::Refuse(Failure::new(format!(
                "the node's version {major}.{minor} is older than the baker's {}.{}; \
                 see --node-version-allowed and --node-version-check-bypass",
                ours.0, ours.1
            ))));
        }
        let chain_id = node.chain_id().await?;
        if chain_id != self.context.chain_id {
            return Err(Look::Refuse(Failure::new(format!(
                "the node at {} follows {chain_id}, its data directory is of {}",
                node.base().authority(),
                self.context.chain_id
            ))));
        }
        if !node.bootstrapped().await? {
            return Ok(None);
        }
        Ok(Some(node.block_time().await?))
    }

    async fn baker(&mut self, node: Node, block_time: Duration) -> Result<Baker, Failure> {
        if let Some(dal) = &self.args.dal {
            let health = Node::new(dal.clone()).json("/health").await;
            let up = health.as_ref().is_ok_and(|health| {
                health.get("status").and_then(serde_json::Value::as_str) == Some("up")
            });
            if !up {
                say::line(&format!(
                    "Warning: unhealthy_dal_node at {}",
                    dal.authority()
                ));
            }
        }
        let chain_id = base58::decode(base58::CHAIN_ID, &self.context.chain_id)
            .map_err(|error| Failure::new(format!("the node's chain id: {error}")))?;
        let network = Network {
            name: self.context.network.clone(),
            chain_name: String::new(),
            chain_id,
        };
        let mut delegates = Vec::new();
        for (key, slot) in self.keys.drain(..).zip(0_u16..) {
            delegates.push(delegate(key, slot).await?);
        }
        let marks = HighWatermarks::open(&self.args.base_dir, &self.context.chain_id)
            .map_err(|error| Failure::new(error.to_string()))?;
        let journal = Journal::open(&self.args.base_dir)
            .map_err(|error| Failure::new(format!("the journal: {error}")))?;
        Ok(Baker {
            chain: Chain::new(network, block_time),
            node,
            node_dir: self.args.node_dir.clone(),
            delegates,
            journal: std::mem::replace(&mut self.journal, journal),
            marks,
        })
    }

    /// Works off the heads of one connection. The head that is current at the very start is left alone: an earlier
    /// process may have signed for it.
    async fn follow(
        &mut self,
        baker: &Arc<Baker>,
        stop: &CancellationToken,
        last: &mut Option<i32>,
        tally: &mut Tally,
    ) -> Result<(), NodeError> {
        let mut heads = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            heads = baker.node.heads() => heads?,
        };
        loop {
            let head = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                head = heads.next() => match head? {
                    Some(head) => head,
                    None => return Ok(()),
                },
            };
            if base58::encode(base58::BLOCK, &baker.chain.hash(head.level)) != head.hash {
                return Err(NodeError::Answer(format!(
                    "head {}: no block of the toy chain",
                    head.hash
                )));
            }
            let Some(previous) = last.replace(head.level) else {
                say::line(&format!(
                    "current head is {}, starting with the next",
                    head.level
                ));
                continue;
            };
            if head.level <= previous {
                *last = Some(previous);
                continue;
            }
            let first = previous
                .saturating_add(1)
                .max(head.level.saturating_sub(MAX_UNSEEN));
            baker.unseen(first, head.level, tally);
            let deadline = deadline(&baker.chain, &head);
            let votes = self.args.votes.current().byte();
            baker.head(head.level, votes, deadline, stop, tally).await;
        }
    }
}

/// What a look at the node can come to, besides good news.
enum Look {
    Node(NodeError),
    Refuse(Failure),
}

// === impl Look ===

impl From<NodeError> for Look {
    fn from(error: NodeError) -> Self {
        Look::Node(error)
    }
}

async fn delegate(wallet: WalletKey, slot: u16) -> Result<Delegate, Failure> {
    let WalletKey {
        name,
        hash,
        key,
        signer,
    } = wallet;
    let key = match key {
        Some(key) => key,
        None => public_key(&signer, &hash)
            .await
            .map_err(|error| Failure::new(format!("the public key of {name}: {error}")))?,
    };
    Ok(Delegate {
        name,
        key: RemoteKey { signer, hash, key },
        slot,
    })
}

/// When the next block is due: what is not signed by then is missed.
fn deadline(chain: &Chain, head: &Head) -> Instant {
    let due = head.time_ms.saturating_add(chain.block_time_ms());
    Instant::now() + Duration::from_millis(due.saturating_sub(chain::now_ms()))
}
