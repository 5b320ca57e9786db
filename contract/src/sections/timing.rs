//! Deadlines and intervals, the one part that may stand in both sections: defaults < env < workload.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use figment::Figment;
use figment::providers::Serialized;
use serde::{Deserialize, Serialize};

use crate::error::{Code, ContractError, Place};
use crate::reader::View;
use crate::settings::Timing;

/// Keys and their bounds, in seconds.
pub(super) const BOUNDS: [(&str, RangeInclusive<u64>); 5] = [
    ("dead_man_seconds", 1..=10),
    ("hsm_start_seconds", 1..=86_400),
    ("node_start_seconds", 1..=2_592_000),
    ("stop_grace_seconds", 1..=3_600),
    ("drain_seconds", 1..=7_200),
];

/// The merged layers.
#[derive(Serialize, Deserialize)]
#[allow(
    clippy::struct_field_names,
    reason = "the names are the contract's, and each of them is in seconds"
)]
struct Seconds {
    dead_man_seconds: u64,
    hsm_start_seconds: u64,
    node_start_seconds: u64,
    stop_grace_seconds: u64,
    drain_seconds: u64,
}

/// Merges the layers. Each value is checked before figment sees it, so there is nothing left for it to complain of.
pub(super) fn merge(
    env: Option<View<'_>>,
    workload: Option<View<'_>>,
) -> Result<Timing, ContractError> {
    Figment::from(Serialized::defaults(Seconds::from(Timing::default())))
        .merge(Serialized::defaults(layer(env)?))
        .merge(Serialized::defaults(layer(workload)?))
        .extract::<Seconds>()
        .map(Timing::from)
        .map_err(|_| {
            ContractError::new(Code::ValueInvalid, Place::path("timing"), "can't be merged")
        })
}

fn layer(view: Option<View<'_>>) -> Result<BTreeMap<&'static str, u64>, ContractError> {
    let Some(view) = view else {
        return Ok(BTreeMap::new());
    };
    BOUNDS
        .into_iter()
        .filter_map(|(key, range)| {
            Some(
                view.optional(key)?
                    .number(range)
                    .map(|number| (key, number)),
            )
        })
        .collect()
}

// === impl Seconds ===

impl From<Timing> for Seconds {
    fn from(timing: Timing) -> Self {
        Self {
            dead_man_seconds: timing.dead_man.as_secs(),
            hsm_start_seconds: timing.hsm_start.as_secs(),
            node_start_seconds: timing.node_start.as_secs(),
            stop_grace_seconds: timing.stop_grace.as_secs(),
            drain_seconds: timing.drain.as_secs(),
        }
    }
}

impl From<Seconds> for Timing {
    fn from(seconds: Seconds) -> Self {
        Self {
            dead_man: Duration::from_secs(seconds.dead_man_seconds),
            hsm_start: Duration::from_secs(seconds.hsm_start_seconds),
            node_start: Duration::from_secs(seconds.node_start_seconds),
            stop_grace: Duration::from_secs(seconds.stop_grace_seconds),
            drain: Duration::from_secs(seconds.drain_seconds),
        }
    }
}
