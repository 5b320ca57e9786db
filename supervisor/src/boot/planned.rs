//! `Boot<Opened>` → `Boot<Planned>`: what will be done is decided, before any of it is done.

use super::{Boot, Opened, Phase};
use crate::error::{Code, Halt};
use crate::host::Contract;
use crate::plan::spec::Plan;
use crate::plan::{self, Facts, PlanError};

/// A plan, and the contract that its names and secrets are taken from.
#[derive(Debug)]
pub struct Planned {
    pub(super) contract: Contract,
    pub(super) delegated: bool,
    pub(super) plan: Plan,
    pub(super) digest: String,
}

// === impl Boot ===

impl Boot<Opened> {
    /// Makes the plan. Pure but for telling of it.
    pub fn plan(self) -> Result<Boot<Planned>, Halt> {
        let Boot {
            context,
            state: Opened {
                contract,
                delegated,
            },
        } = self;
        let facts = Facts {
            host: context.places.mode.as_str().to_owned(),
            runtime_dir: context.places.runtime_dir.clone(),
            pins: contract.pins.clone(),
        };
        let plan = plan::plan(&contract.settings, &contract.digest, &facts)?;
        let digest = plan::digest(&plan)?.0;
        context
            .board
            .update(|status| status.plan = Some(digest.clone()));
        context.enter(Phase::Planned);
        Ok(Boot {
            context,
            state: Planned {
                contract,
                delegated,
                plan,
                digest,
            },
        })
    }
}

// === impl Halt ===

impl From<PlanError> for Halt {
    fn from(error: PlanError) -> Self {
        Self::new(Code::of(error.code()), error.to_string())
    }
}
