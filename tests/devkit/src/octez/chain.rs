//! The toy chain: one block per block time since a fixed moment, known to everybody by the clock alone.
//!
//! So it goes on while a node is down, survives the loss of its disk, and all nodes of a network agree. Promises that the
//! block of a level is a function of chain id and level, and that levels grow with time.

use std::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::tezos::base58;
use crate::tezos::hash::blake2b_256;

/// When level 0 was: 2025-11-01T00:00:00Z, in milliseconds.
const GENESIS_MS: u64 = 1_761_955_200_000;
/// Protocol level of all blocks.
pub const PROTO: u8 = 25;
/// The protocol that the toy blocks name.
pub const PROTOCOL: &str = "PsUshuai9QapM5TGj1JpuVGkdxz5GykdnEvS6Rh8SUVrARvZLCY";
/// The shortest block time, so that a level always fits.
pub const MIN_BLOCK_TIME: Duration = Duration::from_millis(100);

/// A hash of the toy chain.
pub type Hash = [u8; 32];

/// The network that a node follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// As `--network` says it.
    pub name: String,
    /// In `/version`.
    pub chain_name: String,
    /// First four bytes of the genesis' hash.
    pub chain_id: [u8; 4],
}

/// A chain of a network at a pace.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Which network.
    pub network: Network,
    /// Time between blocks, in milliseconds.
    block_time_ms: u64,
}

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its level.
    pub level: i32,
    /// Its hash.
    pub hash: Hash,
    /// Hash of the block before.
    pub predecessor: Hash,
    /// Unix time, in milliseconds.
    pub time_ms: u64,
    /// Hash of its payload.
    pub payload: Hash,
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// `2026-11-22T19:00:01Z`
pub fn rfc3339(time_ms: u64) -> String {
    let seconds = time_ms / 1000;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant's civil_from_days, for days after 1970.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 {
        month_index + 3
    } else {
        month_index - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest % 3600 / 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

// === impl Network ===

impl Network {
    /// A built-in network, a URL, or a file; nothing is fetched: the id of a URL or file comes from its hash.
    pub fn parse(text: &str) -> Option<Self> {
        let built_in = |chain_name: &str, chain_id| Self {
            name: text.to_ascii_lowercase(),
            chain_name: chain_name.to_owned(),
            chain_id,
        };
        match text.to_ascii_lowercase().as_str() {
            "mainnet" => Some(built_in("TEZOS_MAINNET", [0x7a, 0x06, 0xa7, 0x70])),
            // Octez's sandbox has mainnet's genesis, hence mainnet's id.
            "sandbox" => Some(built_in("SANDBOXED_TEZOS", [0x7a, 0x06, 0xa7, 0x70])),
            "ghostnet" => Some(built_in(
                "TEZOS_ITHACANET_2022-01-25T15:00:00Z",
                [0xaf, 0x18, 0x64, 0xd9],
            )),
            "shadownet" => Some(built_in("TEZOS_SHADOWNET", [0xd0, 0x52, 0x21, 0x8e])),
            _ if text.starts_with("https://") || text.starts_with("http://") => {
                Some(Self::derived(text, text.as_bytes()))
            }
            _ => std::fs::read(text)
                .ok()
                .map(|bytes| Self::derived(text, &bytes)),
        }
    }

    fn derived(name: &str, source: &[u8]) -> Self {
        let [a, b, c, d, ..] = blake2b_256(&[source]);
        Self {
            name: name.to_owned(),
            chain_name: format!("STAND_IN_{}", hex::encode([a, b, c, d])),
            chain_id: [a, b, c, d],
        }
    }

    /// `Net…`
    pub fn chain_id_text(&self) -> String {
        base58::encode(base58::CHAIN_ID, &self.chain_id)
    }
}

// === impl Chain ===

impl Chain {
    /// A chain at one block per `block_time` (at least [`MIN_BLOCK_TIME`]).
    pub fn new(network: Network, block_time: Duration) -> Self {
        let block_time = block_time.max(MIN_BLOCK_TIME);
        Self {
            network,
            block_time_ms: u64::try_from(block_time.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Time between blocks, in milliseconds.
    pub fn block_time_ms(&self) -> u64 {
        self.block_time_ms
    }

    /// The level of the head at a time.
    pub fn level_at(&self, now_ms: u64) -> i32 {
        let blocks = now_ms.saturating_sub(GENESIS_MS) / self.block_time_ms;
        i32::try_from(blocks).unwrap_or(i32::MAX)
    }

    /// The head now.
    pub fn head(&self) -> Block {
        self.block(self.level_at(now_ms()))
    }

    /// The block of a level.
    pub fn block(&self, level: i32) -> Block {
        Block {
            level,
            hash: self.hash(level),
            predecessor: self.hash(level.saturating_sub(1).max(0)),
            time_ms: self.time_ms(level),
            payload: self.derive(b"payload", level),
        }
    }

    /// The hash of a level's block.
    pub fn hash(&self, level: i32) -> Hash {
        self.derive(b"block", level)
    }

    /// The context hash of a level's block.
    pub fn context(&self, level: i32) -> Hash {
        self.derive(b"context", level)
    }

    /// The operations' hash of a level's block.
    pub fn operations(&self, level: i32) -> Hash {
        self.derive(b"operations", level)
    }

    /// When a level's block is made.
    pub fn time_ms(&self, level: i32) -> u64 {
        GENESIS_MS.saturating_add(
            u64::try_from(level)
                .unwrap_or(0)
                .saturating_mul(self.block_time_ms),
        )
    }

    fn derive(&self, what: &[u8], level: i32) -> Hash {
        blake2b_256(&[
            b"toy chain of a stand-in/",
            what,
            &self.network.chain_id,
            &level.to_be_bytes(),
        ])
    }
}

// === impl Block ===

impl Block {
    /// Header time in whole seconds, as in the block header.
    pub fn seconds(&self) -> i64 {
        i64::try_from(self.time_ms / 1000).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(block_time: Duration) -> Chain {
        Chain::new(Network::parse("shadownet").unwrap(), block_time)
    }

    #[test]
    fn built_in_networks_have_the_known_ids() {
        for (name, id) in [
            ("mainnet", "NetXdQprcVkpaWU"),
            ("sandbox", "NetXdQprcVkpaWU"),
            ("ghostnet", "NetXnHfVqm9iesp"),
            ("Shadownet", "NetXsqzbfFenSTS"),
        ] {
            assert_eq!(Network::parse(name).unwrap().chain_id_text(), id);
        }
        assert!(Network::parse("nonet").is_none());
        let url = Network::parse("https://example.org/net.json").unwrap();
        assert!(url.chain_id_text().starts_with("Net"));
        assert_ne!(
            url.chain_id,
            Network::parse("https://example.org/other.json")
                .unwrap()
                .chain_id
        );
    }

    #[test]
    fn two_nodes_of_a_network_agree_and_blocks_are_linked() {
        let (one, two) = (chain(Duration::from_secs(1)), chain(Duration::from_secs(1)));
        let level = one.level_at(GENESIS_MS + 12_345);
        assert_eq!(level, 12);
        assert_eq!(one.block(level), two.block(level));
        assert_eq!(one.block(level).predecessor, one.block(level - 1).hash);
        assert_eq!(one.block(level).seconds(), 1_761_955_212);
    }

    #[test]
    fn the_pace_is_the_block_time() {
        let fast = chain(Duration::from_millis(200));
        assert_eq!(fast.level_at(GENESIS_MS + 12_345), 61);
        assert_eq!(fast.time_ms(61), GENESIS_MS + 12_200);
        assert_eq!(chain(Duration::ZERO).block_time_ms(), 100);
    }

    #[test]
    fn times_are_rendered() {
        assert_eq!(rfc3339(GENESIS_MS), "2025-11-01T00:00:00Z");
        assert_eq!(rfc3339(1_709_210_096_789), "2024-02-29T12:34:56Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
    }
}
