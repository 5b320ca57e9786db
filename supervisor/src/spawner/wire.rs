//! What the supervisor and the spawner say to each other.
//!
//! One JSON document per packet of a `SOCK_SEQPACKET` pair. Secrets are never in one: they travel in a sealed file whose descriptor
//! comes with `Load`.

use serde::{Deserialize, Serialize};

use super::error::SpawnerError;
use super::{Exited, Loaded, Refusal, Step, UnitSignal, Wiped};

/// The largest packet, in bytes.
pub(super) const PACKET_LIMIT: usize = 16 << 10;

/// A request with the number that its answer will carry.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) id: u64,
    pub(super) what: Ask,
}

/// What the supervisor may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Ask {
    /// Carry out the load in the sealed file that comes along. Once.
    Load,
    /// Execute a step of a unit.
    Start { unit: usize, step: Step },
    /// Signal a unit.
    Signal { unit: usize, signal: UnitSignal },
    /// SIGKILL to everything.
    KillAll,
    /// Overwrite and remove all secrets.
    Wipe,
    /// Kill everything, wipe, end.
    Quit,
}

/// What the spawner says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    /// First of all: ready, or why not.
    Hello(Result<(), Refusal>),
    /// The answer to a request.
    Answer {
        id: u64,
        result: Result<Answer, Failure>,
    },
    /// A step ended.
    Exited(Exited),
}

/// A request that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Loaded(Loaded),
    /// Two pipes and the pid come along.
    Started,
    Skipped,
    /// Whether there was anything to signal.
    Signaled(bool),
    Wiped(Wiped),
    Done,
}

/// A request that was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Failure {
    Refused(Refusal),
    StartFailed { step: String, errno: i32 },
}

// === impl Failure ===

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Failure> for SpawnerError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::Refused(refusal),
            Failure::StartFailed { step, errno } => Self::StartFailed { step, errno },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![Just(Step::Main), any::<usize>().prop_map(Step::Prepare)]
    }

    fn ask() -> impl Strategy<Value = Ask> {
        prop_oneof![
            Just(Ask::Load),
            (any::<usize>(), step()).prop_map(|(unit, step)| Ask::Start { unit, step }),
            any::<usize>().prop_map(|unit| Ask::Signal {
                unit,
                signal: UnitSignal::Kill
            }),
            Just(Ask::KillAll),
            Just(Ask::Wipe),
            Just(Ask::Quit),
        ]
    }

    proptest! {
        #[test]
        fn requests_survive_the_passage(id in any::<u64>(), what in ask()) {
            let bytes = serde_json::to_vec(&Request { id, what: what.clone() }).unwrap();
            prop_assert!(bytes.len() < PACKET_LIMIT);
            let back: Request = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!((back.id, back.what), (id, what));
        }

        #[test]
        fn damaged_requests_are_errors(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(serde_json::from_slice::<Request>(&bytes).is_err());
        }
    }
}
