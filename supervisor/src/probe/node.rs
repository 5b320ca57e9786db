//! The node: on the right chain, bootstrapped, with a head that is fresh by the clock and grows by monotonic time.
//!
//! A node becomes Synced when its head is younger than two block times (and one probe interval). It stays Synced while the
//! head is younger than eight: three rounds in a row may fail on a healthy chain, each half a block time longer than the
//! one before, and the port must not close to all peers whenever some baker misses its slot.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::time::Instant;

use super::{Head, Questions, field, unready};
use crate::error::{Code, Halt};
use crate::host::utc;
use crate::http::{Answer, Target};
use crate::unit::machine::Verdict;

const FRESH_BLOCKS: u32 = 2;
const STALE_BLOCKS: u32 = 8;

/// The block time is a constant of the protocol, which may be replaced while the node runs.
const CONSTANTS_LIMIT: Duration = Duration::from_mins(10);

/// The probe of one run of the node.
#[derive(Debug)]
pub struct NodeProbe {
    rpc: SocketAddr,
    chain_id: String,
    interval: Duration,
    chain_checked: bool,
    block_time: Option<(Duration, Instant)>,
    /// The last level, when it was first seen, and whether a lower one was seen before.
    growth: Option<(i64, Instant, bool)>,
    synced: bool,
}

// === impl NodeProbe ===

impl NodeProbe {
    pub(super) fn new(rpc: SocketAddr, chain_id: String, interval: Duration) -> Self {
        let (block_time, growth) = (None, None);
        Self {
            rpc,
            chain_id,
            interval,
            chain_checked: false,
            block_time,
            growth,
            synced: false,
        }
    }

    pub(super) async fn probe(&mut self, ask: &Questions<'_>) -> Verdict {
        match self.head(ask).await {
            Ok(head) => {
                self.synced = true;
                ask.world.chain.publish(Some(head));
                Verdict::Synced
            }
            Err(late @ Verdict::Late { .. }) => late,
            Err(verdict) => {
                self.synced = false;
                ask.world.chain.publish(None);
                verdict
            }
        }
    }

    async fn head(&mut self, ask: &Questions<'_>) -> Result<Head, Verdict> {
        let ready = self
            .get(ask, "/health/ready")
            .await
            .map_err(|verdict| match verdict {
                Verdict::Up { reason } => unready(reason),
                verdict => verdict,
            })?;
        if field(&ready, "ready") != true {
            return Err(unready("/health/ready says no".to_owned()));
        }
        self.check_chain(ask).await?;
        let sync = self.get(ask, "/chains/main/is_bootstrapped").await?;
        if field(&sync, "bootstrapped") != true || field(&sync, "sync_state") != "synced" {
            let (done, state) = (field(&sync, "bootstrapped"), field(&sync, "sync_state"));
            return Err(up(format!("bootstrapped: {done}, sync state: {state}")));
        }
        let block_time = self.block_time(ask).await?;
        let header = self.get(ask, "/chains/main/blocks/head/header").await?;
        let level = field(&header, "level").as_i64();
        let timestamp = field(&header, "timestamp").as_str().and_then(utc::parse);
        let (level, timestamp) = level
            .zip(timestamp)
            .ok_or_else(|| up("the head is not understood".to_owned()))?;
        let now = Instant::now();
        let head = Head {
            level,
            timestamp,
            block_time,
            read: now,
        };
        self.check_fresh(&head, (ask.world.clock)(), now)?;
        Ok(head)
    }

    /// The wrong chain is never waited out: it halts.
    async fn check_chain(&mut self, ask: &Questions<'_>) -> Result<(), Verdict> {
        if self.chain_checked {
            return Ok(());
        }
        let found = self.get(ask, "/chains/main/chain_id").await?;
        let found = found.as_str().unwrap_or_default();
        if found != self.chain_id {
            let printable: String = found.chars().filter(char::is_ascii_alphanumeric).collect();
            let message = format!(
                "the node follows {printable}, the contract says {}",
                self.chain_id
            );
            return Err(Verdict::Fatal(Halt::new(Code::ChainMismatch, message)));
        }
        self.chain_checked = true;
        Ok(())
    }

    async fn block_time(&mut self, ask: &Questions<'_>) -> Result<Duration, Verdict> {
        let known = self
            .block_time
            .filter(|(_, read)| read.elapsed() < CONSTANTS_LIMIT);
        if let Some((block_time, _)) = known {
            return Ok(block_time);
        }
        let constants = self
            .get(ask, "/chains/main/blocks/head/context/constants")
            .await?;
        let delay = field(&constants, "minimal_block_delay");
        let seconds = delay
            .as_str()
            .and_then(|text| text.parse().ok())
            .or(delay.as_u64());
        let seconds = seconds.filter(|seconds| (1..=3600).contains(seconds));
        let block_time = seconds.map(Duration::from_secs);
        let block_time =
            block_time.ok_or_else(|| up("the block time is not understood".to_owned()))?;
        self.block_time = Some((block_time, Instant::now()));
        Ok(block_time)
    }

    fn check_fresh(&mut self, head: &Head, clock: SystemTime, now: Instant) -> Result<(), Verdict> {
        let (since, grows) = match self.growth {
            Some((level, since, grows)) if level >= head.level => (since, grows),
            Some(_) => (now, true),
            None => (now, false),
        };
        self.growth = Some((head.level, since, grows));
        let blocks = if self.synced {
            STALE_BLOCKS
        } else {
            FRESH_BLOCKS
        };
        let limit = head.block_time * blocks + self.interval;
        let age = head.age(clock).map_err(|ahead| {
            let (level, seconds) = (head.level, ahead.as_secs());
            up(format!(
                "the head {level} is {seconds} s ahead of this guest's clock"
            ))
        })?;
        if age >= limit {
            return Err(up(format!(
                "the head {} is {} s old",
                head.level,
                age.as_secs()
            )));
        }
        if !grows {
            return Err(up(format!("the head {} has not grown yet", head.level)));
        }
        if now.duration_since(since) >= limit {
            return Err(up(format!("the head {} has stopped growing", head.level)));
        }
        Ok(())
    }

    /// A GET whose answer is 200 and JSON.
    async fn get(&self, ask: &Questions<'_>, path: &str) -> Result<Value, Verdict> {
        let answer: Answer = ask.get(Target::Tcp(self.rpc), path).await?;
        let status = answer.status;
        let body = answer.json().filter(|_| status == 200);
        body.ok_or_else(|| up(format!("{path} answers {status}")))
    }
}

fn up(reason: String) -> Verdict {
    Verdict::Up { reason }
}
