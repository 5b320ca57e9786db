//! The two sections, typed.
//!
//! Each holds keys of IBM's, which are only looked over and warned of, and one of ours, `bakehouse:`, of which every value
//! is checked. Each of our keys belongs to one section, so that whoever writes the workload and whoever writes the env can't
//! take over each other's part; a key in the wrong one, or in both, is an error. `timing` alone may be in both.

mod args;
mod env;
mod ibm;
mod keys;
pub(crate) mod public;
mod serial;
mod tezos;
mod timing;
mod values;
mod workload;

#[cfg(test)]
mod tests;

pub use serial::serial_of;

use std::sync::Arc;

use crate::envelope::SERIALS;
use crate::error::{Code, ContractError, Warning};
use crate::limits::Limits;
use crate::node::{Node, Origin};
use crate::reader::{View, alternatives};
use crate::settings::Settings;

pub(crate) use self::tezos::built_in as built_in_chain_id;
pub(crate) use self::values::host_name;
pub(crate) use self::workload::is_network;

/// The text of one section.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) text: &'a str,
    pub(crate) origin: Origin,
}

// === impl Text ===

impl<'a> Text<'a> {
    /// A text that has lines of its own.
    pub(crate) fn section(name: &'static str, text: &'a str) -> Self {
        let origin = Origin::Section(name);
        Self { text, origin }
    }
}

/// One of the two sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Workload,
    Env,
}

/// Our keys that belong to `workload`.
const WORKLOAD: [&str; 9] = [
    "network",
    "chain_id",
    "node",
    "baker",
    "dal",
    "delegate",
    "accuser",
    "keys",
    "executables",
];
/// Our keys that belong to `env`.
const ENV: [&str; 5] = ["state", "grep11", "egress", "powers", "serial"];
/// Our keys that may be in both; `workload` wins.
const EITHER: [&str; 1] = ["timing"];

/// Reads both sections, in which nothing may be encrypted any more. `judge` sees the env before anything in it counts.
pub(crate) fn read<T>(
    workload: Text<'_>,
    env: Text<'_>,
    limits: &Limits,
    judge: impl FnOnce(&View<'_>) -> Result<T, ContractError>,
) -> Result<(Settings, Vec<Warning>, T), ContractError> {
    let mut warnings = Vec::new();
    let (workload_tree, env_tree) = (
        Section::Workload.tree(workload, limits)?,
        Section::Env.tree(env, limits)?,
    );
    let origins = (workload.origin, env.origin);
    let verdict = judge(&View::new(&env_tree, Section::Env.name(), env.origin))?;
    let workload = Section::Workload.open(&workload_tree, workload.origin, &mut warnings)?;
    let env = Section::Env.open(&env_tree, env.origin, &mut warnings)?;
    ownership(&workload, &env)?;
    ownership(&env, &workload)?;
    ibm::pair(
        &View::new(&workload_tree, Section::Workload.name(), origins.0),
        &View::new(&env_tree, Section::Env.name(), origins.1),
        &mut warnings,
    );

    let mut settings = workload::read(&workload, env::read(&env)?, &mut warnings)?;
    settings.timing = timing::merge(env.optional("timing"), workload.optional("timing"))?;
    Ok((settings, warnings, verdict))
}

/// Lets `judge` see an env section alone.
pub(crate) fn judged<T>(
    env: Text<'_>,
    limits: &Limits,
    judge: impl FnOnce(&View<'_>) -> Result<T, ContractError>,
) -> Result<T, ContractError> {
    let tree = Section::Env.tree(env, limits)?;
    let root = View::new(&tree, Section::Env.name(), env.origin);
    root.entries()?;
    judge(&root)
}

/// The serial that an env section has, if it has one.
pub(crate) fn serial(env: &View<'_>) -> Result<Option<u64>, ContractError> {
    env.optional("bakehouse")
        .and_then(|ours| ours.optional("serial"))
        .map(|serial| serial.number(SERIALS))
        .transpose()
}

/// Looks at one section alone, for want of the other.
pub(crate) fn look(
    name: &str,
    text: Text<'_>,
    limits: &Limits,
) -> Result<Vec<Warning>, ContractError> {
    let section = if name == "env" {
        Section::Env
    } else {
        Section::Workload
    };
    let mut warnings = Vec::new();
    let tree = section.tree(text, limits)?;
    let ours = section.open(&tree, text.origin, &mut warnings)?;
    section.owns_all(&ours, None)?;
    if let Some(timing) = ours.optional("timing") {
        timing::merge(Some(timing), None)?;
    }
    if section == Section::Env {
        env::read(&ours)?;
    }
    Ok(warnings)
}

/// Each key of a `bakehouse:` mapping is one of ours and where it belongs.
fn ownership(this: &View<'_>, other: &View<'_>) -> Result<(), ContractError> {
    let section = if this.place().path.starts_with("env") {
        Section::Env
    } else {
        Section::Workload
    };
    section.owns_all(this, Some(other))
}

// === impl Section ===

impl Section {
    fn name(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Env => "env",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Workload => Self::Env,
            Self::Env => Self::Workload,
        }
    }

    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Workload => &WORKLOAD,
            Self::Env => &ENV,
        }
    }

    fn tree(self, text: Text<'_>, limits: &Limits) -> Result<Arc<Node>, ContractError> {
        limits.check_section(text.text.len(), self.name())?;
        Node::parse(text.text, limits, text.origin)
    }

    /// Checks what is IBM's and returns what is ours.
    fn open<'a>(
        self,
        tree: &'a Arc<Node>,
        origin: Origin,
        warnings: &mut Vec<Warning>,
    ) -> Result<View<'a>, ContractError> {
        let root = View::new(tree, self.name(), origin);
        root.entries()?;
        let kind = root.required("type")?;
        kind.choice(&[(self.name(), ())])?;
        ibm::look(&root, self == Self::Env, warnings);
        let ours = root.required("bakehouse")?;
        ours.entries()?;
        Ok(ours)
    }

    fn owns_all(self, ours: &View<'_>, others: Option<&View<'_>>) -> Result<(), ContractError> {
        let all: Vec<&str> = self
            .keys()
            .iter()
            .chain(&EITHER)
            .chain(self.other().keys())
            .copied()
            .collect();
        ours.only(&all)?;
        for key in self.other().keys() {
            let Some(place) = ours.key_place(key) else {
                continue;
            };
            let home = self.other().name();
            if others.is_some_and(|others| others.key_place(key).is_some()) {
                let message = format!("`{key}` is in both sections and belongs to {home} only");
                return Err(ContractError::new(Code::SectionBoth, place, message));
            }
            let message = format!(
                "`{key}` belongs to {home}; here belong {}",
                alternatives(self.keys())
            );
            return Err(ContractError::new(Code::SectionWrong, place, message));
        }
        Ok(())
    }
}
