//! Blocks of the toy chain by level, hash or distance from the head, as `/chains/main/blocks/…` gives them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::octez::chain::{Block, Chain, Hash, PROTO, PROTOCOL, rfc3339};
use crate::tezos::base58;

use super::{Rpc, trace};

/// How far back a hash is looked for.
const HASHES: i32 = 2048;

pub(super) fn hash_text(hash: &Hash) -> String {
    base58::encode(base58::BLOCK, hash)
}

pub(super) async fn block(
    State(rpc): State<Arc<Rpc>>,
    Path((chain, block)): Path<(String, String)>,
) -> Response {
    answer(&rpc, &chain, &block, |chain, block| {
        json!({
            "protocol": PROTOCOL,
            "chain_id": chain.network.chain_id_text(),
            "hash": hash_text(&block.hash),
            "header": header_json(chain, block),
            "operations": [[], [], [], []],
        })
    })
}

pub(super) async fn hash(
    State(rpc): State<Arc<Rpc>>,
    Path((chain, block)): Path<(String, String)>,
) -> Response {
    answer(&rpc, &chain, &block, |_, block| {
        json!(hash_text(&block.hash))
    })
}

pub(super) async fn header(
    State(rpc): State<Arc<Rpc>>,
    Path((chain, block)): Path<(String, String)>,
) -> Response {
    answer(&rpc, &chain, &block, header_json)
}

pub(super) async fn constants(
    State(rpc): State<Arc<Rpc>>,
    Path((chain, block)): Path<(String, String)>,
) -> Response {
    answer(&rpc, &chain, &block, |chain, _| {
        let seconds = chain.block_time_ms().div_ceil(1000);
        json!({
            "minimal_block_delay": seconds.to_string(),
            "delay_increment_per_round": seconds.to_string(),
            "blocks_per_cycle": 14400,
            "blocks_per_commitment": 112,
            "consensus_committee_size": 7000,
            "consensus_threshold_size": 4667,
            "stand_in_block_time_ms": chain.block_time_ms(),
        })
    })
}

/// A block's header as the RPC and the stream of heads give it.
pub(super) fn header_json(chain: &Chain, block: &Block) -> Value {
    json!({
        "protocol": PROTOCOL,
        "chain_id": chain.network.chain_id_text(),
        "hash": hash_text(&block.hash),
        "level": block.level,
        "proto": PROTO,
        "predecessor": hash_text(&block.predecessor),
        "timestamp": rfc3339(block.time_ms),
        "validation_pass": 4,
        "operations_hash": base58::encode(base58::OPERATIONS, &chain.operations(block.level)),
        "fitness": ["02", format!("{:08x}", block.level), "", "ffffffff", "00000000"],
        "context": base58::encode(base58::CONTEXT, &chain.context(block.level)),
        "payload_hash": base58::encode(base58::PAYLOAD, &block.payload),
        "payload_round": 0,
        "proof_of_work_nonce": "0000000000000000",
        "liquidity_baking_toggle_vote": "pass",
        "signature": base58::encode(base58::SIGNATURE, &[0; 64]),
        "stand_in_time_ms": block.time_ms,
    })
}

fn answer(
    rpc: &Rpc,
    chain: &str,
    block: &str,
    tell: impl FnOnce(&Chain, &Block) -> Value,
) -> Response {
    if !rpc.is_main(chain) {
        return StatusCode::NOT_FOUND.into_response();
    }
    match find(&rpc.chain, block) {
        Some(level) => Json(tell(&rpc.chain, &rpc.chain.block(level))).into_response(),
        None => trace(StatusCode::NOT_FOUND, "store.not_found", "block not found"),
    }
}

/// `head`, `head~N`, `head-N`, `genesis`, a level, or a hash.
fn find(chain: &Chain, text: &str) -> Option<i32> {
    let head = chain.head().level;
    let level = if text == "genesis" {
        0
    } else if let Some(rest) = text.strip_prefix("head") {
        let back: i32 = match rest.strip_prefix(['~', '-']) {
            Some(count) => count.parse().ok()?,
            None if rest.is_empty() => 0,
            None => return None,
        };
        head.checked_sub(back)?
    } else if let Ok(level) = text.parse() {
        level
    } else {
        let hash = base58::decode(base58::BLOCK, text).ok()?;
        (head.saturating_sub(HASHES)..=head)
            .rev()
            .find(|level| chain.hash(*level) == hash)?
    };
    (0..=head).contains(&level).then_some(level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::octez::chain::Network;
    use std::time::Duration;

    #[test]
    fn blocks_are_found_by_each_of_their_names() {
        let chain = Chain::new(Network::parse("shadownet").unwrap(), Duration::from_mins(1));
        let head = chain.head().level;
        assert_eq!(find(&chain, "head~2"), Some(chain.head().level - 2));
        assert_eq!(find(&chain, "head-2"), Some(chain.head().level - 2));
        assert_eq!(find(&chain, "genesis"), Some(0));
        assert_eq!(find(&chain, "17"), Some(17));
        assert_eq!(
            find(&chain, &hash_text(&chain.hash(head - 5))),
            Some(head - 5)
        );
        for text in [
            "headx",
            "head~",
            "head~99999999",
            "-1",
            "99999999",
            "BLx",
            "",
        ] {
            assert_eq!(find(&chain, text), None, "{text}");
        }
    }
}
