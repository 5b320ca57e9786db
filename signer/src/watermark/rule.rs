//! The rule itself, as a pure function of a mark and a request.

use super::error::Refusal;
use crate::request::{Class, Consensus, Height};
use crate::tezos::{Curve, Digest, Signature};

/// The highest thing that was signed, or a floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) height: Height,
    /// What was signed there. A floor has none, and none is equal to nothing.
    pub(super) digest: Option<Digest>,
}

/// What is known of the message at the mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Its signature.
    Stored(Signature),
    /// The HSM is being asked right now.
    InFlight,
    /// The HSM may or may not have signed it; nothing is stored.
    Lost,
}

/// What the rule allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Advance the mark and sign.
    Advance,
    /// Sign the same bytes again; the mark stays.
    Again,
    /// Give the stored signature.
    Replay(Signature),
    /// Wait for the one who asked first.
    Wait,
}

// === impl Mark ===

impl Mark {
    /// Nothing at or below this level may be signed.
    pub(super) fn floor(level: i32) -> Self {
        Self {
            height: Height {
                level,
                round: i32::MAX,
            },
            digest: None,
        }
    }

    pub(super) fn of(request: &Consensus) -> Self {
        Self {
            height: request.height,
            digest: Some(request.digest),
        }
    }
}

/// Design rule 2. A block's hash covers its signature, so an ECDSA block (random nonce) is never signed twice.
pub(super) fn judge(
    mark: Option<&Mark>,
    answer: Answer,
    request: &Consensus,
    curve: Curve,
) -> Result<Verdict, Refusal> {
    let (class, asked) = (request.class(), request.height);
    let Some(mark) = mark else {
        return Ok(Verdict::Advance);
    };
    if asked > mark.height {
        return Ok(Verdict::Advance);
    }
    match mark.digest {
        _ if asked < mark.height => Err(Refusal::BelowMark {
            class,
            asked,
            mark: mark.height,
        }),
        None => Err(Refusal::BelowMark {
            class,
            asked,
            mark: mark.height,
        }),
        Some(digest) if digest != request.digest => Err(Refusal::DifferentData { class, asked }),
        Some(_) => match answer {
            Answer::Stored(signature) => Ok(Verdict::Replay(signature)),
            Answer::InFlight => Ok(Verdict::Wait),
            Answer::Lost if class != Class::Block || curve.is_deterministic() => Ok(Verdict::Again),
            Answer::Lost => Err(Refusal::SignatureLost(asked)),
        },
    }
}
